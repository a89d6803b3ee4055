"""The provider dyn against a scripted API of Dyn's kind: every outcome, judged by what the API was asked and published."""

import threading
import time

import pytest

import harness
from dyn_server import CUSTOMER, PASSWORD, USER, DynServer
from harness import NAME, ZONE, wait_until
from name_servers import Calls, record
from small_dns import SmallDns

OLD, NEW, THIRD = "192.0.2.10", "198.51.100.10", "203.0.113.10"


@pytest.fixture
def api(world):
    server = DynServer(world.address(6))
    server.zone(ZONE, www=("A", 30, OLD), multi=("A", 30, "192.0.2.10", "192.0.2.11"), alias=("CNAME", 30, "b.example.net"))
    yield server
    server.close()
    assert not server.violations


def calls_of(api, *words, password=PASSWORD, hurry=10):
    """`hurry`: its own pauses are so many times shorter."""
    return Calls("dyn_call", "--url", api.url, "--customer", CUSTOMER, "--user", USER, "--password", password,
                 "--hurry", hurry, *words)


@pytest.fixture
def call(api):
    made = calls_of(api)
    yield made
    made.close()


def swapped(call):
    """First contact, then a swap: generation 2, NEW."""
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    done = call.apply(record(OLD), record(NEW), 2, 1)
    assert done["outcome"] == "applied", done
    return done


def within(milliseconds):
    return int(milliseconds * harness.SLOW)


# ---- the way it should go --------------------------------------------------------------------------------------------
def test_reads_swaps_and_reads_back(api, call):
    assert call.read() == {"set": record(OLD), "generation": None, "op": "", "serial": 0}
    done = swapped(call)
    assert done["detail"] == f"the API has published {ZONE}, serial {api.serial()}"
    assert call.read() == {"set": record(NEW), "generation": 2, "op": "op2", "serial": 0}
    assert api.values(ZONE, NAME) == [NEW] and api.generation(NAME) == 2
    assert len(api.log_ins) == 1, "one session serves all"
    # The record and its generation became live together.
    assert [sorted(write) for write in api.writes][-1] == sorted([(NAME, "A"), (f"_hotswap.{NAME}", "TXT")])


def test_is_proved_by_the_name_servers(api, world):
    dns = SmallDns(world.address(7), api.lookup)
    call = calls_of(api, "--name-server", dns.at)
    swapped(call)
    [evidence] = call.prove(record(NEW))
    assert evidence["proved"] and evidence["server"] == dns.at, evidence
    assert not call.prove(record(OLD))[0]["proved"]
    call.close()
    dns.close()


def test_compares_the_whole_set_and_keeps_it(api, call):
    name, both = f"multi.{ZONE}", record("192.0.2.10", "192.0.2.11")
    assert call.apply(record("192.0.2.10"), record(NEW), 1, name=name)["outcome"] == "conflict"
    assert call.apply(both, record(NEW, THIRD), 1, name=name)["outcome"] == "applied"
    assert api.values(ZONE, name) == sorted([NEW, THIRD])
    assert call.apply(record(THIRD, NEW), record("2001:db8::1"), 2, 1, name=name)["outcome"] == "applied"
    assert api.values(ZONE, name, "AAAA") == ["2001:db8::1"] and not api.values(ZONE, name)


def test_makes_a_record_where_there_is_none_and_only_there(api, call):
    name = f"fresh.{ZONE}"
    assert call.read(name) == {"set": None, "generation": None, "op": "", "serial": 0}
    assert call.apply(None, record(NEW), 1, name=name)["outcome"] == "applied"
    assert call.apply(None, record(OLD), 2, 1, name=name)["outcome"] == "conflict"
    assert api.values(ZONE, name) == [NEW]


def test_an_address_becomes_a_cname_in_one_publication_and_back(api, call):
    swapped(call)
    writes = len(api.writes)
    assert call.apply(record(NEW), record("b.example.net"), 3, 2)["outcome"] == "applied"
    assert api.values(ZONE, NAME, "CNAME") == ["b.example.net"] and not api.values(ZONE, NAME)
    assert call.read()["set"] == record("b.example.net")
    assert call.apply(record("b.example.net"), record(OLD), 4, 3)["outcome"] == "applied"
    assert len(api.writes) == writes + 2 and api.values(ZONE, NAME) == [OLD]
    apex = call.apply(None, record("b.example.net"), 1, name=ZONE)
    assert apex["outcome"] == "refused", apex


