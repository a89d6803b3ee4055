"""A disk under state_dir that is slow, or gives no answer at all: it alarms, and costs neither answers nor the loop."""

import os
import re
import signal
import time
from collections import Counter

import pytest

from harness import BIN, NAME, SLOW, wait_until

LIBRARY = BIN.parent / "tests/libhanging_disk.so"


class Disk:
    """The disk of a daemon, below `path` of its world; turned by a test while the daemon runs."""

    def __init__(self, world, daemon, below="state"):
        self.words = world.dir / "disk"
        self.words.mkdir()
        daemon.environment.update(
            LD_PRELOAD=str(LIBRARY), HANGING_DISK_WORDS=str(self.words), HANGING_DISK_BELOW=str(world.dir / below),
            ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")

    def says(self, operation, word):
        """What each "write" or "sync" does from now on: "hang", or to take so many milliseconds."""
        fresh = self.words / "fresh"
        fresh.write_text(word)
        fresh.rename(self.words / operation)

    def is_well(self):
        for word in self.words.iterdir():
            word.unlink()


def told(syslog, words):
    return [text for text in syslog.texts() if words in text]


def telling(world):
    syslog = world.syslog()
    return syslog, {"server": syslog.address, "port": syslog.port}


def test_a_disk_that_hangs_in_write_stops_neither_telling_nor_commands_nor_the_watchdog(world):
    primary, backup = world.pair()
    syslog, sink = telling(world)
    daemon = world.prepared(world.service(syslog=sink))
    disk = Disk(world, daemon)
    daemon.environment["WATCHDOG_USEC"] = "2000000"
    daemon.start()
    daemon.wait_status("ok")
    disk.says("write", "hang")
    disk.says("sync", "hang")
    primary.behaviour = 503
    wait_until("telling goes on", lambda: told(syslog, "status trouble"))
    daemon.logged(r"HS1404 .*has not answered", seconds=10)
    beats, probes = world.notify.count("WATCHDOG=1"), backup.count()
    wait_until("the watchdog is fed", lambda: world.notify.count("WATCHDOG=1") >= beats + 3)
    wait_until("probing goes on", lambda: backup.count() >= probes + 2)
    assert "HS1404" in daemon.ctl_ok("status")
    assert daemon.serves() == [world.primary]
    daemon.stop()


def test_a_delivery_mark_that_hangs_holds_up_no_swap(world):
    primary, _ = world.pair()
    syslog, sink = telling(world)
    daemon = world.prepared(world.service(syslog=sink))
    disk = Disk(world, daemon, below="state/delivered")
    daemon.start()
    daemon.wait_status("ok")
    disk.says("write", "hang")
    primary.behaviour = 503
    daemon.wait_serves(world.backup)
    daemon.logged(r"HS1404 ")
    wait_until("the swap is told all the same", lambda: told(syslog, "status failover"))
    disk.is_well()
    daemon.logged(r"HS1402 .*delivery marks")


@pytest.mark.parametrize("operation", ["sync", "write"])
def test_a_disk_that_hangs_at_the_start_costs_no_answers_and_no_signals(world, operation):
    primary, _ = world.pair()
    daemon = world.prepared(world.service(recovery_delay=100))
    disk = Disk(world, daemon)
    daemon.start()
    daemon.wait_status("ok")
    primary.behaviour = 503
    daemon.wait_status("failover")
    daemon.stop()

    disk.says(operation, "hang")
    began = time.monotonic()
    daemon.start(ready=False)
    daemon.wait_serves(world.backup, seconds=2)
    assert time.monotonic() - began < 2 * SLOW
    daemon.wait_ready()
    daemon.logged(r"HS1401 .*has not answered since the start")
    assert daemon.status() == "failover"
    daemon.stop()

    daemon.start()
    wait_until("the alarm of this run", lambda: daemon.log().count("HS1401") == 2)
    assert daemon.serves() == [world.backup]
    disk.is_well()
    daemon.logged(r"HS1402 state writable again", seconds=20)
    # Well again, but not for a hundred rounds yet: it goes home, and stays there, by the operator's word.
    primary.behaviour = "ok"
    daemon.ctl_ok("recover", NAME)
    daemon.wait_serves(world.primary)


def test_a_second_sigterm_ends_a_start_that_hangs_at_once(world):
    primary, _ = world.pair()
    daemon = world.prepared()
    disk = Disk(world, daemon)
    disk.says("write", "hang")
    disk.says("sync", "hang")
    daemon.start()
    primary.behaviour = 503
    daemon.signal(signal.SIGTERM)
    wait_until("STOPPING=1", lambda: world.notify.count("STOPPING=1") == 1)
    began = time.monotonic()
    if daemon.running():
        daemon.signal(signal.SIGTERM)
    daemon.wait_end()
    assert time.monotonic() - began < 1.5 * SLOW


@pytest.mark.timeout(150 * SLOW)
def test_swaps_told_before_a_stop_on_a_disk_that_hangs_are_not_told_again(world):
    primary, _ = world.pair()
    syslog, sink = telling(world)
    names = [f"s{i}.example.com" for i in range(30)]
    daemon = world.prepared(*[world.service(name, recovery_delay=100, syslog=sink) for name in names])
    disk = Disk(world, daemon)
    daemon.start()
    wait_until("all are ok", lambda: all(s["status"] == "ok" for s in daemon.services().values()), 20)
    disk.says("sync", "250")
    primary.behaviour = 503
    wait_until("some have swapped", lambda: daemon.log().count("HS1204") > 3, 20, every=0.01)
    disk.says("sync", "hang")
    daemon.stop()
    before = len(told(syslog, "status failover"))

    disk.is_well()
    daemon.start()
    wait_until("all are in failover", lambda: all(
        s["status"] == "failover" and s["proof"] == "proved" for s in daemon.services().values()), 30)
    swap = lambda: Counter(re.search(r"(s\d+\.example\.com) status failover", t)[1]
                           for t in told(syslog, "status failover"))
    wait_until("all is told", lambda: len(swap()) == len(names))
    daemon.stop()
    assert before > 0, "nothing was told while the disk hung: this run proves nothing"
    assert swap() == Counter(names)


@pytest.mark.parametrize("moment", ["HS1203", "HS1204"])
def test_sigterm_in_a_swap_on_a_slow_disk_tells_the_swap_before_the_end(world, moment):
    primary, _ = world.pair()
    syslog, sink = telling(world)
    daemon = world.prepared(world.service(recovery_delay=100, syslog=sink))
    disk = Disk(world, daemon)
    daemon.start()
    daemon.wait_status("ok")
    daemon.wait_serves(world.primary)
    disk.says("sync", "400")
    primary.behaviour = 503
    wait_until(moment, lambda: moment in daemon.log(), every=0.005)
    daemon.stop()
    wait_until("the swap is told", lambda: len(told(syslog, "status failover")) == 1, 1)
    disk.is_well()
    daemon.start()
    daemon.wait_status("failover")
    daemon.stop()
    assert len(told(syslog, "status failover")) == 1
