"""Very many endpoints on one core: whether each is probed at its slot, and what that takes."""
import collections
import re
import statistics
import threading
import time

from rows.world import address, cpu_by_thread, descriptors, percentile, told

GRID = 0.1  # slots lie on multiples of it on the monotonic clock, where the interval is 5 s or more


def lateness(records, interval):
    """{endpoint: [(moment, seconds behind its own slot)]}. An endpoint's slot is the earliest grid point, modulo the interval,
    at which it was probed: so a probe that is late by more than the grid shows as soon as another one of its endpoint was not."""
    places = round(interval / GRID)
    by_endpoint = collections.defaultdict(list)
    for at, endpoint in records:
        by_endpoint[endpoint].append(at)
    behind = {}
    for endpoint, moments in by_endpoint.items():
        points = [int(at / GRID) % places for at in moments]
        first = min(points, key=lambda point: max((other - point) % places for other in points))
        behind[endpoint] = [(at, (at / GRID - first) % places * GRID) for at in moments]
    return behind


def drift(behind, interval):
    """The median distance of two probes of one endpoint, less the interval: milliseconds."""
    gaps = [later - earlier - interval for rounds in behind.values() for (earlier, _), (later, _) in zip(rounds, rounds[1:])]
    return statistics.median(gaps) * 1e3 if gaps else float("nan")


def fullest(records):
    """The fullest whole second of the clock over the mean one."""
    bins = collections.Counter(int(at) for at, _ in records)
    whole = [bins[second] for second in range(min(bins) + 1, max(bins))]
    return max(whole) / statistics.mean(whole)


def spread(world, row, endpoints, interval, rounds):
    """Everything is well, and the start is over, whose rounds come at once and not at their slots. One round of each is recorded
    so that every slot is known, then so many are measured."""
    with world.logged(world.daemon("http", endpoints, interval)) as (prober, log):
        world.settled(endpoints, 120)
        world.quiet(log)
        with world.targets.recording(world.directory) as records:
            time.sleep(interval + 1)
            before, began = cpu_by_thread(prober.pid), time.monotonic()
            time.sleep(rounds * interval + 1)
            after, lasted = cpu_by_thread(prober.pid), time.monotonic() - began
    share = {name: (ns - before.get(name, 0)) / 1e9 / lasted for name, ns in after.items()}
    behind = lateness(records, interval)
    measured = {endpoint: [probe for probe in probes if probe[0] >= began] for endpoint, probes in behind.items()}
    late = [seconds * 1e3 for probes in measured.values() for _, seconds in probes]
    full = fullest([record for record in records if record[0] >= began])
    off, p99, core = drift(measured, interval), percentile(late, 0.99), sum(share.values())
    missing = endpoints - sum(len(probes) >= rounds for probes in measured.values())
    figure = (f"{endpoints} endpoints every {interval} s: {core:.1%} of a core, behind the slot p50 {percentile(late, 0.5):.1f} p99 {p99:.1f} "
              f"worst {max(late):.1f} ms, fullest second {full:.3f} of the mean, drift {off:+.2f} ms a round, {missing} not probed in turn")
    why = ", ".join(f"{name} {part:.1%}" for name, part in sorted(share.items(), key=lambda pair: -pair[1]) if part >= 0.001)
    if row == "grid":
        told(row, figure, "fullest second <= 1.05 of the mean, no drift", full <= 1.05 and abs(off) < 1 and missing == 0, f"of the core: {why}")
    else:
        told(row, figure, "<= 25 % of a core, p99 <= 20 ms", core <= 0.25 and p99 <= 20 and missing == 0, f"of the core: {why}")


class Watch(threading.Thread):
    """Samples the daemon's descriptors once a second."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.seen, self.over = pid, [], threading.Event()

    def run(self):
        while not self.over.wait(1):
            self.seen.append(descriptors(self.pid))

    def stop(self):
        self.over.set()
        self.join()


DOWN = re.compile(r" HS1101 .*?(127\.\d+\.\d+\.\d+) is down: (.*)")
BLIND = re.compile(r" HS1120 ")


def half_silent(world, row, retries, endpoints=100000, interval=60, timeout=10):
    """Both endpoints of every other service stop to answer SYNs. What is measured begins when as many attempts are in flight
    as that makes."""
    argv = world.daemon("http", endpoints, interval, timeout=f"{timeout}s", retries=retries)
    with world.logged(argv) as (prober, log):
        with open(f"/proc/{prober.pid}/limits") as limits:
            allowed = int(next(line for line in limits if line.startswith("Max open files")).split()[4])
        world.settled(endpoints, 120)
        watch = Watch(prober.pid)
        with world.targets.recording(world.directory) as records:
            world.quiet(log)
            world.targets.deaf(1, endpoints, step=4, width=2)
            watch.start()
            time.sleep(timeout * (retries + 1))
            before, began = cpu_by_thread(prober.pid), time.monotonic()
            time.sleep(interval + 1)
            core = sum(ns - before.get(name, 0) for name, ns in cpu_by_thread(prober.pid).items()) / 1e9 / (time.monotonic() - began)
        watch.stop()
        world.targets.deaf(1, 1, width=0)
    with open(log) as file:
        lines = file.readlines()
    silent = {address(i) for i in range(1, endpoints + 1) if (i - 1) % 4 < 2}
    down = {match.group(1) for match in map(DOWN.search, lines) if match}
    blamed, blind = len(down - silent), sum(BLIND.search(line) is not None for line in lines)
    behind = lateness(records, interval)
    late = [seconds * 1e3 for rounds in behind.values() for at, seconds in rounds if at >= began]
    missing = endpoints // 2 - sum(rounds[-1][0] >= began for rounds in behind.values())
    wanted = endpoints / interval / 2 * timeout * (retries + 1)
    p99 = percentile(late, 0.99)
    told(row, f"{endpoints // 2} of {endpoints} endpoints silent, timeout {timeout} s, retries {retries}: {wanted:.0f} attempts wanted in flight, "
         f"descriptors {max(watch.seen)} of {allowed} at most; the live half p50 {percentile(late, 0.5):.1f} p99 {p99:.1f} worst {max(late):.1f} ms "
         f"behind its slot, {missing} not probed, {blamed} called down; {len(down & silent)} silent ones called down, {blind} targets told as blind; "
         f"{core:.1%} of a core",
         "descriptors below the limit less 200, live half p99 <= 20 ms, none called down",
         max(watch.seen) <= allowed - 200 and p99 <= 20 and missing == 0 and blamed == 0,
         "each silent attempt holds a descriptor until its deadline")
