"""The world of a measurement: targets on one CPU, the prober on another, and what is read from /proc."""
import contextlib
import glob
import os
import struct
import subprocess
import tempfile
import time

KEYS = {"http": "protocol: HTTP, path: /, host: probe.test", "tcp": "protocol: TCP", "smtp": "protocol: SMTP", "ping": "protocol: PING",
        "https": "protocol: HTTPS, path: /, host: probe.test, tls: {verify: false}",
        "verified": "protocol: HTTPS, path: /, host: probe.test, tls: {ca_file: CA}",
        "tickets": "protocol: HTTPS, path: /, host: probe.test, tls: {ca_file: CA}"}
PORTS = ("http", "https", "tickets", "tcp", "smtp")


@contextlib.contextmanager
def running(argv, cpu, **more):
    cpus = sorted(os.sched_getaffinity(0))
    process = subprocess.Popen(argv, preexec_fn=lambda: os.sched_setaffinity(0, {cpus[cpu % len(cpus)]}), **more)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


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


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def address(endpoint):
    return f"127.{1 + (endpoint >> 16)}.{endpoint >> 8 & 255}.{endpoint & 255}"


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def told(row, figure, bar, holds, why):
    """One row: its figure, its bar and whether it holds, and what limits it. No bar: nothing is promised."""
    verdict = "" if holds is None else ("holds  " if holds else "MISSED ")
    print(f"{row:24} {figure}\n{'':24} {verdict}{f'(bar: {bar})  ' if bar else ''}{why}", flush=True)


class Targets:
    """What is probed. It counts and records who was probed when, and fails when it is told to."""

    def __init__(self, process):
        self.process = process
        self.ports = dict(zip(PORTS, process.stdout.readline().split()))
        self.ports["verified"] = self.ports["https"]
        self.ports["ping"] = "1"
        self.pings = icmp_echoes()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def by_second(self):
        """Connections since the last call, second by second."""
        return [int(count) for count in self.say("count").split()]

    def probes(self, protocol):
        """Probes since the last call: their number, and by whole seconds where that is known."""
        if protocol != "ping":
            seconds = self.by_second()
            return sum(seconds), seconds
        before, self.pings = self.pings, icmp_echoes()
        return self.pings - before, []

    def set(self, first, last, how, step=1, width=1):
        """The moment at which WIDTH endpoints of each STEP do as `how` says: good, 503, silent."""
        return int(self.say(f"set {first} {last} {step} {width} {how}")) / 1e9

    def deaf(self, first, last, step=1, width=1):
        self.say(f"deaf {first} {last} {step} {width}")

    @contextlib.contextmanager
    def recording(self, directory):
        """Yields a list that afterwards has (seconds, endpoint) of each connection made meanwhile."""
        rows, path = [], f"{directory}/recorded"
        self.say("record")
        yield rows
        self.say(f"recorded {path}")
        with open(path, "rb") as file:
            rows.extend((at / 1e9, endpoint) for at, endpoint, _ in struct.iter_unpack("<QII", file.read()))
        os.unlink(path)


def icmp_echoes():
    with open("/proc/net/snmp") as file:
        names, values = (line.split() for line in file if line.startswith("Icmp:"))
    return int(values[names.index("InEchos")])


def certificate(directory):
    """A private CA's certificate for probe.test: what OpenSSL verifies is a chain and a name."""
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    for argv in (new + ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=bench CA"],
                 new + ["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=probe.test",
                        "-addext", "subjectAltName=DNS:probe.test", "-addext", "basicConstraints=critical,CA:FALSE"]):
        subprocess.run(argv, cwd=directory, check=True, stderr=subprocess.DEVNULL)


class World:
    def __init__(self, build, directory, targets):
        self.build, self.directory, self.targets = build, directory, targets

    def daemon(self, protocol, endpoints, interval, dns_port=0, timeout="5s", retries=0):
        """argv of a daemon on a fresh state that probes the endpoints 1 to `endpoints`: pairs, each a service with its backup."""
        directory = tempfile.mkdtemp(dir=self.directory)
        keys = KEYS[protocol].replace("CA", f"{self.directory}/ca.pem")
        port = "" if protocol == "ping" else f", port: {self.targets.ports[protocol]}"
        monitor = f"{{{keys}{port}, interval: {interval}s, timeout: {timeout}, retries: {retries}}}"
        with open(f"{directory}/hotswapd.yaml", "w") as file:
            file.write(f"state_dir: {directory}/state\ncontrol_socket: {directory}/control.sock\nshards: 1\n"
                       f"dns_listen: [127.0.0.1:{dns_port}]\n"
                       "providers: {here: {type: embedded, zones: {probe.test: {ns: [ns1.example.com]}}}}\nservices:\n")
            for i in range(1, endpoints + 1, 2):
                file.write(f"- {{zone: probe.test, fqdn: s{i}.probe.test, address: {address(i)}, failover_mode: ip, "
                           f"failover_data: {address(i + 1)}, monitor: {monitor}}}\n")
        os.mkdir(f"{directory}/state")
        return [f"{self.build}/bin/hotswapd", "--config", f"{directory}/hotswapd.yaml"]

    @contextlib.contextmanager
    def logged(self, argv):
        """The daemon of `argv` on its CPU, and the path of its log."""
        log = f"{os.path.dirname(argv[-1])}/log"
        with open(log, "w") as stderr, running(argv, 0, stderr=stderr) as prober:
            yield prober, log

    def settled(self, targets_wanted, within):
        """Blocks till so many probes came in, from now on: the first round of a start."""
        end, seen = time.monotonic() + within, 0
        while seen < targets_wanted:
            seen += sum(self.targets.by_second())
            if time.monotonic() > end:
                raise SystemExit(f"daemon_bench: {seen} of {targets_wanted} probes within {within} s")
            time.sleep(0.2)


    def quiet(self, log, within=150):
        """Blocks till nothing has been logged for three seconds: the first records of a start are written."""
        end, size, since = time.monotonic() + within, -1, 0.0
        while time.monotonic() < end:
            if os.path.getsize(log) != size:
                size, since = os.path.getsize(log), time.monotonic()
            if time.monotonic() - since > 3:
                return
            time.sleep(0.5)
        raise SystemExit(f"daemon_bench: the start is not over after {within} s")


@contextlib.contextmanager
def world(build):
    with tempfile.TemporaryDirectory(prefix="hotswapd-bench-") as directory:
        certificate(directory)
        with running([f"{build}/bench/targets", f"{directory}/cert.pem", f"{directory}/key.pem"], 1, text=True,
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            yield World(build, directory, Targets(process))
