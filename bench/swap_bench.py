#!/usr/bin/python3 -B
"""How long a swap takes from its verdict to its proof on every name server: on Knot alone, and on Knot with a secondary.

Sites fail and recover at random moments; the daemon's own log tells when it called one down or up (HS1101), and when the
swap that followed was proved (HS1208). Knot and the fixtures of the end-to-end tests are needed (scripts/install-deps --test).
"""
import argparse
import collections
import datetime
import json
import os
import pathlib
import random
import re
import statistics
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
LINE = re.compile(r"^\S+T(\d+):(\d+):(\d+)\.(\d+)Z \w+ (HS1101|HS1208) .*?service=(\S+)(.*)")
SERVICES = 9  # ten that fail together would be taken for our own trouble


def stamp(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=f"{ROOT}/build/release")
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--secondary", action="store_true", help="a secondary of Knot is in the proof, too")
    args = parser.parse_args()
    os.environ["HOTSWAPD_BIN"] = f"{os.path.abspath(args.build)}/bin"
    sys.path.insert(0, str(ROOT / "tests/e2e"))
    import harness
    from name_servers import Knot

    class Primary(Knot):
        """A zone for each service: Knot delays an update of a zone that was updated a moment before. It tells its secondary
        of each change."""

        def __init__(self, address, port, addresses, secondary=None):
            super().__init__(address, port, [])
            conf = self.dir / "knot.conf"
            text = re.sub(r"    update-owner.*\n", "", conf.read_text())
            if secondary:
                text = text.replace("acl:\n", f"remote:\n  - id: second\n    address: {secondary[0]}@{secondary[1]}\n"
                                    "acl:\n  - id: xfr\n    address: 127.0.0.0/8\n    action: transfer\n", 1)
                text = text.replace("    acl: upd\n", "    acl: [upd, xfr]\n    notify: second\n", 1)
            first = text[text.index("  - domain:"):]
            for i, site in enumerate(addresses):
                zone = f"z{i}.{harness.ZONE}"
                text += first.replace(f"domain: {harness.ZONE}", f"domain: {zone}").replace("file: zone", f"file: zone{i}")
                (self.dir / f"zone{i}").write_text(self.zone_file.read_text().replace(
                    f"$ORIGIN {harness.ZONE}.", f"$ORIGIN {zone}.") + f"www 30 A {site}\n")
            conf.write_text(text)

    class Secondary(Knot):
        def __init__(self, address, port, primary):
            super().__init__(address, port, [])
            conf = self.dir / "knot.conf"
            head, _, _ = conf.read_text().partition("key:\n")
            conf.write_text(f"""{head}remote:
  - id: first
    address: {primary.address}@{primary.port}
acl:
  - id: ntf
    address: 127.0.0.0/8
    action: notify
zone:
""" + "".join(f"""  - domain: {zone}
    storage: {self.dir}
    file: copy-{zone}
    master: first
    acl: ntf
""" for zone in [harness.ZONE, *(f"z{i}.{harness.ZONE}" for i in range(SERVICES))]))

    world = harness.World()
    try:
        backup = world.site(world.address(0))
        sites = [world.site(world.address(10 + i)) for i in range(SERVICES)]
        address, second = world.address(6), world.address(7)
        ports = harness.free_port(address), harness.free_port(second)
        knot = Primary(address, ports[0], [site.address for site in sites],
                       (second, ports[1]) if args.secondary else None).start()
        world.closing.append(knot)
        provider = knot.provider()
        if args.secondary:
            copy = Secondary(second, ports[1], knot).start()
            world.closing.append(copy)
            provider["name_servers"].append(copy.at)
        services = [world.service(f"www.z{i}.{harness.ZONE}", zone=f"z{i}.{harness.ZONE}", address=site.address, failover_data=backup.address,
                                  max_swaps_per_hour=3600) for i, site in enumerate(sites)]
        daemon = world.prepared(*services, dns_listen=[], providers={"there": provider})
        daemon.start()
        harness.wait_until("all are proved", lambda: all(
            s["proof"] == "proved" and s["status"] == "ok" for s in daemon.services().values()), 60)
        skip = len(daemon.log())

        def flap(site, times):
            for turn in range(times):
                time.sleep(random.uniform(2.2, 3.2) + (1.5 if args.secondary else 0))
                site.behaviour = 503 if turn % 2 == 0 else "ok"

        each = -(-args.swaps // SERVICES)
        threads = [threading.Thread(target=flap, args=(site, each)) for site in sites]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(4)
        log = daemon.log()[skip:]
        stories = [json.loads(daemon.ctl_ok("explain", f"www.z{i}.{harness.ZONE}", "--json"))["swap"] for i in range(SERVICES)]
    finally:
        problems, _ = world.close()
    if problems:
        raise SystemExit(f"swap_bench: {problems}")

    verdict, took = {}, []
    for match in filter(None, map(LINE.match, log.splitlines())):
        hours, minutes, seconds, fraction, event, service, rest = match.groups()
        at = (int(hours) * 60 + int(minutes)) * 60 + int(seconds) + float(f"0.{fraction}")
        if event == "HS1101" and "primary" in rest:
            verdict[service] = at
        elif event == "HS1208" and service in verdict:
            took.append((at - verdict.pop(service)) % 86400 * 1e3)
    took.sort()
    median, p99 = statistics.median(took), took[int(len(took) * 0.99)]
    bar = 1500 if args.secondary else 10
    what = "Knot and a secondary" if args.secondary else "Knot alone"
    print(f"swap, {what}: {len(took)} of {each * SERVICES} swaps from verdict to proved: median {median:.0f} ms, p99 {p99:.0f} ms, "
          f"worst {took[-1]:.0f} ms; bar: median {bar} ms: {'holds' if median <= bar else 'DOES NOT HOLD'}")

    steps = collections.defaultdict(list)
    for story in stories:
        before = story["opened"]
        for step in story["steps"]:
            steps[step["step"]].append((stamp(step["at"]) - stamp(before)).total_seconds() * 1e3)
            before = step["at"]
    print("of the last ones, by step: " + ", ".join(f"{step} {statistics.median(each):.0f}" for step, each in steps.items()) + " ms")


main()
