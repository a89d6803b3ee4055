"""Memory at rest: what an endpoint takes, and whether it stays at that."""
import statistics
import subprocess
import time

from rows.world import rss_kb, running, told

SIZES = (10000, 50000)
INTERVAL = {"http": 20, "tickets": 60}  # HTTPS with a session kept for each endpoint: as large as it gets


def at_rest(world, protocol):
    """RSS with 50,000 endpoints less RSS with 10,000: after a first start, whose first records are all written at once, and
    after a second one on the same state."""
    interval = INTERVAL[protocol]
    got = {"first": [], "second": []}
    for endpoints in SIZES:
        argv = world.daemon(protocol, endpoints, interval)
        for kilobytes in got.values():
            with running(argv, 0, stderr=subprocess.DEVNULL) as prober:
                time.sleep(2 * interval + 10)  # each was probed at the start and on its grid
                kilobytes.append(rss_kb(prober.pid))
    per_thousand = {start: (many - few) / (SIZES[1] - SIZES[0]) * 1000 / 1024 for start, (few, many) in got.items()}
    told(f"memory, {'HTTPS' if protocol == 'tickets' else 'HTTP'}",
         ", ".join(f"{start} start {few / 1024:.0f} MB with {SIZES[0]} endpoints, {many / 1024:.0f} MB with {SIZES[1]}: "
                   f"{per_thousand[start]:.2f} MB per 1,000" for start, (few, many) in got.items()),
         "<= 2 MB per 1,000 endpoints", max(per_thousand.values()) <= 2, "a service, its model, its specification and two probers; see docs/decisions")


def flat(world, minutes):
    """RSS of a daemon that probes 10,000 endpoints every 20 s: its last quarter against the quarter after the first minute."""
    endpoints, interval = 10000, 20
    seen = []
    with running(world.daemon("http", endpoints, interval), 0, stderr=subprocess.DEVNULL) as prober:
        time.sleep(60)
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            seen.append(rss_kb(prober.pid))
            time.sleep(5)
    quarter = max(1, len(seen) // 4)
    first, last = statistics.median(seen[:quarter]), statistics.median(seen[-quarter:])
    told(f"flat, {minutes:g} minutes", f"{first / 1024:.1f} MB in the first quarter, {last / 1024:.1f} MB in the last, "
         f"{(last / first - 1) * 100:+.2f} %, {endpoints} endpoints every {interval} s",
         "grows by no more than 1 %", last <= 1.01 * first, "history and change logs are bounded; --minutes 60 takes the hour")
