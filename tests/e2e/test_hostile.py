"""A daemon whose targets are as bad as targets can be: each is judged as it deserves, and none leaves anything behind."""

import json
import os
import pathlib
import re

import pytest
from harness import INTERVAL, SLOW, wait_until
from probing import FAULTS, TIMEOUT
from test_limits import prepared_as_json


def fqdn(fault):
    return re.sub("[^a-z0-9]+", "-", fault.name.lower()) + ".example.com"


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def resident(daemon):
    """Megabytes."""
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.M).group(1)) / 1024


@pytest.mark.timeout(150 * SLOW)
def test_hostile_targets_leave_nothing_behind(world, certificates):
    services, wanted = [], {}
    for fault in FAULTS:
        peer = fault.start(certificates, address=world.primary)
        world.closing.append(peer)
        monitor = {**fault.monitor(certificates), "port": peer.port, "interval": f"{INTERVAL:g}s",
                   "timeout": f"{TIMEOUT * 1000:.0f}ms"}
        services.append(world.service(fqdn(fault), monitor={"path": None, **monitor}))
        wanted[fqdn(fault)] = fault.wanted(peer.port)
    # One more that is well, so that it is not our own link that is bad.
    well = world.site(world.third)
    services.append(world.service("well.example.com", address=world.third, monitor={"port": well.port},
                                  backups=[{"data": world.backup, "monitor": "none"}]))
    daemon = prepared_as_json(world, services)
    daemon.start()

    def rounds():
        return {name: json.loads(daemon.ctl_ok("show", name, "--json"))["rounds"] for name in wanted}

    def series(count):
        """So many rounds of each; then none is probed any more, and what is still open is told."""
        for name in wanted:
            daemon.ctl("activate", name)
        began = rounds()
        wait_until(f"{count} rounds of each", lambda: all(now >= began[name] + count for name, now in rounds().items()),
                   4 * count * INTERVAL, every=0.1)
        seen = {name: json.loads(daemon.ctl_ok("explain", name, "--json"))["targets"][0]["attempts"] for name in wanted}
        for name in wanted:
            daemon.ctl_ok("deactivate", name)
        return seen

    seen = series(3)
    # What is opened once for all (a socket for each family of PING, an epoll for each thread) is there by now.
    wait_until("the attempts have ended", lambda: descriptors(daemon) < 60)
    before = wait_until("it is at rest", lambda: len({descriptors(daemon) for _ in range(10)}) == 1 and descriptors(daemon))
    memory = resident(daemon)
    for name, attempts in seen.items():
        last = attempts[-1]
        assert f"{last['verdict']} {last['class']} {last['reason']}" == wanted[name]
    for _ in range(2):
        series(6)
        wait_until(f"as many descriptors as before: {before}", lambda: descriptors(daemon) <= before)
    if SLOW == 1:
        assert resident(daemon) < memory + 8
    assert daemon.status("well.example.com") == "ok"
    assert daemon.serves("well.example.com") == [world.third]
