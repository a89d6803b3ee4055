"""The provider rfc2136 against real Knot, BIND and PowerDNS: every outcome, judged by what the server holds."""

import socket

import dns.rcode
import pytest

import harness
from name_servers import ALGORITHM, KEY_NAME, KINDS, NEVER_PORT, SECRET, Caller, Knot, Liar, Wire, record, replay

OLD, NEW, THIRD = "192.0.2.10", "198.51.100.10", "203.0.113.10"
RECORDS = [f"www 30 A {OLD}", "multi 30 A 192.0.2.10", "multi 30 A 192.0.2.11", "alias 30 CNAME www"]


@pytest.fixture
def closing():
    things = []
    yield lambda thing: things.append(thing) or thing
    for thing in reversed(things):
        thing.close()


@pytest.fixture(params=list(KINDS), ids=list(KINDS))
def server(request, world, closing):
    return started(KINDS[request.param], world, closing)


@pytest.fixture
def knot(world, closing):
    return started(Knot, world, closing)


def started(kind, world, closing, number=6, address=None, **how):
    address = address or kind.home(world, number)
    return closing(kind(address, harness.free_port(address), RECORDS, **how)).start()


def swapped(call):
    """First contact, then a swap: generation 2, NEW."""
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    done = call.apply(record(OLD), record(NEW), 2, 1)
    assert done["outcome"] == "applied", done
    return done


def test_reads_swaps_and_reads_back(server, closing):
    call = closing(Caller(server, name_servers=[server]))
    assert call.read() == {"set": record(OLD), "generation": None, "op": "", "serial": 1}
    done = swapped(call)
    assert done["detail"] == f"{server.at} answers NOERROR"
    back = call.read()
    assert back == {"set": record(NEW), "generation": 2, "op": "op2", "serial": server.serial()}
    assert server.values() == [NEW] and server.generation() == 2
    [evidence] = call.prove(record(NEW))
    assert evidence["proved"] and evidence["detail"] == f"answers A {NEW} ttl 30"
    assert not call.prove(record(OLD))[0]["proved"]


def test_makes_a_record_where_there_is_none_and_only_there(server, closing):
    call = closing(Caller(server))
    assert server.change(lambda update: update.delete("www", "A")) == dns.rcode.NOERROR
    assert call.read()["set"] is None
    assert call.apply(None, record(NEW, "198.51.100.11"), 1)["outcome"] == "applied"
    assert server.values() == [NEW, "198.51.100.11"]
    serial = server.serial()
    again = call.apply(None, record(OLD), 2, 1)
    assert again["outcome"] == "conflict", again
    assert server.serial() == serial


def test_compares_the_whole_set(server, closing):
    call = closing(Caller(server))
    both = record("192.0.2.10", "192.0.2.11")
    assert sorted(call.read("multi.example.com")["set"]["values"]) == both["values"]
    part = call.apply(record("192.0.2.10"), record(NEW), 1, name="multi.example.com")
    assert part["outcome"] == "conflict", part
    assert server.values(name="multi.example.com") == both["values"]
    assert call.apply(both, record(NEW, THIRD), 1, name="multi.example.com")["outcome"] == "applied"
    assert server.values(name="multi.example.com") == [NEW, THIRD]


def test_a_lower_ttl_alone_is_written(server, closing):
    call = closing(Caller(server))
    assert call.apply(record(OLD), record(OLD, ttl=5), 1)["outcome"] == "applied"
    assert server.ttl() == 5 and call.read()["set"]["ttl"] == 5


def test_never_overwrites_what_somebody_else_wrote(server, closing):
    call = closing(Caller(server))
    swapped(call)
    server.write(THIRD)
    serial = server.serial()
    lost = call.apply(record(NEW), record(OLD), 3, 2)
    assert lost["outcome"] == "conflict", lost
    assert server.values() == [THIRD] and server.serial() == serial
    # The generation is still ours, the record is not: nobody's operation wrote it.
    assert call.read() == {"set": record(THIRD), "generation": 2, "op": "", "serial": serial}


def test_an_older_generation_loses(server, closing):
    call = closing(Caller(server))
    swapped(call)
    for expected in (None, 1, 3):
        late = call.apply(record(NEW), record(OLD), 9, expected)
        assert late["outcome"] == "conflict", late
    assert server.values() == [NEW] and server.generation() == 2


