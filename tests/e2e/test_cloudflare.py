"""The provider cloudflare against a double that judges shape and token, and the double against the official client."""

import json
import pathlib
import shutil
import subprocess

import pytest

import harness
from cloudflare_double import TOKEN, ZONE_ID, Cloudflare
from harness import NAME, ZONE
from http_apis import ApiCaller
from name_servers import NEVER_PORT, record

OLD, NEW, THIRD = "192.0.2.10", "198.51.100.10", "203.0.113.10"
NODE = pathlib.Path(__file__).parent / "node"


@pytest.fixture
def closing():
    things = []
    yield lambda thing: things.append(thing) or thing
    for thing in reversed(things):
        thing.close()


@pytest.fixture
def double(world, closing):
    made = closing(Cloudflare(world.address(6)))
    made.put(NAME, "A", OLD)
    return made


def caller(url, secret=TOKEN, id=ZONE_ID, **how):
    return ApiCaller("cloudflare", url, secret, id, **how)


@pytest.fixture
def call(double, closing):
    return closing(caller(double.url, name_servers=[double.at]))


def rr(*values, ttl=60):
    return record(*values, ttl=ttl)


def swapped(call):
    assert call.apply(rr(OLD), rr(OLD), 1)["outcome"] == "applied"
    done = call.apply(rr(OLD), rr(NEW), 2, 1)
    assert done["outcome"] == "applied", done


class TestTheDouble:
    """What the official client does to it works, and what Cloudflare refuses it refuses to that client, too."""

    def official(self, double, *steps, token=TOKEN):
        node = shutil.which("node")
        if not node or not (NODE / "node_modules" / "cloudflare").is_dir():
            pytest.skip("the double is NOT proved: no official client here (scripts/install-deps --test fetches it)")
        done = subprocess.run([node, "cloudflare_client.mjs", double.url, token, ZONE_ID], input=json.dumps(steps),
                              cwd=NODE, capture_output=True, text=True, timeout=60 * harness.SLOW)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def test_every_call_of_the_official_client(self, double):
        made = {"name": f"new.{ZONE}", "type": "A", "content": THIRD, "ttl": 60, "proxied": False, "comment": "gen=1"}
        zone, listed, created = self.official(double, {"do": "zone"}, {"do": "list", "name": {"exact": NAME}},
                                              {"do": "create", **made})
        assert zone["name"] == ZONE and [r["content"] for r in listed] == [OLD]
        assert {k: created[k] for k in made} == made
        id = created["id"]
        edited, updated, got, gone = self.official(
            double, {"do": "edit", "id": id, **made, "content": NEW},
            {"do": "update", "id": id, **{k: v for k, v in made.items() if k != "comment"}}, {"do": "get", "id": id},
            {"do": "delete", "id": id})
        assert edited["content"] == NEW and edited["comment"] == "gen=1"
        assert updated["content"] == THIRD and updated["comment"] is None, "a PUT replaces all of it"
        assert got == updated and gone == {"id": id}

    def test_the_name_is_asked_for_in_the_same_words(self, double, call):
        self.official(double, {"do": "list", "name": {"exact": NAME}, "per_page": 100, "page": 1})
        theirs = double.requests[0][1]
        double.requests.clear()
        call.read()
        ours = double.requests[0][1]
        assert sorted(ours.split("?")[1].split("&")) == sorted(theirs.split("?")[1].split("&"))
        assert ours.split("?")[0] == theirs.split("?")[0]

    def test_a_batch_happens_whole_or_not_at_all(self, double):
        [old] = double.records
        good = {"do": "batch", "patches": [{"id": old, "name": NAME, "type": "A", "content": NEW, "ttl": 60}],
                "posts": [{"name": NAME, "type": "A", "content": THIRD, "ttl": 60}]}
        [done] = self.official(double, good)
        assert [r["content"] for r in done["patches"]] == [NEW] and double.values() == [NEW, THIRD]
        bad = {"do": "batch", "deletes": [{"id": old}], "posts": [{"name": NAME, "type": "A", "content": "x", "ttl": 60}]}
        [no] = self.official(double, bad)
        assert no["status"] == 400 and "9005" in no["error"] and double.values() == [NEW, THIRD]

    def test_pages_and_refusals(self, double):
        double.page = 2
        double.put(NAME, "A", *[f"192.0.2.{i}" for i in range(1, 6)])
        [listed] = self.official(double, {"do": "list", "name": {"exact": NAME}})
        assert len(listed) == 5
        double.page = 100
        refused = self.official(
            double, {"do": "create", "name": NAME, "type": "CNAME", "content": "b.example.net", "ttl": 60},
            {"do": "create", "name": NAME, "type": "A", "content": "192.0.2.1", "ttl": 60},
            {"do": "create", "name": NAME, "type": "A", "content": THIRD, "ttl": 30},
            {"do": "get", "id": "0" * 32})
        assert [no["status"] for no in refused] == [400, 400, 400, 404]
        [stranger] = self.official(double, {"do": "zone"}, token="wrong")
        assert stranger["status"] == 403


