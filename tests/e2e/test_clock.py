"""The wall clock is set to another time while the daemon runs: nothing that it decides or waits for depends on it."""

import datetime
import json
import mmap
import os
import struct
import time

import pytest
from harness import BIN, INTERVAL, NAME, SLOW, always, wait_until

LIBRARY = BIN.parent / "tests/libshifted_clock.so"
HOUR = 3600
LATE = 0.25 * SLOW


class WallClock:
    """The wall clock of a daemon; set by a test while the daemon runs."""

    def __init__(self, world, daemon):
        path = world.dir / "clock"
        path.write_bytes(bytes(mmap.PAGESIZE))
        with open(path, "r+b") as file:
            self.shift = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        daemon.environment.update(LD_PRELOAD=str(LIBRARY), SHIFTED_CLOCK=str(path),
                                  ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")

    def ahead(self, seconds):
        self.shift[:8] = struct.pack("=q", seconds)


@pytest.mark.parametrize("shift", [HOUR, -HOUR, 20 * 365 * 24 * HOUR], ids=["+1h", "-1h", "+20y"])
def test_the_clock_is_set_while_it_runs(world, shift):
    primary, backup = world.pair()
    witness = world.site(world.third)
    daemon = world.prepared(world.service(monitor={"timeout": "900ms"}),
                            witness={"targets": [f"tcp://{witness.address}:{witness.port}"]})
    clock = WallClock(world, daemon)
    daemon.start()
    daemon.wait_status("ok")
    daemon.wait_serves(world.primary)
    wait_until("it keeps its rate", lambda: primary.count() >= 3)

    clock.ahead(shift)
    seen = primary.count()
    always("nothing moves", lambda: daemon.serves() == [world.primary] and daemon.status() == "ok", 4 * INTERVAL)
    came = primary.times()[seen - 1:]
    gaps = [later - earlier for earlier, later in zip(came, came[1:])]
    assert gaps and all(abs(gap - INTERVAL) < LATE for gap in gaps), f"early or late probes: {gaps}"
    assert "is down" not in daemon.log() and "HS1120" not in daemon.log() and "HS1122" not in daemon.log()

    primary.behaviour = 503
    began = time.monotonic()
    daemon.wait_status("failover")
    daemon.wait_serves(world.backup)
    assert time.monotonic() - began < INTERVAL + 1 * SLOW
    stamp = datetime.datetime.fromisoformat(daemon.service()["since"].replace("Z", "+00:00")).timestamp()
    assert abs(stamp - time.time() - shift) < 5 * SLOW, "stamps go by the clock as it is now"

    # Back again: as the machine has it.
    clock.ahead(0)
    primary.behaviour = "ok"
    daemon.wait_status("ok")
    daemon.wait_serves(world.primary)
    history = json.loads(daemon.ctl_ok("history", NAME, "--json"))
    assert history, "it is told in spite of the order of its stamps"