def test_a_server_without_the_set_form_gets_it_one_by_one(world):
    api = DynServer(world.address(6), set_form=False)
    api.zone(ZONE, www=("A", 30, OLD, THIRD))
    call = calls_of(api)
    assert call.apply(record(OLD, THIRD), record(OLD, THIRD, ttl=10), 1)["outcome"] == "applied"
    assert call.apply(record(OLD, THIRD), record(NEW), 2, 1)["outcome"] == "applied"
    assert call.apply(record(NEW), record(OLD, NEW, THIRD), 3, 2)["outcome"] == "applied"
    assert api.values(ZONE, NAME) == sorted([OLD, NEW, THIRD]) and api.generation(NAME) == 3
    call.close()
    api.close()
    assert not api.violations


def test_a_lower_ttl_alone_is_written(api, call):
    assert call.apply(record(OLD), record(OLD, ttl=5), 1)["outcome"] == "applied"
    assert call.read()["set"]["ttl"] == 5


def test_never_overwrites_what_somebody_else_published(api, call):
    swapped(call)
    api.put(ZONE, NAME, "A", 30, THIRD)
    serial = api.serial()
    assert call.apply(record(NEW), record(OLD), 3, 2)["outcome"] == "conflict"
    # The generation is still ours, the record is not: nobody's operation wrote it.
    assert call.read() == {"set": record(THIRD), "generation": 2, "op": "", "serial": 0}
    assert api.values(ZONE, NAME) == [THIRD] and api.serial() == serial


def test_an_older_generation_loses_and_a_repetition_is_recognised(api, call):
    swapped(call)
    serial = api.serial()
    for expected in (None, 1, 3):
        assert call.apply(record(NEW), record(OLD), 9, expected)["outcome"] == "conflict"
    assert call.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "already"
    assert api.serial() == serial and api.generation(NAME) == 2


def test_a_text_that_is_not_ours_is_left_alone(api, call):
    api.put(ZONE, f"_hotswap.{NAME}", "TXT", 30, "v=something")
    assert call.read()["code"] == "conflict"
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "refused"
    assert api.values(ZONE, NAME) == [OLD]


def test_without_the_generation_the_value_alone_is_compared(api):
    call = calls_of(api, "--value")
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "applied"
    assert call.apply(record(OLD), record(THIRD), 2)["outcome"] == "conflict"
    assert api.values(ZONE, NAME) == [NEW] and api.generation(NAME) is None
    call.close()


def test_ids_that_change_with_every_publication_do_not_matter(world):
    """Without the set form everything goes by id."""
    api = DynServer(world.address(6), set_form=False)
    api.zone(ZONE, www=("A", 30, OLD))
    call = calls_of(api)
    now, generation = OLD, None
    for i in range(1, 5):
        fresh = f"198.51.100.{i}"
        assert call.apply(record(now), record(fresh), i, generation)["outcome"] == "applied"
        now, generation = fresh, i
        api.put(ZONE, f"other{i}.{ZONE}", "A", 30, THIRD)
    assert api.values(ZONE, NAME) == [now] and len(api.log_ins) == 1
    call.close()
    api.close()
    assert not api.violations


# ---- answers that are lost -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("what,how", [("close-after", None), ("500", None), ("html", None), ("hang-after", 600)],
                         ids=["closed", "500", "html", "hangs"])
def test_a_publication_whose_answer_is_lost_takes_effect_once(api, call, what, how):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault("PUT", "Zone/", what, how)
    done = call.apply(record(OLD), record(NEW), 2, 1, within=within(12000))
    # Asked once more in the same session, where it is harmless.
    assert done["outcome"] == "applied", done
    assert len(api.writes) == 2 and api.values(ZONE, NAME) == [NEW]
    assert call.read()["op"] == "op2"


def test_without_time_to_ask_again_it_is_unknown_and_read_back(api, call):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault("PUT", "Zone/", "hang-after", 600)
    lost = call.apply(record(OLD), record(NEW), 2, 1, within=1500)  # however slow we are: time for one try
    assert lost["outcome"] == "unknown", lost
    back = call.read()
    assert (back["set"], back["generation"], back["op"]) == (record(NEW), 2, "op2")
    assert call.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "already"
    assert len(api.writes) == 2


def test_what_was_staged_and_not_published_is_never_read_as_live(api, call):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault("PUT", "Zone/", "hang-before", 600)
    lost = call.apply(record(OLD), record(NEW), 2, 1, within=1500)  # however slow we are: time for one try
    assert lost["outcome"] == "unknown", lost
    back = call.read()
    assert (back["set"], back["generation"]) == (record(OLD), 1), "the session's own view would say NEW"
    assert call.apply(record(OLD), record(THIRD), 3, 1)["outcome"] == "applied"
    assert api.values(ZONE, NAME) == [THIRD] and len(api.writes) == 2


@pytest.mark.parametrize("resource,what", [
    ("ANYRecord/", "close-after"), ("TXTRecord/", "html"), ("ARecord/", "close-before"), ("ARecord/", "close-after"),
    ("ARecord/", "500"), ("ZoneChanges/", "close-after"), ("Session/", "close-after"), ("Session/", "500")])
