"""The provider powerdns against a real PowerDNS: every outcome, judged by what its port 53 serves."""

import threading

import pytest

import harness
from harness import NAME, ZONE
from http_apis import API_KEY, ApiCaller, HttpWire, PowerdnsApi
from name_servers import NEVER_PORT, record

OLD, NEW, THIRD = "192.0.2.10", "198.51.100.10", "203.0.113.10"
RECORDS = [f"www 30 A {OLD}", "multi 30 A 192.0.2.10", "multi 30 A 192.0.2.11", "alias 30 CNAME www"]


@pytest.fixture
def closing():
    things = []
    yield lambda thing: things.append(thing) or thing
    for thing in reversed(things):
        thing.close()


@pytest.fixture
def server(world, closing):
    address = world.address(6)
    return closing(PowerdnsApi(address, harness.free_port(address), RECORDS)).start()


@pytest.fixture
def wire(world, server, closing):
    return closing(HttpWire(world.address(7), server.address, server.api_port))


@pytest.fixture
def call(server, closing):
    return closing(caller(server.url, name_servers=[server]))


def caller(url, secret=API_KEY, id="localhost", **how):
    return ApiCaller("powerdns", url, secret, id, **how)


def swapped(call):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    done = call.apply(record(OLD), record(NEW), 2, 1)
    assert done["outcome"] == "applied", done
    return done


def test_reads_swaps_and_reads_back(server, call):
    assert call.read() == {"set": record(OLD), "generation": None, "op": "", "serial": 1}
    swapped(call)
    assert call.read() == {"set": record(NEW), "generation": 2, "op": "op2", "serial": server.serial()}
    assert server.values() == [NEW] and server.generation() == 2 and server.serial() == 3
    [evidence] = call.prove(record(NEW))
    assert evidence["proved"] and evidence["detail"] == f"answers A {NEW} ttl 30"
    assert not call.prove(record(OLD))[0]["proved"]


def test_reading_writes_nothing_and_one_write_is_one_serial(server, call):
    for _ in range(5):
        call.read()
    assert server.serial() == 1
    call.apply(record(OLD), record(OLD), 1)
    assert server.serial() == 2, "record and generation are one change"


def test_makes_a_record_where_there_is_none_and_only_there(server, call):
    server.put(NAME, "A")
    assert call.read()["set"] is None
    assert call.apply(None, record(NEW, "198.51.100.11"), 1)["outcome"] == "applied"
    assert server.values() == [NEW, "198.51.100.11"]
    serial = server.serial()
    assert call.apply(None, record(OLD), 2, 1)["outcome"] == "conflict"
    assert server.serial() == serial


def test_compares_the_whole_set(server, call):
    both = record("192.0.2.10", "192.0.2.11")
    name = f"multi.{ZONE}"
    assert sorted(call.read(name)["set"]["values"]) == both["values"]
    assert call.apply(record("192.0.2.10"), record(NEW), 1, name=name)["outcome"] == "conflict"
    assert call.apply(both, record(NEW, THIRD), 1, name=name)["outcome"] == "applied"
    assert server.values(name=name) == [NEW, THIRD]


def test_never_overwrites_what_somebody_else_wrote(server, call):
    swapped(call)
    server.put(NAME, "A", THIRD)
    serial = server.serial()
    lost = call.apply(record(NEW), record(OLD), 3, 2)
    assert lost["outcome"] == "conflict", lost
    assert server.values() == [THIRD] and server.serial() == serial
    assert call.read() == {"set": record(THIRD), "generation": 2, "op": "", "serial": serial}


def test_an_older_generation_loses_and_a_repetition_is_recognised(server, call):
    swapped(call)
    serial = server.serial()
    for expected in (None, 1, 3):
        assert call.apply(record(NEW), record(OLD), 9, expected)["outcome"] == "conflict"
    assert call.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "already"
    assert server.serial() == serial


def test_a_lower_ttl_alone_is_written(server, call):
    assert call.apply(record(OLD), record(OLD, ttl=5), 1)["outcome"] == "applied"
    assert server.ttl() == 5 and call.read()["set"]["ttl"] == 5


def test_ipv6_and_a_change_of_family(server, call):
    assert call.apply(record(OLD), record("2001:db8::1", "2001:db8::2"), 1)["outcome"] == "applied"
    assert server.values("AAAA") == ["2001:db8::1", "2001:db8::2"] and server.values("A") == []
    assert call.read()["set"]["type"] == "AAAA"


def test_a_cname_for_a_cname(server, call):
    name = f"alias.{ZONE}"
    assert call.apply(record(f"www.{ZONE}"), record("backup.example.net"), 1, name=name)["outcome"] == "applied"
    assert server.values("CNAME", name) == ["backup.example.net"]
    assert call.read(name)["set"] == record("backup.example.net")


def test_a_type_changes_whole_or_not_at_all(server, call):
    """`--check` refuses to build on it: with the parts the other way round the same server answers 422."""
    ended, empty = threading.Event(), []

    def sample():
        while not ended.is_set():
            if not server.ask("A").answer:
                empty.append(server.serial())

    sampler = threading.Thread(target=sample)
    sampler.start()
    before = record(OLD)
    for generation in range(1, 21):
        want = record("backup.example.net") if generation % 2 else record(NEW)
        done = call.apply(before, want, generation, generation - 1 or None)
        assert done["outcome"] == "applied", done
        before = want
    ended.set()
    sampler.join()
    assert not empty and server.values() == [NEW] and server.values("CNAME") == []


