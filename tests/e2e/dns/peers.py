"""The embedded DNS and the well-known servers beside it, all serving the same zone on loopback."""

import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import time

import dns.message
import dns.query

ZONE = "fo.test"
RNAME = "hostmaster.fo.test"
NEGATIVE_TTL = 30

# name, TTL, type, values. What the servers get as a zone file, ours gets as arguments.
RECORDS = [
    ("www", 30, "A", ["192.0.2.10"]),
    ("multi", 30, "A", ["192.0.2.10", "192.0.2.11"]),
    ("six", 30, "AAAA", ["2001:db8::1"]),
    ("alias", 30, "CNAME", ["www.fo.test."]),
    ("alias2", 30, "CNAME", ["alias.fo.test."]),
    ("out", 30, "CNAME", ["www.elsewhere.test."]),
    ("dangling", 30, "CNAME", ["nothing.fo.test."]),
    ("deep.under", 30, "A", ["192.0.2.12"]),
    ("many", 30, "A", [f"192.0.2.{i}" for i in range(1, 61)]),
]

SLOW = int(os.environ.get("HOTSWAPD_TEST_SLOWNESS", "1"))
PATIENCE = 20 * SLOW  # seconds; only a failing test waits for it


def program(name):
    """A program of the build beside HOTSWAPD_BIN, or of build/release."""
    root = pathlib.Path(__file__).resolve().parents[3]
    bin_folder = pathlib.Path(os.environ.get("HOTSWAPD_BIN", root / "build/release/bin"))
    return str(bin_folder.parent / "tests" / name)


def free_port():
    """A port that is free for UDP and TCP on loopback just now."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                try:
                    udp.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue
    raise RuntimeError("no free port")


def clean_environment():
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin", "HOME": "/nonexistent", "LC_ALL": "C"}


class Server:
    """A process that answers DNS at 127.0.0.1:port."""

    def __init__(self, name, argv, port, log, stdin=subprocess.DEVNULL, stdout=None):
        self.name = name
        self.port = port
        self.log = pathlib.Path(log)
        with open(log, "wb") as out:
            self.process = subprocess.Popen(argv, stdin=stdin, stdout=stdout or out, stderr=out, bufsize=0,
                                            env=clean_environment())

    def wait_until_it_answers(self, question="www.fo.test"):
        query = dns.message.make_query(question, "A")
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            assert self.process.poll() is None, f"{self.name} ended: {self.log.read_text(errors='replace')}"
            try:
                if dns.query.udp(query, "127.0.0.1", port=self.port, timeout=0.5).answer:
                    return self
            except (dns.exception.DNSException, OSError):
                time.sleep(0.05)
        raise AssertionError(f"{self.name} does not answer: {self.log.read_text(errors='replace')}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def ask_raw(self, packet, tcp=False, wait=0.4 * SLOW):
        """The answer to these bytes, or None for silence."""
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as link:
            link.settimeout(wait)
            link.connect(("127.0.0.1", self.port))
            try:
                if not tcp:
                    link.send(packet)
                    return link.recv(65535)
                link.sendall(len(packet).to_bytes(2, "big") + packet)
                length = int.from_bytes(self._exactly(link, 2), "big")
                return self._exactly(link, length)
            except (TimeoutError, ConnectionError, EOFError):
                return None

    @staticmethod
    def _exactly(link, count):
        out = b""
        while len(out) < count:
            more = link.recv(count - len(out))
            if not more:
                raise EOFError
            out += more
        return out


class Ours(Server):
    """serve_zone: the product's DNS. It ends when its standard input does."""

    def __init__(self, folder, listen=("127.0.0.1:0",), records=RECORDS):
        argv = [program("serve_zone")]
        for at in listen:
            argv += ["--listen", at]
        argv += [ZONE, RNAME, "ns1.fo.test=127.0.0.1", "--"]
        argv += [f"{name} {ttl} {kind} {' '.join(value.rstrip('.') for value in values)}"
                 for name, ttl, kind, values in records]
        super().__init__("hotswapd", argv, 0, folder / "serve_zone.log", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.endpoints = []
        until = time.monotonic() + PATIENCE
        while True:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))
            assert ready, "serve_zone did not say that it is ready"
            line = self.process.stdout.readline().decode().strip()
            if line == "ready":
                break
            assert line.startswith("listening "), (line, self.log.read_text())
            self.endpoints.append(line.split()[1])
        self.port = int(self.endpoints[0].rsplit(":", 1)[1])

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0, self.log.read_text()
        self.process.stdout.close()


def write_zone(folder):
    lines = ["$ORIGIN fo.test.", "$TTL 3600",
             f"@ SOA ns1.fo.test. hostmaster.fo.test. 1 3600 600 1209600 {NEGATIVE_TTL}", "@ NS ns1", "ns1 A 127.0.0.1"]
    lines += [f"{name} {ttl} {kind} {value}" for name, ttl, kind, values in RECORDS for value in values]
    (folder / "fo.test.zone").write_text("\n".join(lines) + "\n")


def start_nsd(folder):
    port = free_port()
    write_zone(folder)
    (folder / "nsd.conf").write_text(f"""
server:
  ip-address: 127.0.0.1@{port}
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  username: ""
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: fo.test
  zonefile: fo.test.zone
""")
    argv = [shutil.which("nsd", path=clean_environment()["PATH"]), "-d", "-c", str(folder / "nsd.conf")]
    return Server("nsd", argv, port, folder / "nsd.log").wait_until_it_answers()


def start_knot(folder):
    port = free_port()
    write_zone(folder)
    (folder / "run").mkdir()
    (folder / "db").mkdir()
    (folder / "knot.conf").write_text(f"""
server:
    rundir: {folder}/run
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: {folder}/db
log:
  - target: stderr
    any: info
zone:
  - domain: fo.test
    storage: {folder}
    file: fo.test.zone
    zonefile-sync: -1
""")
    argv = [shutil.which("knotd", path=clean_environment()["PATH"]), "-c", str(folder / "knot.conf")]
    return Server("knot", argv, port, folder / "knot.log").wait_until_it_answers()


def start_unbound(folder, upstream):
    """A resolver above us that spells names at random, asks label by label and accepts no slip."""
    port = free_port()
    (folder / "unbound.conf").write_text(f"""
server:
  interface: 127.0.0.1@{port}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  do-daemonize: no
  use-syslog: no
  num-threads: 1
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "test." nodefault
  use-caps-for-id: yes
  qname-minimisation: yes
  qname-minimisation-strict: yes
  harden-below-nxdomain: yes
  harden-referral-path: yes
  cache-max-negative-ttl: 1
stub-zone:
  name: "fo.test"
  stub-addr: 127.0.0.1@{upstream}
  stub-prime: no
remote-control:
  control-enable: no
""")
    argv = [shutil.which("unbound", path=clean_environment()["PATH"]), "-d", "-c", str(folder / "unbound.conf")]
    return Server("unbound", argv, port, folder / "unbound.log").wait_until_it_answers()