def test_any_other_answer_that_is_lost_is_asked_for_again(api, call, resource, what):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    method = {"ARecord/": "PUT", "ZoneChanges/": "DELETE", "Session/": "POST"}.get(resource, "GET")
    if resource == "Session/":
        api.forget_sessions()
    api.fault(method, resource, what)
    done = call.apply(record(OLD), record(NEW), 2, 1, within=within(10000))
    if done["outcome"] == "failed":  # a log-in is left to the next try
        assert resource == "Session/" and len(api.writes) == 1, done
        done = call.apply(record(OLD), record(NEW), 2, 1, within=within(10000))
    assert done["outcome"] == "applied", done
    assert len(api.writes) == 2 and api.values(ZONE, NAME) == [NEW]


def test_a_server_that_is_away_is_told_and_nothing_is_done(world):
    api = DynServer(world.address(6))
    api.close()
    call = calls_of(api)
    gone = call.read(within=within(2500))
    assert gone["code"] == "unavailable" and PASSWORD not in gone["error"], gone
    assert call.apply(record(OLD), record(NEW), 1, within=within(2500))["outcome"] == "failed"
    call.close()


# ---- jobs, tasks, blocks ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["job", "incomplete"])
@pytest.mark.parametrize("resource", ["ARecord/", "Zone/"])
def test_a_job_is_followed_to_its_end(api, call, what, resource):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault("PUT", resource, what)
    assert call.apply(record(OLD), record(NEW), 2, 1, within=within(10000))["outcome"] == "applied"
    assert api.count("GET", "Job/") == 2 and len(api.writes) == 2


def test_a_publication_whose_job_never_ends_is_unknown(api, call):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault("PUT", "Zone/", "job-for-ever")
    begun = time.monotonic()
    lost = call.apply(record(OLD), record(NEW), 2, 1, within=within(2000))
    assert lost["outcome"] == "unknown" and "had not ended in time" in lost["detail"], lost
    assert time.monotonic() - begun < 4 * harness.SLOW
    assert call.read()["op"] == "op2", "read in a new session"
    assert len(api.log_ins) == 2 and len(api.writes) == 2


def test_a_record_whose_job_never_ends_has_certainly_not_been_published(api, call):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault("PUT", "ARecord/", "job-for-ever")
    lost = call.apply(record(OLD), record(NEW), 2, 1, within=within(2000))
    assert lost["outcome"] == "failed", lost
    assert call.apply(record(OLD), record(NEW), 2, 1, within=within(10000))["outcome"] == "applied"
    assert len(api.writes) == 2


def test_a_publications_task_is_followed(api, call):
    api.task_polls = 4
    assert call.apply(record(OLD), record(NEW), 1, within=within(10000))["outcome"] == "applied"
    assert api.count("GET", "Task/") == 4
    api.task_polls = 10 ** 9
    lost = call.apply(record(NEW), record(OLD), 2, 1, within=within(2000))
    assert lost["outcome"] == "unknown" and "task" in lost["detail"], lost
    assert call.read()["op"] == "op2"


def test_a_zone_that_another_task_blocks_is_waited_for(api, call):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault("PUT", "Zone/", "blocked", 2)
    assert call.apply(record(OLD), record(NEW), 2, 1, within=within(10000))["outcome"] == "applied"
    api.fault("PUT", "ARecord/", "blocked", 10 ** 9)
    blocked = call.apply(record(NEW), record(OLD), 3, 2, within=within(2000))
    assert blocked["outcome"] == "failed" and "blocked" in blocked["detail"], blocked
    assert len(api.writes) == 2


def test_a_busy_session_is_waited_for(api, call):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault("PUT", "ARecord/", "busy")
    assert call.apply(record(OLD), record(NEW), 2, 1, within=within(12000))["outcome"] == "applied"
    for _ in range(4):
        api.fault("GET", "ANYRecord/", "busy")
    assert call.read(within=within(25000))["op"] == "op2"
    assert len(api.log_ins) == 2, "after three times another session is begun"


# ---- sessions and limits ---------------------------------------------------------------------------------------------
def test_a_session_that_is_lost_between_calls_is_begun_anew(api, call):
    swapped(call)
    api.forget_sessions()
    assert call.read()["op"] == "op2"
    api.forget_sessions()
    assert call.apply(record(NEW), record(OLD), 3, 2)["outcome"] == "applied"
    assert len(api.log_ins) == 3


@pytest.mark.parametrize("method,resource", [("GET", "ANYRecord/"), ("PUT", "ARecord/"), ("PUT", "TXTRecord/")])
def test_a_session_that_is_lost_in_the_middle_takes_its_changes_with_it(api, call, method, resource):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault(method, resource, "forget")
    done = call.apply(record(OLD), record(NEW), 2, 1, within=within(10000))
    assert done["outcome"] == "applied", done
    assert len(api.writes) == 2 and (api.values(ZONE, NAME), api.generation(NAME)) == ([NEW], 2)


