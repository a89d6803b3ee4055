"""Our own limits (descriptors, the link, processor time) are never the target's fault, and never move traffic."""

import collections
import itertools
import json
import os
import pathlib
import re
import resource
import signal
import time
import urllib.request

import pytest
from harness import SLOW, Daemon, always, wait_until
from namespaces import Elsewhere, ip, needs_root


def crowd(world, name, count, address=None, **more):
    return [world.service(f"{name}{i}.example.com", address=address or world.primary, **more) for i in range(count)]


def prepared_as_json(world, services, **more):
    """A daemon that has not been started yet; JSON is YAML, and is written twenty times faster."""
    daemon = Daemon(world, json.dumps(world.config(*services, **more), indent=0))
    world.daemons.append(daemon)
    return daemon


def targets(daemon, fqdn):
    return json.loads(daemon.ctl_ok("explain", fqdn, "--json"))["targets"]


def swapped(daemon):
    """The names of which a swap began."""
    return set(re.findall(r"HS1203 .*?service=(\S+)", daemon.log()))


def per_interval(site, since, seconds):
    """How often each service was probed at a site from `since` on: {Host: requests}."""
    with site.lock:
        heads = [head for at, head in site.requests if since <= at < since + seconds]
    return collections.Counter(re.search(r"^Host: (\S+)\r$", head, re.M).group(1) for head in heads)


def healthy(world):
    url = f"http://{world.api_address}:{world.api_port}/healthz"
    with urllib.request.urlopen(url, timeout=2 * SLOW) as answer:
        return answer.status == 200


def states(daemon):
    """Of all threads, as /proc shows them."""
    stats = pathlib.Path(f"/proc/{daemon.process.pid}/task").glob("*/stat")
    return {path.read_text().rpartition(")")[2].split()[0] for path in stats}


def test_few_descriptors_and_many_silent_targets(world):
    """2,000 services, 256 descriptors, 400 silent targets that hang for far more attempts than there are."""
    world.pair()
    silent = world.site(world.third)
    silent.behaviour = "silent"
    monitor = {"interval": f"{3 * SLOW:g}s", "timeout": "2500ms"}
    live = crowd(world, "live", 1600, monitor=monitor, backups=[{"data": world.backup, "monitor": "none"}])
    dead = crowd(world, "dead", 400, world.third, monitor=monitor)
    daemon = prepared_as_json(world, live + dead, api={"listen": f"{world.api_address}:{world.api_port}"})
    daemon.wrapper = ["prlimit", "--nofile=256:256"]
    daemon.start()
    live_names, dead_names = ([s["fqdn"] for s in some] for some in (live, dead))

    def statuses(names):
        services = daemon.services()
        return collections.Counter(services[name]["status"] for name in names)

    wait_until("all that answer are ok", lambda: statuses(live_names) == {"ok": 1600}, 15, every=0.2)
    names = itertools.cycle(live_names)
    look = itertools.count()

    def alive():
        assert healthy(world)
        assert daemon.serves(next(names)) == [world.primary]
        if next(look) % 8 == 0:
            assert statuses(live_names) == {"ok": 1600}
            assert len(os.listdir(f"/proc/{daemon.process.pid}/fd")) < 256
        return True

    always("API, control socket and DNS answer", alive, 5 * SLOW)

    verdicts = collections.Counter()
    for name in dead_names[::20]:
        for attempt in targets(daemon, name)[0]["attempts"]:
            verdicts[attempt["verdict"], attempt["class"]] += 1
            if attempt["verdict"] == "inconclusive":
                assert "not begun within its interval" in attempt["reason"]
        assert daemon.serves(name) in ([world.third], [world.backup])
    assert set(verdicts) <= {("fail", "timeout"), ("inconclusive", "local")}, verdicts
    assert verdicts["inconclusive", "local"] > 0, verdicts
    daemon.logged(r"HS1120 .*not begun within its interval")

    silent.behaviour = "ok"
    everything = live_names + dead_names
    wait_until("all are ok", lambda: statuses(everything) == {"ok": 2000}, 20, every=0.2)
    for name in everything[::50]:
        assert daemon.serves(name) == [world.third if name.startswith("dead") else world.primary]
    assert swapped(daemon) <= set(dead_names)
    assert "no file descriptor" not in daemon.log()


