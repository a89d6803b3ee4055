#!/usr/bin/python3
"""What a probe costs the whole daemon, beside a bare epoll loop that does nothing but the probe.

    bench/daemon_bench.py [--only http,tcp,https,memory] [--rounds N] [--seconds N] [--build build/release]

Builds bare_loop, serves the targets with it on CPU 1, and lets the bare loop and the daemon probe them in turn on CPU 0,
--rounds times (3); each is measured for --seconds (8). Half of the endpoints are primaries, half their backups. CPU is
/proc/PID/task/*/schedstat: quote the ratio of the medians, not the microseconds. `fullest` is the fullest second over the
mean one. Memory is RSS with 50,000 endpoints less RSS with 10,000. Takes some nine minutes.
"""
import argparse
import contextlib
import glob
import os
import statistics
import subprocess
import tempfile
import time

LOADS = [  # protocol, endpoints, interval in seconds
    ("http", 10000, 5),
    ("http", 10000, 60),
    ("tcp", 10000, 5),
    ("https", 5000, 10),
]
KEYS = {"http": "protocol: HTTP, path: /, host: probe.test", "tcp": "protocol: TCP",
        "https": "protocol: HTTPS, path: /, host: probe.test, tls: {ca_file: CA}"}
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@contextlib.contextmanager
def running(argv, cpu, **more):
    cpus = sorted(os.sched_getaffinity(0))
    process = subprocess.Popen(argv, preexec_fn=lambda: os.sched_setaffinity(0, {cpus[cpu % len(cpus)]}), **more)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(15)


def cpu_by_thread(pid):
    """Nanoseconds on the CPU, by thread name."""
    spent = {}
    for task in glob.glob(f"/proc/{pid}/task/*"):
        with contextlib.suppress(OSError), open(f"{task}/comm") as name, open(f"{task}/schedstat") as stat:
            name = name.read().strip()
            spent[name] = spent.get(name, 0) + int(stat.read().split()[0])
    return spent


def rss_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