def test_reads_swaps_and_reads_back(double, call):
    assert call.read() == {"set": rr(OLD), "generation": None, "op": "", "serial": 0}
    swapped(call)
    assert call.read() == {"set": rr(NEW), "generation": 2, "op": "op2", "serial": 0}
    assert double.values() == [NEW] and double.generation() == 2
    [evidence] = call.prove(rr(NEW))
    assert evidence["proved"] and evidence["detail"] == f"answers A {NEW} ttl 60", evidence


def test_a_record_keeps_its_id_and_a_write_is_one_transaction(double, call):
    [id] = double.records
    serial = double.serial
    swapped(call)
    assert list(double.records) == [id] and double.serial == serial + 2
    assert [target.rsplit("/", 1)[1] for _, target, _ in double.writes] == ["batch", "batch"]


def test_several_values_are_one_set(double, call):
    assert call.apply(rr(OLD), rr(NEW, THIRD), 1)["outcome"] == "applied"
    assert double.values() == [NEW, THIRD] and len(double.comments()) == 1
    back = call.read()
    assert sorted(back["set"]["values"]) == [NEW, THIRD] and back["op"] == "op1"
    assert call.apply(rr(NEW), rr(OLD), 2, 1)["outcome"] == "conflict", "the whole set is compared"
    assert call.apply(rr(NEW, THIRD), rr(OLD), 2, 1)["outcome"] == "applied"
    assert double.values() == [OLD]


def test_a_long_list_is_read_to_its_end(double, call):
    double.page = 2
    double.put(NAME, "A", *[f"192.0.2.{i}" for i in range(1, 6)])
    assert len(call.read()["set"]["values"]) == 5


def test_makes_a_record_where_there_is_none_and_only_there(double, call):
    double.put(NAME, "A")
    assert call.read()["set"] is None
    assert call.apply(None, rr(NEW), 1)["outcome"] == "applied"
    assert double.values() == [NEW]
    assert call.apply(None, rr(OLD), 2, 1)["outcome"] == "conflict"


def test_nothing_is_made_in_a_zone_that_is_another(double, call):
    """Cloudflare would make www.example.net.example.com of it."""
    other = call.call("apply", "www.example.net", zone="example.net", expect=None, want=rr(NEW), generation=1, op="x")
    assert other["outcome"] == "refused" and "zone_id is the zone example.com" in other["detail"], other
    double.put(NAME, "A")
    double.shares_zone = False
    blind = call.apply(None, rr(NEW), 1)
    assert blind["outcome"] == "refused" and not double.writes, blind


def test_never_overwrites_what_somebody_else_wrote(double, call):
    swapped(call)
    double.put(NAME, "A", THIRD)
    serial = double.serial
    assert call.apply(rr(NEW), rr(OLD), 3, 2)["outcome"] == "conflict"
    assert double.values() == [THIRD] and double.serial == serial
    assert call.read()["generation"] is None


def test_an_older_generation_loses_and_a_repetition_is_recognised(double, call):
    swapped(call)
    serial = double.serial
    for expected in (None, 1, 3):
        assert call.apply(rr(NEW), rr(OLD), 9, expected)["outcome"] == "conflict"
    assert call.apply(rr(OLD), rr(NEW), 2, 1)["outcome"] == "already"
    assert double.serial == serial


def test_a_proxied_record_is_refused(double, call):
    double.put(NAME, "A", OLD, proxied=True)
    seen = call.read()
    assert seen["code"] == "refused" and "DNS only" in seen["error"], seen
    assert call.apply(rr(OLD), rr(NEW), 1)["outcome"] == "refused"
    assert double.values() == [OLD] and not double.writes


