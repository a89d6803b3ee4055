"""Somebody else changes the record, between our reading and our write or at rest: under `hold` it stays, under `enforce`
ours comes back; told once either way."""

import re

from harness import wait_until
from stages import OnKnot, OnPowerdns, OnPowerdnsApi, OnRoute53, Places

FOREIGN = "203.0.113.99"
# Each with the guard that it has: the server's own compare-and-set, or a look directly before the write.
KINDS = (OnKnot, (OnKnot, {"guard": "value"}), OnPowerdns, OnPowerdnsApi, OnRoute53)


def told(daemon, id, place):
    return len(re.findall(rf"{id} .*service={re.escape(place.fqdn)}\b", daemon.log()))


def in_the_window(places):
    """The primary fails; before any write of ours arrives the record is somebody else's. What was written before."""
    before = {}
    for place in places:
        before[place] = place.effects()
        place.between(lambda place=place: place.write(FOREIGN))
    places.primary.stop()
    return before


def test_under_hold_a_change_in_the_window_stays(world):
    places = Places(world, *KINDS).settled()
    daemon = places.daemon
    before = in_the_window(places)
    for place in places:
        wait_until(f"{place.kind}: drift", lambda: daemon.service(place.fqdn)["drift"], 30)
    rounds = places.backup.count()
    wait_until("rounds go on", lambda: places.backup.count() >= rounds + 3 * len(places.all), 30)
    for place in places:
        assert place.values() == [FOREIGN], place.kind
        assert place.effects() == before[place] + 1, f"{place.kind}: something but the foreign change took effect"
        assert told(daemon, "HS1110", place) == 1 and told(daemon, "HS1204", place) == 0, place.kind
        swap = places.explain(place)["swap"]
        words = [step["step"] for step in swap["steps"]]
        assert swap["state"] == "abandoned" and "read before" in words and "write" in words, (place.kind, swap["steps"])
        assert daemon.status(place.fqdn) == "trouble", place.kind
    # The operator's word overrides it.
    for place in places:
        daemon.ctl_ok("force-failover", place.fqdn)
    places.all_are("failover", world.backup, 40)
    for place in places:
        assert place.effects() == before[place] + 2, place.kind
        assert told(daemon, "HS1110", place) == 1 and not daemon.service(place.fqdn)["drift"], place.kind


def test_under_enforce_ours_comes_back(world):
    places = Places(world, *KINDS, on_drift="enforce", max_swaps_per_hour=100).settled()
    daemon = places.daemon
    # At rest: the next look finds it; a reload that changes the service is such a look.
    before = {place: place.effects() for place in places}
    for place in places:
        place.write(FOREIGN)
    config = daemon.config
    for service in config["services"]:
        service["max_swaps_per_hour"] = 200
    daemon.write(config)
    daemon.reload()
    places.all_are("ok", world.primary, 40)
    for place in places:
        assert place.effects() == before[place] + 2, place.kind
        assert told(daemon, "HS1110", place) == 1, place.kind
        assert place.generation() in (2, None), (place.kind, place.generation())
    # In the window: the swap that lost gives up, and what is wanted is written over what was found.
    before = in_the_window(places)
    places.all_are("failover", world.backup, 40)
    for place in places:
        # The foreign change, and what is wanted now: not what was served before it, which is down.
        assert place.effects() == before[place] + 2, (place.kind, place.effects())
        assert told(daemon, "HS1110", place) == 2, place.kind