def test_a_repetition_of_our_own_write_is_recognised(server, closing):
    call = closing(Caller(server))
    swapped(call)
    serial = server.serial()
    assert call.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "already"
    assert server.serial() == serial


def test_a_copy_of_an_old_packet_changes_nothing(server, world, closing):
    wire = closing(Wire(world.address(7), server))
    call = closing(Caller(wire))
    swapped(call)
    assert call.apply(record(NEW), record(OLD), 3, 2)["outcome"] == "applied"
    serial = server.serial()
    assert len(wire.updates) == 3
    for packet in wire.updates:
        # The first one expected no generation record at all.
        assert replay(server, packet) == ("YXRRSET" if packet is wire.updates[0] else "NXRRSET")
    assert server.values() == [OLD] and server.generation() == 3 and server.serial() == serial


def test_without_the_generation_a_copy_is_obeyed(knot, world, closing):
    """What guard: value gives up, and why it is not the default."""
    wire = closing(Wire(world.address(7), knot))
    call = closing(Caller(wire, value=True))
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "applied"
    assert call.apply(record(NEW), record(OLD), 2)["outcome"] == "applied"
    assert knot.mark() is None
    assert call.read() == {"set": record(OLD), "generation": None, "op": "", "serial": knot.serial()}
    assert replay(knot, wire.updates[0]) == "NOERROR"
    assert knot.values() == [NEW]


def test_the_value_alone_is_compared_where_asked(server, closing):
    call = closing(Caller(server, value=True))
    assert call.apply(record(THIRD), record(NEW), 1)["outcome"] == "conflict"
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "applied"
    assert server.values() == [NEW] and server.mark() is None


def test_a_lost_answer_is_told_by_the_read_back(server, world, closing):
    wire = closing(Wire(world.address(7), server))
    call = closing(Caller(wire))
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    wire.lose_answers = 1
    lost = call.apply(record(OLD), record(NEW), 2, 1, within=700)
    assert lost["outcome"] == "unknown" and "may have been done" in lost["detail"], lost
    back = call.read()
    assert (back["set"], back["generation"], back["op"]) == (record(NEW), 2, "op2")
    serial = server.serial()
    assert call.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "already"
    assert server.serial() == serial and len(wire.updates) == 2


def test_a_request_that_never_arrived_is_unknown_and_read_as_old(server, world, closing):
    wire = closing(Wire(world.address(7), server))
    call = closing(Caller(wire))
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    wire.stall = True
    lost = call.apply(record(OLD), record(NEW), 2, 1, within=700)
    assert lost["outcome"] in ("unknown", "failed"), lost
    assert call.read(within=700)["code"] in ("timed_out", "unavailable")
    wire.stall = False
    assert call.read()["generation"] == 1 and server.values() == [OLD]
    assert call.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "applied"


@pytest.mark.parametrize("key,signed_word", [
    (f"{KEY_NAME}:{ALGORITHM}:{'A' * 43}=", "BADSIG"),
    (f"nobody:{ALGORITHM}:{SECRET}", "BADKEY"),
    (f"{KEY_NAME}:hmac-sha512:{SECRET}", "BADKEY"),
    ("", None),
], ids=["wrong secret", "unknown key", "other algorithm", "no key"])
def test_a_wrong_key_is_a_matter_of_configuration(server, closing, key, signed_word):
    for value in (False, True):
        call = closing(Caller(server, key=key, value=value))
        done = call.apply(record(OLD), record(NEW), 1)
        assert done["outcome"] == "refused", done
        if signed_word and server.signs_refusals:
            assert signed_word in done["detail"], done
        assert SECRET not in str(done)
    if key:
        assert call.read()["code"] == "refused"
    assert server.values() == [OLD] and server.serial() == 1


def test_what_one_of_two_servers_refuses_the_other_is_asked(knot, world, closing):
    address = world.address(8)
    other = closing(Knot(address, harness.free_port(address), [f"www 30 A {OLD}"], secret="A" * 43 + "=").start())
    wire = closing(Wire(world.address(7), knot))
    call = closing(Caller(wire, other))
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    wire.stall = True
    seen = call.read(within=1500)
    assert seen["code"] in ("timed_out", "unavailable") and "BADSIG" in seen["error"], seen
    wire.stall = False
    done = closing(Caller(other, wire)).apply(record(OLD), record(NEW), 2, 1)
    assert done["outcome"] == "applied" and "BADSIG" in done["detail"], done
    assert call.read()["generation"] == 2
    assert closing(Caller(other, other)).read()["code"] == "refused", "all of them say no"


