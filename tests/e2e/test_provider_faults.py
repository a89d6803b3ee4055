"""Providers that fail after they have done what was asked, and one that asks to be left alone: what was done is seen, is
never done twice, and nobody else waits."""

import re
import time

from harness import SLOW, wait_until
from http_apis import API_KEY
from stages import OnBind, OnCloudflare, OnDyn, OnKnot, OnPowerdns, OnPowerdnsApi, OnProgram, OnRoute53, Places


def fails_500(place):
    if place.kind == "dyn":
        place.api.fault("PUT", "Zone/", "500")
    elif place.kind == "route53":
        place.aws_double.faults.append(("ChangeResourceRecordSets", "fail afterwards"))
    else:
        place.peer.afterwards = (500, {"Content-Type": "application/json"}, b'{"error": "it broke"}')


def hangs(place):
    if place.kind == "dyn":
        place.api.fault("PUT", "Zone/", "hang-after", 600)
    elif place.kind == "exec":
        place.program.fault("apply", "after-hangs")
    else:
        place.peer.hush_answers = 1


def test_what_was_done_and_answered_with_an_error_or_not_at_all_is_done_once(world):
    places = Places(world, OnPowerdnsApi, OnPowerdnsApi, OnCloudflare, OnCloudflare, OnRoute53, OnDyn, OnDyn, OnProgram)
    places.settled()
    daemon = places.daemon
    broken = [places.all[i] for i in (0, 2, 4, 5)]
    for place in places:
        (fails_500 if place in broken else hangs)(place)
    places.primary.stop()
    places.all_are("failover", world.backup, 40)
    for place in places:
        assert place.effects() == 2 and place.generation() == 2, (place.kind, place.effects())
        write = [s["text"] for s in places.explain(place)["swap"]["steps"] if s["step"] == "write"]
        # Dyn's API is asked once more in the same session, where that is harmless.
        assert len(write) == 1 and (place.kind == "dyn" or write[0].startswith("unknown: ")), (place.kind, write)
        assert len(re.findall(rf"HS1204 .*service={re.escape(place.fqdn)}\b", daemon.log())) == 1, place.kind


def test_one_that_asks_to_be_left_alone_is_and_nobody_else_waits(world):
    places = Places(world, OnCloudflare, OnPowerdnsApi, OnKnot, OnBind, OnPowerdns, OnProgram)
    daemon, alone, others = places.daemon, places.all[0], places.all[1:]
    # Two names of that account, so that the alarm has something to be one of.
    second = f"second.{alone.zone}"
    alone.double.put(second, "A", world.primary)
    config = daemon.config
    config["services"].append(world.service(second, zone=alone.zone, provider=alone.kind_and_number))
    daemon.write(config)
    alone.before = alone.double.serial
    places.settled()
    wait_until("the second name is proved", lambda: daemon.service(second)["proof"] == "proved", 20)
    alone.peer.instead = (429, {"Retry-After": "300", "Content-Type": "application/json"}, b"{}")
    writes = len(alone.writes)
    places.primary.stop()
    began = time.monotonic()
    for place in others:
        wait_until(f"{place.kind} holds the backup", lambda: place.values() == [world.backup], 10)
    assert time.monotonic() - began < 5 * SLOW, "a round, and the call"
    places.all_are("failover", world.backup, places=others)
    daemon.logged(r"HS1217 ")
    rounds = places.backup.count()
    wait_until("what was under way is over", lambda: places.backup.count() >= rounds + 7)
    asked = alone.asked
    wait_until("rounds go on", lambda: places.backup.count() >= rounds + 7 * 3, 30)
    assert alone.asked == asked, "nothing is asked of it any more"
    assert len(alone.writes) <= writes + 2, "each name's one, when both were under way"
    assert alone.values() == [world.primary] and alone.effects() == 2, "one for each name, at the start"
    assert daemon.log().count("HS1217") == 1
    assert {daemon.status(name) for name in (alone.fqdn, second)} == {"trouble"}
    # The others move at once both ways.
    places.primary.start()
    places.all_are("ok", world.primary, places=others)
    assert daemon.log().count("HS1217") == 1 and alone.asked == asked


def test_no_secret_is_accepted_that_is_wrong(world):
    """Each name server by update, and an API: told once, tried once a minute, and a reload is enough."""
    places = Places(world, OnKnot, OnBind, OnPowerdns, OnPowerdnsApi)
    daemon, good = places.daemon, places.daemon.config
    bad = {**good, "providers": {name: dict(p) for name, p in good["providers"].items()}}
    for provider in bad["providers"].values():
        if provider["type"] == "powerdns":
            provider["api_key"] = "A" * len(API_KEY)
        else:
            provider["tsig"] = {**provider["tsig"], "secret": "A" * 43 + "="}
    daemon.write(bad)
    daemon.start()
    for place in places:
        daemon.logged(rf"HS1213 .*provider={place.kind_and_number}\b", 15)
    places.primary.stop()
    asked, rounds = {place: place.asked for place in places}, places.backup.count()
    wait_until("rounds go on", lambda: places.backup.count() >= rounds + 3 * len(places.all), 30)
    assert {place: place.asked for place in places} == asked
    assert daemon.log().count("HS1213") == len(places.all) and "AAAAAAAA" not in daemon.log()
    assert all(place.effects() == 0 for place in places)
    places.primary.start()
    daemon.write(good)
    daemon.reload()
    for place in places:
        wait_until(f"{place.kind}: the record is adopted", lambda: place.generation() == 1, 20)
    wait_until("the alarms are over", lambda: daemon.log().count("HS1214") == len(places.all))
