"""CPU per probe, beside the bare loop or beside a daemon that does without something."""
import statistics
import time

from rows.world import cpu_by_thread, running, told

# row: protocol, endpoints, interval in seconds, what the bare loop speaks, the ratio that is to hold
LOADS = {
    "http": ("http", 10000, 5, "http", 1.5),
    "http60": ("http", 10000, 60, "http", 1.5),
    "tcp": ("tcp", 10000, 5, "tcp", 1.5),
    "https": ("https", 5000, 10, "https", 1.2),
    "https-verified": ("verified", 5000, 10, "https", 1.2),
    "ping": ("ping", 10000, 5, "icmp", 2.0),
    "smtp": ("smtp", 10000, 5, "smtp", None),
}


def window(world, protocol, prober, seconds):
    """(microseconds a probe, {thread: microseconds}, fullest second over the mean, probes a second)"""
    world.targets.probes(protocol)
    before = cpu_by_thread(prober.pid)
    time.sleep(seconds)
    after = cpu_by_thread(prober.pid)
    probes, bins = world.targets.probes(protocol)
    if prober.poll() is not None or probes == 0:
        raise SystemExit(f"daemon_bench: {prober.args[0]} does not probe")
    spent = {name: (ns - before.get(name, 0)) / 1e3 / probes for name, ns in after.items()}
    whole = bins[:seconds] or [1]
    return sum(spent.values()), spent, max(whole) / statistics.mean(whole), probes / seconds


def bare_window(world, protocol, argv, seconds):
    with running(argv, 0) as prober:
        time.sleep(2)
        return window(world, protocol, prober, seconds)


def daemon_window(world, protocol, argv, seconds):
    """When its start is over, which probes everything at once and writes first records."""
    with world.logged(argv) as (prober, log):
        time.sleep(2)
        world.quiet(log)
        return window(world, protocol, prober, seconds)


def by_thread(runs):
    names = {name for run in runs for name in run[1]}
    split = {name: statistics.median(run[1].get(name, 0) for run in runs) for name in names}
    return ", ".join(f"{name} {us:.1f}" for name, us in sorted(split.items(), key=lambda pair: -pair[1]) if us >= 0.1)


def median_and_range(runs):
    us = [run[0] for run in runs]
    return f"{statistics.median(us):.1f} us ({min(us):.0f}-{max(us):.0f})"


def ratio(ours, theirs):
    return statistics.median(run[0] for run in ours) / statistics.median(run[0] for run in theirs)


def compare(world, row, rounds, seconds):
    protocol, endpoints, interval, spoken, bar = LOADS[row]
    port = world.targets.ports[protocol]
    ca = [f"{world.directory}/ca.pem"] if protocol == "verified" else []
    bare = [f"{world.build}/bench/bare_loop", spoken, str(endpoints), str(endpoints / interval), port] + ca
    ours = world.daemon(protocol, endpoints, interval)
    # A sparse load needs a longer look.
    seconds = seconds if endpoints / interval >= 500 else 3 * seconds
    bare_runs, our_runs = [], []
    for _ in range(rounds):
        bare_runs.append(bare_window(world, protocol, bare, seconds))
        our_runs.append(daemon_window(world, protocol, ours, seconds))
    got = ratio(our_runs, bare_runs)
    told(f"{row}, {endpoints / interval:.0f}/s",
         f"bare loop {median_and_range(bare_runs)}, daemon {median_and_range(our_runs)}, ratio {got:.2f}",
         bar and f"ratio <= {bar}", bar and got <= bar,
         f"kept {statistics.median(run[3] for run in our_runs):.0f}/s, us by thread: {by_thread(our_runs)}")


def resumption(world, rounds):
    """Daemons beside each other, one with targets that give tickets, one with targets that give none. Ten rounds of each
    endpoint are one window: one handshake in ten is full."""
    endpoints, interval = 1000, 2
    full_argv, short_argv = (world.daemon(protocol, endpoints, interval) for protocol in ("verified", "tickets"))
    full, short, resumed, seconds = [], [], 0, 10 * interval
    for _ in range(rounds):
        full.append(daemon_window(world, "verified", full_argv, seconds))
        before = int(world.targets.say("resumed"))
        short.append(daemon_window(world, "tickets", short_argv, seconds))
        resumed += int(world.targets.say("resumed")) - before
    got = ratio(short, full)
    told(f"resumed, {endpoints // interval}/s",
         f"daemon with full handshakes {median_and_range(full)}, resumed {median_and_range(short)}, ratio {got:.2f}",
         "ratio <= 0.6", got <= 0.6, f"one in ten stays full ({resumed} were short, those before the window included); us by thread: {by_thread(short)}")
