#!/usr/bin/python3
"""What the whole daemon costs and how soon it acts: every row with its figure, its bar, and whether it holds.

    bench/daemon_bench.py [--only ROW,ROW] [--rounds N] [--seconds N] [--minutes N] [--build build/release]

Builds the daemon, bare_loop and targets; runs in a network namespace of its own where that is allowed. The daemon is on CPU 0,
what it probes on CPU 1. Rows (about forty minutes altogether):

    http http60 tcp https https-verified ping smtp   CPU per probe beside bare_loop, --rounds times in turn (3), --seconds each (8)
    resumed                                          HTTPS with session resumption beside HTTPS without
    memory memory-https flat                         RSS per 1,000 endpoints; RSS over --minutes (5)
    detection detection-silent                       from a fault to the DNS answer with the backup
    grid scale                                       10,000 and 100,000 endpoints once a minute: evenness, drift, lateness, share of a core
    silent silent-excess                             100,000 of which half answer nothing: with and without room for their attempts
    burst                                            10,000 primaries fail at one moment

CPU is /proc/PID/task/*/schedstat: quote ratios, not microseconds. Nothing here is a test: exit status 0 whether bars hold or not.
"""
import argparse
import os
import subprocess
import sys

from rows import burst, cost, crowd, detection, memory
from rows.world import world

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
APART = "HOTSWAPD_BENCH_APART"


def run_apart():
    """The same again in a network namespace, so that ports, counters and half-open connections are nobody else's."""
    if APART in os.environ:
        return
    up = 'ip link set lo up && exec "$@"'
    for unshare in (["unshare", "-n"], ["unshare", "-rn"]):
        if subprocess.run([*unshare, "ip", "link", "set", "lo", "up"], stderr=subprocess.DEVNULL).returncode == 0:
            os.environ[APART] = "yes"
            os.execvp("unshare", [*unshare, "sh", "-c", up, "sh", sys.executable, *sys.argv])
    print("daemon_bench: no network namespace of its own: other traffic on loopback disturbs", file=sys.stderr)


def rows_of(args):
    rows = {row: lambda w, row=row: cost.compare(w, row, args.rounds, args.seconds) for row in cost.LOADS}
    rows["resumed"] = lambda w: cost.resumption(w, args.rounds)
    rows["memory"] = lambda w: memory.at_rest(w, "http")
    rows["memory-https"] = lambda w: memory.at_rest(w, "tickets")
    rows["flat"] = lambda w: memory.flat(w, args.minutes)
    rows["detection"] = lambda w: detection.detection(w, "503")
    rows["detection-silent"] = lambda w: detection.detection(w, "silent")
    rows["grid"] = lambda w: crowd.spread(w, "grid", 10000, 60, 2)
    rows["scale"] = lambda w: crowd.spread(w, "scale", 100000, 60, 1)
    rows["silent"] = lambda w: crowd.half_silent(w, "silent", retries=1)
    rows["silent-excess"] = lambda w: crowd.half_silent(w, "silent-excess", retries=2)
    rows["burst"] = burst.burst
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="these rows, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--build", default=f"{ROOT}/build/release")
    parser.add_argument("--no-build", action="store_true", help="take the programs as they are")
    args = parser.parse_args()
    rows, build = rows_of(args), os.path.abspath(args.build)
    only = args.only.split(",") if args.only else list(rows)
    unknown = [row for row in only if row not in rows]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(rows)}")
    if not args.no_build and APART not in os.environ:
        subprocess.run(["cmake", "-S", ROOT, "-B", build, "-DHOTSWAPD_BENCH=ON"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", build, "--target", "hotswapd", "bare_loop", "targets"], check=True, stdout=subprocess.DEVNULL)
    run_apart()
    with world(build) as w:
        for row in only:
            rows[row](w)


main()