def test_a_cname_beside_other_records_is_refused_whole(server, call):
    server.put(NAME, "TXT", '"beside"')
    serial = server.serial()
    done = call.apply(record(OLD), record("backup.example.net"), 1)
    assert done["outcome"] == "refused" and "422" in done["detail"], done
    assert server.values() == [OLD] and server.mark() is None and server.serial() == serial


def test_what_is_switched_off_is_not_there(server, call):
    server.put(NAME, "A", OLD, (THIRD, True))
    assert call.read()["set"] == record(OLD)
    swapped(call)
    assert server.values() == [NEW]


def test_what_no_service_can_have_is_told(server, call):
    server.put(NAME, "AAAA", "2001:db8::1")
    assert call.read()["code"] == "conflict"
    server.put(NAME, "AAAA")
    server.put(f"_hotswap.{NAME}", "TXT", '"v=mine"')
    both = call.read()
    assert both["code"] == "conflict" and "is not one of ours" in both["error"], both
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "refused"
    assert server.values() == [OLD] and server.mark() == "v=mine"


@pytest.mark.parametrize("secret,id,zone,word", [
    ("wrong-key-that-is-secret", "localhost", ZONE, "401"),
    (API_KEY, "elsewhere", ZONE, "404"),
    (API_KEY, "localhost", "example.net", "404"),
], ids=["wrong key", "wrong server id", "unknown zone"])
def test_a_wrong_configuration_is_told(server, closing, secret, id, zone, word):
    call = closing(caller(server.url, secret, id))
    done = call.call("apply", f"www.{zone}", zone=zone, expect=record(OLD), want=record(NEW), generation=1, op="x")
    assert done["outcome"] == "refused" and f"answers {word}" in done["detail"], done
    seen = call.call("read", f"www.{zone}", zone=zone)
    assert seen["code"] == "refused", seen
    assert secret not in str(done) + str(seen)
    assert server.serial() == 1


def test_a_lost_answer_is_told_by_the_read_back(server, wire, closing):
    call = closing(caller(wire.url))
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    wire.lose_answers = 1
    lost = call.apply(record(OLD), record(NEW), 2, 1)
    assert lost["outcome"] == "unknown" and "may have been done" in lost["detail"], lost
    back = call.read()
    assert (back["set"], back["generation"], back["op"]) == (record(NEW), 2, "op2")
    serial = server.serial()
    assert call.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "already"
    assert server.serial() == serial and len(wire.writes) == 2, "it was sent once"


def test_silence_before_the_write_is_no_doubt(server, wire, closing):
    call = closing(caller(wire.url))
    wire.stall = True
    assert call.apply(record(OLD), record(NEW), 1, within=500)["outcome"] == "failed"
    assert call.read(within=500)["code"] == "timed_out"
    assert not wire.writes and server.values() == [OLD]


@pytest.mark.parametrize("status,headers,outcome,hurdle,wait", [
    (429, {"Retry-After": "7"}, "failed", "throttled", 7000),
    (503, {"Retry-After": "3"}, "failed", "throttled", 3000),
    (503, {}, "unknown", "", 0),
    (500, {}, "unknown", "", 0),
    (504, {}, "unknown", "", 0),
    (403, {}, "refused", "", 0),
    (422, {}, "refused", "", 0),
    (302, {"Location": "http://127.0.0.1:1/"}, "refused", "", 0),
])
def test_what_a_status_means(server, wire, closing, status, headers, outcome, hurdle, wait):
    call = closing(caller(wire.url))
    wire.instead = (status, headers, b'{"error": "the key ' + API_KEY.encode() + b' is odd"}')
    done = call.apply(record(OLD), record(NEW), 1)
    seen = done["outcome"], done.get("hurdle", ""), done.get("retry_after", 0)
    assert seen == (outcome, hurdle, wait), done
    assert "is odd" in done["detail"] and API_KEY not in done["detail"], done
    assert len(wire.writes) == 1 and server.values() == [OLD]


def test_nobody_listens(world, closing):
    call = closing(caller(f"http://{world.address(6)}:{NEVER_PORT}"))
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "failed"
    assert call.read()["code"] == "unavailable"


def test_the_zones_name_servers_are_told(server, closing):
    """Without name_servers the NS set is asked for by the API; their addresses are the resolver's to know."""
    [evidence] = closing(caller(server.url)).prove(record(OLD), within=2000)
    assert evidence["server"] == f"ns1.{ZONE}" and "address is not known" in evidence["detail"], evidence


def test_the_server_dies_and_comes_back(server, call):
    swapped(call)
    server.stop()
    assert call.apply(record(NEW), record(OLD), 3, 2)["outcome"] == "failed"
    server.start()
    assert call.apply(record(NEW), record(OLD), 3, 2)["outcome"] == "applied"
    assert server.values() == [OLD]