@pytest.mark.parametrize("end", ["ours", "theirs"])
@needs_root
def test_the_only_link_goes_down(alone, world, end):
    """The sites are in another network namespace, at the end of the only link there is."""
    there = Elsewhere()
    world.closing.append(there)
    hardware = "02:00:00:00:00:01"
    there.call(ip, "link", "add", "theirs", "address", hardware, "type", "veth", "peer", "name", "ours", "netns",
               os.getpid())
    world.primary, world.backup = "10.77.0.1", "10.77.0.2"
    ip("addr", "add", "10.77.0.9/24", "dev", "ours")
    ip("link", "set", "ours", "up")
    for address in (world.primary, world.backup):
        there.call(ip, "addr", "add", f"{address}/24", "dev", "theirs")
        # Without it the one site may be found again up to a second before the other, which is then rightly down.
        ip("neigh", "add", address, "lladdr", hardware, "dev", "ours", "nud", "permanent")
    there.call(ip, "link", "set", "theirs", "up")
    primary, backup = there.call(world.pair)

    interval, count = 1, 20
    # The timeout is shorter than the kernel takes to repeat a SYN: what began without a link ends without an answer.
    services = crowd(world, "n", count, monitor={"interval": f"{interval}s", "timeout": "700ms"})
    names = [service["fqdn"] for service in services]
    daemon = prepared_as_json(world, services)
    daemon.start()

    def all_are(word):
        return all(service["status"] == word for service in daemon.services().values())

    def nothing_moved():
        return all(daemon.serves(name) == [world.primary] for name in names)

    wait_until("all are ok", lambda: all_are("ok"))

    def link(state):
        if end == "ours":
            ip("link", "set", "ours", state)
        else:
            there.call(ip, "link", "set", "theirs", state)

    link("down")
    if end == "ours":
        def no_route():
            last = [target["attempts"][-1] for name in names for target in targets(daemon, name)]
            return all((a["verdict"], a["class"]) == ("inconclusive", "local") and "no route" in a["reason"]
                       for a in last) and len(last) == 2 * count

        wait_until("all is inconclusive", no_route)
        daemon.logged(r"HS1120 .*no route")
    else:
        daemon.logged(r"HS1124 \d+ of 20 services went down inside one interval")
    always("nothing moves", nothing_moved, 2 * interval)
    link("up")
    up = time.monotonic()
    wait_until("a fresh round of each at both", lambda: all(
        len(per_interval(site, up, 60)) == count for site in (primary, backup)), interval + 2)
    wait_until("all are ok", lambda: all_are("ok"))
    assert nothing_moved()
    wait_until("an interval has passed", lambda: time.monotonic() > up + interval)
    for site in (primary, backup):
        seen = per_interval(site, up, interval * 0.9)
        assert max(seen.values()) == 1, f"more than one round an interval: {seen}"
    assert not swapped(daemon)


@needs_root
def test_what_was_in_flight_when_the_only_link_went_down_is_not_blamed(alone, world):
    """One attempt decides, and it is under way: its answer comes too late for the link."""
    there = Elsewhere()
    world.closing.append(there)
    there.call(ip, "link", "add", "theirs", "type", "veth", "peer", "name", "ours", "netns", os.getpid())
    world.primary, world.backup = "10.77.0.1", "10.77.0.2"
    ip("addr", "add", "10.77.0.9/24", "dev", "ours")
    ip("link", "set", "ours", "up")
    for address in (world.primary, world.backup):
        there.call(ip, "addr", "add", f"{address}/24", "dev", "theirs")
    there.call(ip, "link", "set", "theirs", "up")
    primary, _ = there.call(world.pair)
    services = crowd(world, "n", 10, monitor={"interval": "1s", "timeout": "1s", "retries": 0})
    daemon = prepared_as_json(world, services)
    daemon.start()
    wait_until("all are ok", lambda: all(s["status"] == "ok" for s in daemon.services().values()))
    seen = primary.count()
    primary.behaviour = "silent"
    wait_until("attempts hang", lambda: primary.count() >= seen + 3, every=0.002)
    ip("link", "set", "ours", "down")
    daemon.logged(r"HS1120 .*no route to the target")
    always("nothing moves", lambda: not swapped(daemon), 3)
    assert " is down" not in daemon.log()


