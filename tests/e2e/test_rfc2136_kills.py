"""kill -9 at random moments, on a name server that loses one answer in ten: each change of the record is one decision."""

import os
import random
import time

import pytest

from harness import SLOW, wait_until
from name_servers import Knot, Wire, send
from stages import decided, intents
from test_kills import Flapping
from test_rfc2136_daemon import Stage

KILLS = int(os.environ.get("HOTSWAPD_TEST_KILLS", "200" if SLOW == 1 else "40"))
SEED = int(os.environ.get("HOTSWAPD_TEST_SEED", random.SystemRandom().randrange(1 << 32)))


class Lossy(Wire):
    """Loses one answer in ten: the connection ends, or nothing comes any more."""

    def __init__(self, address, to):
        super().__init__(address, to)
        self.dice, self.loss, self.lost = random.Random(SEED + 1), 0, 0

    def _answer(self, client, request, answer):
        if self.dice.random() >= self.loss:
            send(client, answer)
            return True
        self.lost += 1
        if self.dice.random() < 0.2:
            client.recv(1)  # until the other side gives up
        return False


@pytest.mark.timeout(560 * SLOW)
def test_kills_at_random_moments_on_a_network_that_loses(world):
    print(f"HOTSWAPD_TEST_SEED={SEED} HOTSWAPD_TEST_KILLS={KILLS}")
    dice = random.Random(SEED)
    stage = Stage(world, Knot, through=True, wire=Lossy, max_swaps_per_hour=1000).settled()
    daemon, server = stage.daemon, stage.server
    stage.wire.loss = 0.1
    flapping = Flapping(stage.primary, SEED)
    try:
        for _ in range(KILLS):
            time.sleep(dice.choice((dice.uniform(0, 0.1), dice.uniform(0, 0.6), dice.uniform(0, 2.0))) * SLOW)
            assert daemon.running(), f"ended by itself with {daemon.process.returncode}"
            daemon.kill()
            daemon.start(ready=False)
        daemon.wait_ready()
    finally:
        flapping.close()
    stage.wire.loss = 0
    stage.holds(world.primary, 60)
    daemon.wait_status("ok", seconds=60)
    wait_until("nothing is left open", lambda: all(closed for *_, closed in intents(daemon)), 60)
    wait_until("it is proved", lambda: daemon.service()["proof"] == "proved", 30)
    daemon.stop()

    assert not stage.sampler.wrong, stage.sampler.wrong[:5]
    rows = intents(daemon)
    swaps = [gen for phase, gen, fence, _ in rows if phase in ("applied", "proved")]
    fences = [fence for phase, _, fence, _ in rows if phase == "abandoned" and fence]
    print(f"{len(swaps)} swaps, {len(fences)} fences, {len(rows)} intents, {stage.wire.lost} answers lost")
    assert len(swaps) >= 5 and stage.wire.lost >= 5, "too little happened to prove anything"
    # The judge: the name server counts each change that took effect.
    assert server.serial() - 1 == len(swaps) + len(fences)
    done = decided(rows)
    assert done == sorted(set(done)), "generations only rise"
    assert server.generation() == done[-1]