def test_a_session_that_is_lost_before_the_publication_publishes_nothing(api, call):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault("PUT", "Zone/", "forget")
    lost = call.apply(record(OLD), record(NEW), 2, 1)
    assert lost["outcome"] == "failed", lost
    assert api.values(ZONE, NAME) == [OLD] and len(api.writes) == 1
    assert call.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "applied"


def test_a_wrong_password_is_refused_and_tried_once_a_minute(api):
    call = calls_of(api, password="wrong-password")
    for _ in range(4):
        done = call.apply(record(OLD), record(NEW), 1)
        assert done["outcome"] == "refused" and done["hurdle"] == "configuration", done
        assert "wrong-password" not in str(done)
        gone = call.read()
        assert gone["code"] == "refused" and "log-in refused" in gone["error"], gone
    assert [granted for _, granted in api.log_ins] == [False]
    call.close()


def test_a_session_that_is_refused_at_once_is_not_begun_again_and_again(api, call):
    for _ in range(12):
        api.fault("GET", "ANYRecord/", "forget")
    for _ in range(4):
        assert call.read()["code"] == "refused"
    assert len(api.log_ins) <= 2


@pytest.mark.parametrize("what,how,least", [("throttle", 7, 7000), ("rate", None, 5000)])
def test_a_limit_is_obeyed(api, call, what, how, least):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault("GET", "ANYRecord/", what, how)
    gone = call.read()
    assert gone["hurdle"] == "throttled" and gone["retry_after"] == least, gone
    before = len(api.requests)
    again = call.apply(record(OLD), record(NEW), 2, 1)
    assert (again["outcome"], again["hurdle"]) == ("failed", "throttled") and again["retry_after"] > least - 2000, again
    assert len(api.requests) == before, "nothing is asked meanwhile"


def test_a_publication_that_is_limited_is_not_done(api, call):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault("PUT", "Zone/", "throttle", 1)
    gone = call.apply(record(OLD), record(NEW), 2, 1)
    assert (gone["outcome"], gone["hurdle"], gone["retry_after"]) == ("failed", "throttled", 1000), gone
    back = wait_until("it may be asked again", lambda: (seen := call.read()) and "error" not in seen and seen)
    assert back["set"] == record(OLD), "what was staged is not what is live"
    assert call.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "applied"


def test_never_more_than_five_requests_in_any_second(api):
    call = calls_of(api, hurry=1)
    swapped(call)
    call.read()
    call.close()
    times = api.times
    assert len(times) > 15
    assert all(times[i + 5] - times[i] > 0.9 for i in range(len(times) - 5)), times


@pytest.mark.parametrize("how,outcome,words", [
    (("ILLEGAL_OPERATION", "zone: Zone is frozen"), "refused", "Zone is frozen"),
    (("PERMISSION_DENIED", "publish: no"), "refused", "publish: no"),
    (("OPERATION_FAILED", "publish: it failed\x1b[31m"), "failed", "it failed\\x1b[31m"),
])
def test_a_publication_that_is_refused_says_why_and_leaves_nothing(api, call, how, outcome, words):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    api.fault("PUT", "Zone/", "refused", how)
    done = call.apply(record(OLD), record(NEW), 2, 1)
    assert done["outcome"] == outcome and words in done["detail"], done
    assert call.read()["set"] == record(OLD) and len(api.writes) == 1


def test_a_zone_that_is_not_there_is_a_matter_of_configuration(api, call):
    api.zones.clear()
    gone = call.read()
    assert gone["code"] == "refused" and "No such zone" in gone["error"], gone
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "refused"


def test_a_foreign_change_in_the_window_is_seen_by_the_read_back(api, call):
    """The API has no compare-and-set: what was published a moment before ours is overwritten, and that is said."""
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"

    def meanwhile():
        api.before_publish = None
        api.put(ZONE, f"_hotswap.{NAME}", "TXT", 30, "gen=9;id=another")

    api.before_publish = meanwhile
    assert call.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "applied"
    assert call.read()["generation"] == 2


def test_two_processes_swap_their_own_names_side_by_side(api):
    """Each has a session, and none publishes the other's changes."""
    calls = [calls_of(api) for _ in range(2)]
    names = [f"side{i}.{ZONE}" for i in range(2)]
    done = [None, None]

    def work(i):
        done[i] = calls[i].apply(None, record(f"198.51.100.{i}"), 1, name=names[i], within=within(15000))["outcome"]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30 * harness.SLOW)
    for each in calls:
        each.close()
    assert done == ["applied"] * 2
    assert all(len({name for name, _ in write if not name.startswith("_")}) == 1 for write in api.writes), api.writes
