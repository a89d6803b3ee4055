"""How soon our DNS answers with the backup when a primary fails."""
import random
import statistics
import subprocess
import time

from rows.lookup import Lookup, free_port
from rows.world import address, running, told


def milliseconds(values):
    return f"median {statistics.median(values) * 1e3:.0f} ms, worst {max(values) * 1e3:.0f} ms"


def detection(world, how, trials=100, services=300):
    """Primaries fail one after the other at random moments; one failure is enough. From the fault, and from the probe that
    met it, to the first answer with the backup, asked for every 2 ms."""
    interval, timeout = 1.0, 0.5
    port = free_port()
    argv = world.daemon("http", 2 * services, int(interval), dns_port=port, timeout=f"{timeout * 1e3:.0f}ms")
    world.targets.set(1, 2 * services, "good")
    with running(argv, 0, stderr=subprocess.DEVNULL), world.targets.recording(world.directory) as records:
        lookup = Lookup(port)
        time.sleep(8)
        if not all(lookup.address(f"s{i}.probe.test") == address(i) for i in range(1, 2 * services, 2)):
            raise SystemExit("daemon_bench: not every primary is served before the faults")
        chosen = random.sample(range(1, 2 * services, 2), trials)
        began = time.monotonic() + 0.1
        plan = sorted((began + random.uniform(0, trials * 0.3), endpoint) for endpoint in chosen)
        failed, served = {}, {}
        while len(served) < trials and time.monotonic() < began + trials * 0.3 + 30:
            while plan and plan[0][0] <= time.monotonic():
                endpoint = plan.pop(0)[1]
                failed[endpoint] = world.targets.set(endpoint, endpoint, how)
            for endpoint in failed.keys() - served.keys():
                if lookup.address(f"s{endpoint}.probe.test") == address(endpoint + 1):
                    served[endpoint] = time.monotonic()
            time.sleep(0.002)
    if len(served) < trials:
        raise SystemExit(f"daemon_bench: {trials - len(served)} of {trials} faults were not answered within 30 s")
    met = {endpoint: min(at for at, who in records if who == endpoint and at >= failed[endpoint] - 0.002) for endpoint in failed}
    whole = [served[endpoint] - failed[endpoint] for endpoint in failed]
    after_probe = [served[endpoint] - met[endpoint] for endpoint in failed]
    waits = timeout if how == "silent" else 0
    limit = interval + waits + 0.1
    told(f"detection, {how}", f"{trials} faults at random moments, interval 1 s, timeout 500 ms: {milliseconds(whole)} from the fault, "
         f"{milliseconds(after_probe)} from the probe that met it",
         f"{limit * 1e3:.0f} ms from the fault, {(waits + 0.1) * 1e3:.0f} ms from the probe",
         max(whole) <= limit and max(after_probe) <= waits + 0.1, "the wait for the next slot; then the swap is made durable (fsync) before it is served")