class Targets:
    """The served targets, which know how many probes came in each second."""

    def __init__(self, process):
        self.process = process
        self.ports = dict(zip(("http", "https", "tcp"), process.stdout.readline().split()))

    def since_last(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [int(count) for count in self.process.stdout.readline().split()]


def certificate(directory):
    """A private CA's certificate for probe.test: what OpenSSL verifies is a chain and a name."""
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    for argv in (new + ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=bench CA"],
                 new + ["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=probe.test",
                        "-addext", "subjectAltName=DNS:probe.test", "-addext", "basicConstraints=critical,CA:FALSE"]):
        subprocess.run(argv, cwd=directory, check=True, stderr=subprocess.DEVNULL)


def daemon(build, directory, protocol, endpoints, interval, port):
    directory = tempfile.mkdtemp(dir=directory)
    keys = KEYS[protocol].replace("CA", f"{os.path.dirname(directory)}/ca.pem")
    monitor = f"{{{keys}, port: {port}, interval: {interval}s, timeout: 5s, retries: 0}}"
    with open(f"{directory}/hotswapd.yaml", "w") as file:
        file.write(f"state_dir: {directory}/state\ncontrol_socket: {directory}/control.sock\nshards: 1\n"
                   "dns_listen: [127.0.0.1:0]\n"
                   "providers: {here: {type: embedded, zones: {probe.test: {ns: [ns1.example.com]}}}}\nservices:\n")
        for i in range(1, endpoints + 1, 2):
            primary, backup = (f"127.{1 + (n >> 16)}.{n >> 8 & 255}.{n & 255}" for n in (i, i + 1))
            file.write(f"- {{zone: probe.test, fqdn: s{i}.probe.test, address: {primary}, failover_mode: ip, "
                       f"failover_data: {backup}, monitor: {monitor}}}\n")
    os.mkdir(f"{directory}/state")
    return [f"{build}/bin/hotswapd", "--config", f"{directory}/hotswapd.yaml"]


def measure(targets, argv, warm, seconds):
    """(microseconds a probe, {thread: microseconds}, fullest second over the mean, probes a second)"""
    with running(argv, 0, stderr=subprocess.DEVNULL) as prober:
        time.sleep(warm)
        targets.since_last()
        before = cpu_by_thread(prober.pid)
        time.sleep(seconds)
        after = cpu_by_thread(prober.pid)
        bins = targets.since_last()
        if prober.poll() is not None or sum(bins) == 0:
            raise SystemExit(f"daemon_bench: {argv[0]} does not probe")
        spent = {name: (ns - before.get(name, 0)) / 1e3 / sum(bins) for name, ns in after.items()}
        whole = bins[:seconds]
        return sum(spent.values()), spent, max(whole) / statistics.mean(whole), sum(bins) / seconds


def compare(targets, build, directory, protocol, endpoints, interval, rounds, seconds):
    port, ca = targets.ports[protocol], [f"{directory}/ca.pem"] if protocol == "https" else []
    bare = [f"{build}/bench/bare_loop", "probe", protocol, str(endpoints), str(endpoints / interval), port] + ca
    ours = daemon(build, directory, protocol, endpoints, interval, port)
    # A sparse load needs a longer look. The daemon's start-up must be over: everything is probed at once.
    seconds = seconds if endpoints / interval >= 500 else 3 * seconds
    runs = {"bare": [], "daemon": []}
    for _ in range(rounds):
        runs["bare"].append(measure(targets, bare, 2, seconds))
        runs["daemon"].append(measure(targets, ours, min(interval, 8) + 4, seconds))
    bare_us, ours_us = ([run[0] for run in runs[who]] for who in ("bare", "daemon"))
    ratio = statistics.median(ours_us) / statistics.median(bare_us)
    threads = sorted({name for run in runs["daemon"] for name in run[1]})
    split = {name: statistics.median(run[1].get(name, 0) for run in runs["daemon"]) for name in threads}
    print(f"{protocol:6}{endpoints:7} every {interval:2} s  bare {statistics.median(bare_us):6.1f} us ({min(bare_us):.0f}-{max(bare_us):.0f})"
          f"  daemon {statistics.median(ours_us):6.1f} us ({min(ours_us):.0f}-{max(ours_us):.0f})  ratio {ratio:5.2f}"
          f"  fullest {statistics.median(run[2] for run in runs['daemon']):.2f}"
          f"  kept {statistics.median(run[3] for run in runs['daemon']):.0f}/s"
          f"  [{', '.join(f'{name} {us:.1f}' for name, us in sorted(split.items(), key=lambda x: -x[1]) if us >= 0.1)}]", flush=True)


def memory(targets, build, directory, protocol, sizes=(10000, 50000), interval=20):
    """After a first start, whose first records are all written at once, and after a second one on the same state."""
    got = {"first": [], "second": []}
    for endpoints in sizes:
        argv = daemon(build, directory, protocol, endpoints, interval, targets.ports[protocol])
        for start, sizes_in_kb in got.items():
            with running(argv, 0, stderr=subprocess.DEVNULL) as prober:
                time.sleep(interval + 10)  # each was probed at the start and on its grid
                sizes_in_kb.append(rss_kb(prober.pid))
    for start, (few, many) in got.items():
        per_thousand = (many - few) / (sizes[1] - sizes[0]) * 1000 / 1024
        print(f"memory {protocol}, {start} start: {few / 1024:.0f} MB with {sizes[0]} endpoints, {many / 1024:.0f} MB with {sizes[1]}: "
              f"{per_thousand:.2f} MB per 1,000 endpoints", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="http,tcp,https,memory")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--build", default=f"{ROOT}/build/release")
    args = parser.parse_args()
    only, build = args.only.split(","), os.path.abspath(args.build)
    subprocess.run(["cmake", "-S", ROOT, "-B", build, "-DHOTSWAPD_BENCH=ON"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", build, "--target", "hotswapd", "bare_loop"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix="hotswapd-bench-") as directory:
        certificate(directory)
        with running([f"{build}/bench/bare_loop", "serve", f"{directory}/cert.pem", f"{directory}/key.pem"], 1, text=True,
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            targets = Targets(process)
            for protocol, endpoints, interval in LOADS:
                if protocol in only:
                    compare(targets, build, directory, protocol, endpoints, interval, args.rounds, args.seconds)
            if "memory" in only:
                memory(targets, build, directory, "http")


main()