@pytest.mark.parametrize("ahead", [600, -600])
def test_a_wrong_clock_is_told_with_the_difference(server, closing, ahead):
    call = closing(Caller(server, clock=ahead))
    done = call.apply(record(OLD), record(NEW), 1)
    assert server.values() == [OLD]
    if server.signs_refusals:
        assert done["outcome"] == "failed", done
        assert "BADTIME" in done["detail"] and "600 s" in done["detail"].replace("599 s", "600 s").replace(
            "601 s", "600 s") and ("behind ours" if ahead > 0 else "ahead of ours") in done["detail"], done
    else:
        assert done["outcome"] == "refused", done
    near = closing(Caller(server, clock=280 if ahead > 0 else -280))
    assert near.apply(record(OLD), record(NEW), 1)["outcome"] == "applied"


def test_what_the_key_may_not_change_is_refused(knot, closing):
    call = closing(Caller(knot))
    assert call.apply(record("www.example.com"), record("www2.example.com"), 1,
                      name="alias.example.com")["outcome"] == "refused"
    other = call.call("apply", "www.example.net", expect=None, want=record(NEW), generation=1, op="x")
    assert other["outcome"] == "refused", other


def test_a_type_changes_at_once_and_back(server, closing):
    call = closing(Caller(server))
    away = call.apply(record(OLD), record("backup.example.net"), 1)
    assert away["outcome"] == "applied", away
    assert call.read()["set"] == record("backup.example.net")
    assert call.apply(record("backup.example.net"), record("2001:db8::1", "2001:db8::2"), 2, 1)["outcome"] == "applied"
    assert server.values("AAAA") == ["2001:db8::1", "2001:db8::2"] and server.values("A") == []
    assert call.apply(record("2001:db8::1", "2001:db8::2"), record(OLD), 3, 2)["outcome"] == "applied"
    assert server.values() == [OLD] and server.values("AAAA") == []


def test_a_cname_beside_other_records_is_refused_before_it_does_harm(server, closing):
    """Knot and BIND would take the address out, ignore the CNAME, and say NOERROR: the name would be empty."""
    call = closing(Caller(server))
    assert server.change(lambda update: update.add("www", 30, "TXT", "beside")) == dns.rcode.NOERROR
    for generation in (1, 2):
        before = None if generation == 1 else 1
        done = call.apply(record(OLD), record("backup.example.net"), generation, before)
        assert done["outcome"] == "refused" and "cannot stand beside" in done["detail"], done
        assert server.values() == [OLD]
        if generation == 1:
            assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    assert call.read() == {"set": record(OLD), "generation": 1, "op": "op1", "serial": server.serial()}


def test_a_name_with_both_families_is_left_alone(server, closing):
    call = closing(Caller(server))
    assert server.change(lambda update: update.add("www", 30, "AAAA", "2001:db8::1")) == dns.rcode.NOERROR
    both = call.read()
    assert both["code"] == "conflict" and "a name of its own" in both["error"], both
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "conflict"
    assert server.values() == [OLD]


def test_a_foreign_text_is_left_alone(server, closing):
    call = closing(Caller(server))
    assert server.change(lambda update: update.add("_hotswap.www", 30, "TXT", "v=mine")) == dns.rcode.NOERROR
    assert "is not one of ours" in call.read()["error"]
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "refused"
    assert server.mark() == "v=mine" and server.values() == [OLD]


