"""kill -9 at random moments on providers that are no name servers: each change of a record is one decision, and made once."""

import os
import random
import time

import pytest

from harness import SLOW, wait_until
from stages import OnDyn, OnPowerdnsApi, OnProgram, Places, Sampler, decided, intents

KILLS = int(os.environ.get("HOTSWAPD_TEST_KILLS_PROVIDERS", "30" if SLOW == 1 else "8"))
SEED = int(os.environ.get("HOTSWAPD_TEST_SEED", random.SystemRandom().randrange(1 << 32)))


class Turns:
    """Each service's own primary fails, and comes back, as soon as the last swap is through: a reason that has gone is
    for the tests of fences, here it would be a minute of waiting each time."""

    def __init__(self, places):
        self.places, self.want = places, {place: place.address for place in places}
        self.swaps = dict.fromkeys(places, 0)

    def turn(self):
        rows = {place: intents(self.places.daemon, place.fqdn) for place in self.places}
        for place in self.places:
            if place.values() != [self.want[place]] or not all(closed for *_, closed in rows[place]):
                continue
            # The journal says what it is about: as many decisions as turns were given.
            if len(decided(rows[place])) != self.swaps[place] + 1:
                continue
            self.swaps[place] += 1
            away = self.want[place] == place.address
            self.want[place] = self.places.world.backup if away else place.address
            place.site.behaviour = 503 if away else "ok"


@pytest.mark.timeout(240 * SLOW)
def test_kills_at_random_moments(world):
    print(f"HOTSWAPD_TEST_SEED={SEED} HOTSWAPD_TEST_KILLS_PROVIDERS={KILLS}")
    dice = random.Random(SEED)
    places = Places(world, OnPowerdnsApi, OnProgram, OnDyn, own_primaries=True, max_swaps_per_hour=1000).settled()
    daemon, turns = places.daemon, Turns(places)
    witnesses = [Sampler(place, place.address, world.backup, name=place.fqdn) for place in places]
    world.closing += witnesses
    for _ in range(KILLS):
        # At the start, in the swap, and after it, which at the pace of Dyn's API is seconds later.
        end = time.monotonic() + dice.choice((dice.uniform(0, 0.1), dice.uniform(0, 0.8), dice.uniform(0.8, 3.5))) * SLOW
        while time.monotonic() < end:
            turns.turn()
            time.sleep(0.02)
        assert daemon.running(), f"ended by itself with {daemon.process.returncode}"
        daemon.kill()
        daemon.start(ready=False)
    daemon.wait_ready()
    for place in places:
        wait_until(f"{place.kind} holds {turns.want[place]}", lambda: place.values() == [turns.want[place]], 60)
        wait_until(f"{place.kind}: nothing is left open",
                   lambda: all(closed for *_, closed in intents(daemon, place.fqdn)), 90)
        wait_until(f"{place.kind}: it is proved", lambda: daemon.service(place.fqdn)["proof"] == "proved", 30)
    daemon.stop()
    for place, witness in zip(places, witnesses):
        rows = intents(daemon, place.fqdn)
        done = decided(rows)
        print(place.kind, turns.swaps[place], "turns", len(done), "decisions", len(rows), "intents")
        assert turns.swaps[place] >= (2 if place.kind == "dyn" else KILLS / 10), f"{place.kind}: too little happened"
        assert place.effects() == len(done), (place.kind, place.effects(), rows)
        assert done == sorted(set(done)) and place.generation() == done[-1], (place.kind, done)
        assert not witness.wrong, (place.kind, witness.wrong[:3])