def test_a_type_is_not_changed_where_the_edge_could_be_empty(double, call):
    done = call.apply(rr(OLD), rr("backup.example.net"), 1)
    assert done["outcome"] == "refused" and "empty for a moment" in done["detail"], done
    double.put(f"alias.{ZONE}", "CNAME", "a.example.net")
    assert call.apply(rr("a.example.net"), rr("b.example.net"), 1, name=f"alias.{ZONE}")["outcome"] == "applied"
    assert double.values("CNAME", f"alias.{ZONE}") == ["b.example.net"]
    assert double.values() == [OLD]


def test_both_families_at_a_name_are_left_alone(double, call):
    with double.lock:
        double._add({"name": NAME, "type": "AAAA", "content": "2001:db8::1", "ttl": 60})
    assert call.read()["code"] == "conflict"
    assert call.apply(rr(OLD), rr(NEW), 1)["outcome"] == "refused" and not double.writes


def test_a_ttl_that_it_does_not_keep_is_refused(double, call):
    done = call.apply(rr(OLD), rr(NEW, ttl=30), 1)
    assert done["outcome"] == "refused" and "Invalid TTL" in done["detail"], done
    assert double.values() == [OLD]


@pytest.mark.parametrize("secret,id,word", [
    ("a-wrong-token-that-is-secret", ZONE_ID, "Authentication error (10000)"),
    (TOKEN, "f" * 32, "answers 404"),
], ids=["wrong token", "wrong zone id"])
def test_a_wrong_configuration_is_told(double, closing, secret, id, word):
    call = closing(caller(double.url, secret, id))
    done, seen = call.apply(rr(OLD), rr(NEW), 1), call.read()
    assert done["outcome"] == "refused" and word in done["detail"], done
    assert seen["code"] == "refused" and secret not in str(done) + str(seen), seen


def test_a_lost_answer_is_told_by_the_read_back(double, call):
    assert call.apply(rr(OLD), rr(OLD), 1)["outcome"] == "applied"
    double.lose_answers = 1
    lost = call.apply(rr(OLD), rr(NEW), 2, 1)
    assert lost["outcome"] == "unknown" and "may have been done" in lost["detail"], lost
    back = call.read()
    assert (back["set"], back["generation"], back["op"]) == (rr(NEW), 2, "op2")
    assert call.apply(rr(OLD), rr(NEW), 2, 1)["outcome"] == "already"
    assert len(double.writes) == 2, "it was sent once"


@pytest.mark.parametrize("status,headers,outcome,hurdle,wait", [
    (429, {"Retry-After": "7"}, "failed", "throttled", 7000),
    (429, {}, "failed", "throttled", 300000),
    (502, {}, "unknown", "", 0),
    (500, {}, "unknown", "", 0),
    (403, {}, "refused", "", 0),
    (200, {}, "refused", "", 0),
])
def test_what_a_status_means(double, call, status, headers, outcome, hurdle, wait):
    double.instead = (status, headers,
                      json.dumps({"success": False, "errors": [{"code": 1, "message": f"odd {TOKEN}"}]}).encode())
    done = call.apply(rr(OLD), rr(NEW), 1)
    seen = done["outcome"], done.get("hurdle", ""), done.get("retry_after", 0)
    assert seen == (outcome, hurdle, wait), done
    assert "odd *** (1)" in done["detail"], done
    assert len(double.writes) == 1 and double.values() == [OLD]


def test_silence_before_the_write_is_no_doubt(double, call):
    double.stall = True
    assert call.apply(rr(OLD), rr(NEW), 1, within=500)["outcome"] == "failed"
    assert call.read(within=500)["code"] == "timed_out"


def test_nobody_listens(world, closing):
    call = closing(caller(f"http://{world.address(6)}:{NEVER_PORT}"))
    assert call.apply(rr(OLD), rr(NEW), 1)["outcome"] == "failed"


def test_the_zones_name_servers_are_told(double, closing):
    [evidence] = closing(caller(double.url)).prove(rr(OLD), within=2000)
    assert evidence["server"] == f"ns1.{ZONE}" and "address is not known" in evidence["detail"], evidence