@pytest.mark.parametrize("algorithm", ["hmac-sha1", "hmac-sha224", "hmac-sha384", "hmac-sha512"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_algorithm(kind, algorithm, world, closing):
    server = started(kind, world, closing, algorithm=algorithm)
    swapped(closing(Caller(server, key=f"{KEY_NAME}:{algorithm}:{SECRET}")))
    assert server.values() == [NEW]


def test_by_udp(server, closing):
    call = closing(Caller(server, udp=True))
    swapped(call)
    assert call.read()["generation"] == 2
    wrong = closing(Caller(server, udp=True, key=f"{KEY_NAME}:{ALGORITHM}:{'A' * 43}="))
    assert wrong.apply(record(NEW), record(OLD), 3, 2)["outcome"] == "refused"
    assert server.values() == [NEW]


def test_over_ipv6(world, closing):
    for kind in KINDS.values():
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            port = probe.getsockname()[1]
        server = closing(kind("::1", port, ["www 30 AAAA 2001:db8::1"])).start()
        call = closing(Caller(server, name_servers=[server]))
        assert call.read()["set"] == record("2001:db8::1")
        assert call.apply(record("2001:db8::1"), record("2001:db8::2"), 1)["outcome"] == "applied"
        assert server.values("AAAA") == ["2001:db8::2"]
        assert call.prove(record("2001:db8::2"))[0]["proved"]


class TestSeveralServers:
    def test_the_next_one_is_asked_where_nobody_listens(self, knot, closing):
        nobody = f"{knot.address}:{NEVER_PORT}"
        call = closing(Caller(nobody, knot))
        assert call.read()["set"] == record(OLD)
        swapped(call)
        # It comes last now, and is not asked while the other one answers.
        assert nobody not in call.apply(record(NEW), record(OLD), 3, 2)["detail"]

    def test_a_silent_one_leaves_time_for_the_next(self, knot, world, closing):
        wire = closing(Wire(world.address(7), knot))
        wire.stall = True
        call = closing(Caller(wire, knot))
        assert call.read(within=2000)["set"] == record(OLD)
        assert call.apply(record(OLD), record(NEW), 1, within=2000)["outcome"] == "applied"

    def test_a_lost_answer_is_not_repeated_elsewhere(self, knot, world, closing):
        wire = closing(Wire(world.address(7), knot))
        wire.lose_answers = 1
        call = closing(Caller(wire, knot))
        assert call.apply(record(OLD), record(NEW), 1, within=1500)["outcome"] == "unknown"
        assert knot.serial() == 2 and call.read()["generation"] == 1

    def test_down_is_told_of_each(self, world, closing):
        nobody = [f"{world.address(6)}:{NEVER_PORT}", f"{world.address(7)}:{NEVER_PORT}"]
        call = closing(Caller(*nobody))
        done = call.apply(record(OLD), record(NEW), 1)
        assert done["outcome"] == "failed", done
        for server in nobody:
            assert f"{server} nothing listens there (TCP refused)" in done["detail"]
        assert call.read()["code"] == "unavailable"


def flags(request, rcode, first=0xA8):
    return bytes([request[0], request[1], first, rcode])


LIES = {
    "unsigned NOERROR": lambda request: flags(request, 0) + bytes(8),
    "unsigned NXRRSET": lambda request: flags(request, 8) + bytes(8),
    "unsigned SERVFAIL": lambda request: flags(request, 2) + bytes(8),
    "our own bytes": lambda request: request,
    "our own bytes as an answer": lambda request: request[:2] + b"\xa8" + request[3:],
    "another id": lambda request: bytes([request[0] ^ 1]) + flags(request, 0)[1:] + bytes(8),
    "answer to a query": lambda request: flags(request, 0, 0x80) + bytes(8),
    "a header cut short": lambda request: request[:5],
    "nothing at all": lambda request: b"",
    "counts without records": lambda request: flags(request, 0) + b"\xff" * 8,
    "the connection closed": lambda request: None,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=list(LIES))
def test_what_nobody_signed_proves_nothing(lie, world, closing):
    liar = closing(Liar(world.address(6), lie))
    done = closing(Caller(liar, value=True)).apply(record(OLD), record(NEW), 1)
    assert done["outcome"] == "unknown", done
    assert len(liar.requests) == 1, "it is sent once"
    assert "error" in closing(Caller(liar, value=True)).read()


def test_the_zones_name_servers_are_found(knot, closing):
    """Without name_servers the NS set is asked, on port 53: nobody listens there in this test, and that is told."""
    call = closing(Caller(knot))
    [evidence] = call.prove(record(OLD), within=2000)
    assert evidence["server"] == f"{knot.address}:53" and not evidence["proved"]
    gone = closing(Caller(f"{knot.address}:{NEVER_PORT}"))
    [evidence] = gone.prove(record(OLD), within=2000)
    assert evidence["server"] == "the zone's name servers" and "refused" in evidence["detail"], evidence


def test_the_server_dies_and_comes_back(server, closing):
    call = closing(Caller(server))
    swapped(call)
    server.stop()
    assert call.apply(record(NEW), record(OLD), 3, 2)["outcome"] == "failed"
    server.start()
    assert call.apply(record(NEW), record(OLD), 3, 2)["outcome"] == "applied"
    assert server.values() == [OLD]
