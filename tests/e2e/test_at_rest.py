"""At rest nothing is written: a hundred rounds, with looks at the live record among them, at every provider side by side,
and a start."""

import pytest

from harness import SLOW, wait_until
from stages import EVERY, Places, Sampler, resolver

ROUNDS = 100 if SLOW == 1 else 65  # of a second: with a look at the live record, which comes each 60 s


@pytest.mark.timeout(200 + 90 * SLOW)
def test_over_a_hundred_rounds_nothing_is_written(world):
    places = Places(world, *EVERY).settled()
    daemon = places.daemon
    names = resolver(world, 32, {place.zone: place.stub for place in places})
    witnesses = {place.kind: Sampler(names, world.primary, name=place.fqdn) for place in places}
    world.closing += witnesses.values()
    effects = {place.kind: place.effects() for place in places}
    writes = {place.kind: len(place.writes) for place in places}
    assert set(effects.values()) == set(writes.values()) == {1}, "one write sets our TTL and the generation"

    def rounds():
        """Each asks the primary once for each service."""
        return places.primary.count() / len(places.all)

    def same():
        assert {place.kind: place.effects() for place in places} == effects
        assert {place.kind: len(place.writes) for place in places} == writes
        assert {place.kind: place.generation() for place in places} == dict.fromkeys(effects, 1)

    asked = {place.kind: place.asked for place in places}
    begun = rounds()
    wait_until(f"{ROUNDS} rounds", lambda: rounds() >= begun + ROUNDS, ROUNDS * 1.3, every=0.5)
    same()
    looked = {place.kind: place.asked - asked[place.kind] for place in places}
    # One look a minute: four questions of a name server, a call or two of an API.
    assert all(1 <= count <= 16 for count in looked.values()), looked

    daemon.stop()
    begun = rounds()
    daemon.start()
    wait_until("some rounds after a restart", lambda: rounds() >= begun + 4)
    same()
    for place in places:
        assert daemon.status(place.fqdn) == "ok"
        witness = witnesses[place.kind]
        assert witness.answers > ROUNDS and not witness.wrong, (place.kind, witness.wrong[:3])