def test_a_process_stopped_for_long_moves_none_of_many(world):
    """The attempts that were in flight lost their connections meanwhile; those connections say nothing."""
    primary, backup = world.pair()
    interval, count = 1, 50
    services = crowd(world, "n", count, monitor={"interval": f"{interval}s", "timeout": 2})
    names = [service["fqdn"] for service in services]
    daemon = prepared_as_json(world, services)
    daemon.start()
    wait_until("all are ok", lambda: all(s["status"] == "ok" for s in daemon.services().values()))

    seen = primary.count()
    primary.behaviour = "silent"
    wait_until("attempts hang", lambda: primary.count() >= seen + count // 2, every=0.002)
    daemon.signal(signal.SIGSTOP)
    # A thread that runs elsewhere stops only when the one that got the signal has seen it.
    wait_until("all threads stand still", lambda: states(daemon) == {"T"}, every=0.002)
    primary.stop()  # the connections that hang are closed
    primary.behaviour = "ok"
    primary.start()
    time.sleep(6)  # many intervals and timeouts
    back = time.monotonic()
    daemon.signal(signal.SIGCONT)
    always("nothing moves", lambda: all(daemon.serves(name) == [world.primary] for name in names), 2 * interval)
    wait_until("all are ok", lambda: all(s["status"] == "ok" for s in daemon.services().values()))
    assert not swapped(daemon)
    assert "is down" not in daemon.log()
    for site in (primary, backup):
        burst = per_interval(site, back, interval * 0.9)
        assert max(burst.values()) <= 2, f"missed rounds were made up for: {burst}"


def test_the_limit_changes_while_it_runs(world):
    """Lowered, attempts wait and what others need is left to them; raised, they are made again."""
    world.pair()
    silent = world.site(world.third)
    monitor = {"interval": f"{3 * SLOW:g}s", "timeout": "2500ms"}
    live = crowd(world, "live", 200, monitor=monitor)
    dead = crowd(world, "dead", 600, world.third, monitor=monitor)
    daemon = prepared_as_json(world, live + dead, api={"listen": f"{world.api_address}:{world.api_port}"})
    daemon.start()
    live_names, dead_names = ([s["fqdn"] for s in some] for some in (live, dead))

    def statuses(names):
        services = daemon.services()
        return collections.Counter(services[name]["status"] for name in names)

    wait_until("all are ok", lambda: statuses(live_names + dead_names) == {"ok": 800}, 15, every=0.2)
    process = daemon.process.pid
    soft, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)

    def alive():
        return healthy(world) and daemon.serves(live_names[0]) == [world.primary] and \
            statuses(live_names) == {"ok": 200} and len(os.listdir(f"/proc/{process}/fd")) < 256

    resource.prlimit(process, resource.RLIMIT_NOFILE, (256, hard))
    always("what is well stays well", alive, 2 * SLOW)
    silent.behaviour = "silent"
    daemon.logged(r"HS1120 .*not begun within its interval", seconds=20)
    always("API, control socket and DNS answer", alive, 3 * SLOW)
    assert "no file descriptor" not in daemon.log()

    resource.prlimit(process, resource.RLIMIT_NOFILE, (soft, hard))
    wait_until("those that are silent are all found out", lambda: statuses(dead_names) == {"failover": 600}, 30, every=0.2)
    assert statuses(live_names) == {"ok": 200}
    assert swapped(daemon) == set(dead_names)


def test_no_descriptor_is_left_at_all(world):
    """The limit is lowered under the running daemon to what it has open: as if something had leaked the rest."""
    world.pair()
    services = crowd(world, "n", 20)
    names = [service["fqdn"] for service in services]
    daemon = prepared_as_json(world, services, api={"listen": f"{world.api_address}:{world.api_port}"})
    daemon.start()
    wait_until("all are ok", lambda: all(s["status"] == "ok" for s in daemon.services().values()))
    # The kernel gives the lowest free number: one that is not always taken is the first that it may no longer give.
    process = daemon.process.pid
    always_open = set.intersection(*({int(fd) for fd in os.listdir(f"/proc/{process}/fd")} for _ in range(50)))
    lowest = next(fd for fd in itertools.count() if fd not in always_open)
    soft, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (lowest, hard))
    daemon.logged(r"HS1120 .*no file descriptor left in this process \(raise LimitNOFILE\)", seconds=8)
    always("nothing moves", lambda: all(daemon.serves(name) == [world.primary] for name in names), 1)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (soft, hard))

    def fresh():
        return all(target["attempts"][-1]["verdict"] == "pass" for name in names for target in targets(daemon, name))

    wait_until("all are probed again", fresh)
    assert all(s["status"] == "ok" for s in daemon.services().values())
    assert healthy(world)
    assert not swapped(daemon)
    assert "is down" not in daemon.log()
