"""Ten thousand endpoints fail inside one interval."""
import calendar
import random
import re
import statistics
import time

from rows.lookup import Lookup, free_port
from rows.world import address, percentile, told

DOWN = re.compile(r"^(\S+)Z \w+ HS1101 .*?(127\.\d+\.\d+\.\d+) is down")


def monotonic_of(text):
    """Of a log line's wall clock."""
    whole, _, fraction = text.partition(".")
    wall = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")
    return wall - time.time() + time.monotonic()


def burst(world, services=10000, interval=5, timeout=2.0):
    """All primaries fail at one moment, half of them with 503, half by silence; their backups are well. When each was called
    down by the daemon's log, against the deadline of the probe that met it; and how long the DNS took to answer meanwhile."""
    endpoints, port = 2 * services, free_port()
    argv = world.daemon("http", endpoints, interval, dns_port=port, timeout=f"{timeout:g}s")
    world.targets.set(1, endpoints, "good")
    with world.logged(argv) as (prober, log):
        world.settled(endpoints, 60)
        world.quiet(log)
        lookup = Lookup(port)
        if lookup.address(f"s{endpoints - 1}.probe.test") != address(endpoints - 1):
            raise SystemExit("daemon_bench: the primaries are not served before the fault")
        with world.targets.recording(world.directory) as records:
            world.targets.set(1, endpoints, "503", step=4)
            fault = world.targets.set(3, endpoints, "silent", step=4)
            answers, last_old = [], fault
            while time.monotonic() < fault + interval + timeout + 2:
                took, _ = lookup.timed(f"s{random.randrange(services) * 2 + 1}.probe.test")
                answers.append(took * 1e3)
                time.sleep(0.001)
        waiting = set(range(1, endpoints, 2))
        while waiting and time.monotonic() < fault + 60:
            for endpoint in list(waiting):
                if lookup.address(f"s{endpoint}.probe.test") == address(endpoint + 1):
                    waiting.discard(endpoint)
            last_old = time.monotonic()
        alive = prober.poll() is None
    with open(log) as file:
        down = {match.group(2): monotonic_of(match.group(1)) for match in map(DOWN.match, file) if match}
    met = {}
    for at, endpoint in records:
        if at >= fault and endpoint % 2 == 1:
            met.setdefault(endpoint, at)
    behind = {"503": [], "silent": []}
    for endpoint, at in met.items():
        if address(endpoint) in down:
            how = "503" if endpoint % 4 == 1 else "silent"
            behind[how].append((down[address(endpoint)] - at - (timeout if how == "silent" else 0)) * 1e3)
    untold = services - len(behind["503"]) - len(behind["silent"])
    p99 = percentile(answers, 0.99)
    worst = max(behind["503"] + behind["silent"])
    told("burst", f"{services} primaries fail at once, interval {interval} s, timeout {timeout:g} s: called down after the 503 "
         f"median {statistics.median(behind['503']):.0f} worst {max(behind['503']):.0f} ms, after the deadline of silence "
         f"median {statistics.median(behind['silent']):.0f} worst {max(behind['silent']):.0f} ms, {untold} not told; "
         f"{len(answers)} DNS answers p50 {percentile(answers, 0.5):.2f} p99 {p99:.2f} worst {max(answers):.2f} ms; "
         f"{services - len(waiting)} names answered with their backup {last_old - fault:.1f} s after the fault",
         "100 ms behind its deadline, p99 of DNS < 2 ms", alive and worst <= 100 and untold == 0 and p99 < 2,
         "the log's clock counts milliseconds; client and targets share the other CPU")
