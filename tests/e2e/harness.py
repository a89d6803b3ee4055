"""What the end-to-end tests stand on: the real daemon in a world of its own on loopback, and waits that end.

Every test gets a World: a temporary folder, addresses of its own in 127.0.0.0/8, sites, a DNS client, a receiver of
syslog, and daemons whose end is checked (exit status, sanitizer reports). Nothing sleeps in hope: things are polled
until a deadline, and the deadlines stretch with HOTSWAPD_TEST_SLOWNESS under the sanitizers.
"""

import copy
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import yaml

from sites import Site

SLOW = float(os.environ.get("HOTSWAPD_TEST_SLOWNESS", "1"))
ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HOTSWAPD_BIN", ROOT / "build/release/bin"))

NAME = "www.example.com"
ZONE = "example.com"
INTERVAL = 1.0  # seconds between rounds, where a test does not say otherwise

SANITIZER = re.compile(r"(Address|Thread|Leak|Memory)Sanitizer|runtime error:")


def wait_until(what, check, seconds=10.0, every=0.02):
    """Polls check() until it gives something true, which is returned; fails after `seconds` (stretched)."""
    end = time.monotonic() + seconds * SLOW
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds * SLOW:g} s (last: {found!r})")
        time.sleep(every)


def always(what, check, seconds, every=0.05):
    """check() must hold now and until `seconds` from now."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert check(), what
        time.sleep(every)


class Receiver:
    """A datagram socket that is read for ever by a thread: what came, with the time it came."""

    def __init__(self, family, address):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(0.1)
        self.got = []  # (monotonic, text)
        self.closed = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while not self.closed:
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            self.got.append((time.monotonic(), data.decode("utf-8", "replace")))

    def texts(self):
        return [text for _, text in list(self.got)]

    def close(self):
        self.closed = True
        self.thread.join(5)
        self.socket.close()


class Syslog(Receiver):
    """A receiver of RFC 3164 over UDP."""

    LINE = re.compile(r"^<(\d+)>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (\S+) ([^\s:\[]+)(?:\[\d+\])?: (.*)$", re.S)

    def __init__(self, address):
        super().__init__(socket.AF_INET, (address, 0))
        self.address, self.port = self.socket.getsockname()

    def parsed(self):
        """[(priority, ident, message)]; a line of another form fails."""
        lines = []
        for text in self.texts():
            found = self.LINE.match(text)
            assert found, f"not RFC 3164: {text!r}"
            lines.append((int(found.group(1)), found.group(4), found.group(5)))
        return lines

    def messages(self):
        return [message for _, _, message in self.parsed()]


class Notify(Receiver):
    """systemd's end of sd_notify."""

    def __init__(self, path):
        super().__init__(socket.AF_UNIX, path)
        self.path = path

    def count(self, word):
        return sum(word in text.split("\n") for text in self.texts())

    def when(self, word):
        return [at for at, text in list(self.got) if word in text.split("\n")]


class Daemon:
    """One hotswapd process after another on one configuration."""

    def __init__(self, world, config, api=None):
        self.world = world
        self.dir = world.dir
        self.config_path = self.dir / "hotswapd.yaml"
        self.control = self.dir / "control.sock"
        self.log_path = self.dir / "stderr.log"
        self.process = None
        self.wrapper = []
        self.environment = {}
        self.expected_death = None
        self.write(config)

    # -- configuration ---------------------------------------------------------------------------------------------
    def write(self, config):
        """A dict, or text as it is."""
        self.config = copy.deepcopy(config)
        text = config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False, width=4096)
        fresh = self.config_path.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.config_path)

    # -- life ------------------------------------------------------------------------------------------------------
    def start(self, ready=True):
        assert self.process is None or self.process.poll() is not None, "it is still running"
        self.expected_death = None
        environment = dict(os.environ, NOTIFY_SOCKET=self.world.notify.path, **self.environment)
        self.ready_before = self.world.notify.count("READY=1")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, str(BIN / "hotswapd"), "--config", str(self.config_path)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=environment, cwd=self.dir, start_new_session=True)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=10):
        def ready():
            assert self.process.poll() is None, f"hotswapd ended with {self.process.returncode}:\n{self.log()}"
            return self.world.notify.count("READY=1") > self.ready_before

        wait_until("READY=1", ready, seconds)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=10):
        """SIGTERM; the end within the contract's 10 s with status 0."""
        self.signal(signal.SIGTERM)
        return self.wait_end(seconds)

    def wait_end(self, seconds=10):
        try:
            code = self.process.wait(seconds + 5 * (SLOW - 1))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running {seconds} s after it was told to stop:\n{self.log()}") from None
        assert code == 0, f"ended with status {code}:\n{self.log()}"
        return code

    def kill(self):
        self.expected_death = signal.SIGKILL
        self.process.kill()
        self.process.wait()

    def reload(self):
        """SIGHUP, and the word that it has been dealt with (good or bad)."""
        before = self.world.notify.count("RELOADING=1")
        self.signal(signal.SIGHUP)
        wait_until("RELOADING=1", lambda: self.world.notify.count("RELOADING=1") > before)

        def ready_again():
            words = [w for t in self.world.notify.texts() for w in t.split("\n") if w in ("RELOADING=1", "READY=1")]
            return words[-1] == "READY=1"

        wait_until("READY=1 after the reload", ready_again)

    def finish(self):
        """The end of the test: stops it, and tells what a test may never leave behind."""
        problems = []
        if self.running():
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(10 + 5 * (SLOW - 1))
            except subprocess.TimeoutExpired:
                problems.append("did not stop within 10 s")
                self.process.kill()
                self.process.wait()
        if self.process is not None:
            code = self.process.returncode
            if code not in (0, None) and not (self.expected_death and code == -self.expected_death):
                problems.append(f"ended with status {code}")
        if SANITIZER.search(self.log()):
            problems.append("a sanitizer reported something")
        return problems

    # -- what it says ----------------------------------------------------------------------------------------------
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def logged(self, pattern, seconds=5):
        return wait_until(f"/{pattern}/ in the log", lambda: re.search(pattern, self.log()), seconds)

    def ctl(self, *words, timeout=10, **how):
        return run([BIN / "hotswapctl", "--socket", self.control, *words], timeout=timeout, **how)

    def ctl_ok(self, *words):
        done = self.ctl(*words)
        assert done.returncode == 0, f"hotswapctl {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def services(self):
        return {s["fqdn"]: s for s in json.loads(self.ctl_ok("status", "--json"))["services"]}

    def service(self, name=NAME):
        return self.services()[name]

    def status(self, name=NAME):
        return self.service(name)["status"]

    def wait_status(self, word, name=NAME, seconds=10):
        wait_until(f"{name} is {word}", lambda: self.status(name) == word, seconds, every=0.05)

    # -- what it answers -------------------------------------------------------------------------------------------
    def ask(self, name=NAME, kind="A", timeout=2.0):
        query = dns.message.make_query(name, kind)
        query.flags &= ~dns.flags.RD
        return dns.query.udp(query, self.world.dns_address, port=self.world.dns_port, timeout=timeout)

    def serves(self, name=NAME, kind="A", timeout=2.0):
        """What DNS serves for the name, sorted; a text with the reason when there is no good answer."""
        try:
            answer = self.ask(name, kind, timeout)
        except (dns.exception.Timeout, OSError) as error:
            return f"no answer: {type(error).__name__}"
        if answer.rcode() != dns.rcode.NOERROR:
            return dns.rcode.to_text(answer.rcode())
        return sorted(item.to_text() for rrset in answer.answer for item in rrset)

    def wait_serves(self, address, name=NAME, seconds=10):
        # Short questions: one to a port where nobody listens yet is lost, and must not use the time up.
        wait_until(f"{name} is served as {address}", lambda: self.serves(name, timeout=0.25 * SLOW) == [address],
                   seconds)


def run(command, timeout=20, **how):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout * SLOW,
                          stdin=how.pop("stdin", subprocess.DEVNULL) if "input" not in how else None, **how)


def free_port(address):
    """A port free for UDP and TCP on an address that nobody else uses."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind((address, 0))
            try:
                udp.bind((address, tcp.getsockname()[1]))
                return tcp.getsockname()[1]
            except OSError:
                continue
    raise AssertionError("no free port")


class World:
    """Everything of one test; close() ends all of it and returns what was wrong with the daemons."""

    numbers = itertools.count()

    def __init__(self):
        # The process id makes the network ours among test programs that run side by side.
        process = os.getpid()
        self.net = f"127.{1 + process % 251}.{1 + process // 251 % 251}"
        self.last = 10 + 40 * (next(World.numbers) % 5)
        # Short: the path of a unix socket has 107 bytes at most.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hs-"))
        (self.dir / "state").mkdir(mode=0o700)
        self.primary, self.backup, self.third = (self.address(i) for i in range(3))
        self.dns_address = self.address(3)
        self.dns_port = free_port(self.dns_address)
        self.api_address = self.address(4)
        self.api_port = free_port(self.api_address)
        self.notify = Notify(str(self.dir / "notify.sock"))
        self.closing = [self.notify]
        self.daemons = []
        self.port = None

    def address(self, index):
        return f"{self.net}.{self.last + index}"

    # -- peers -----------------------------------------------------------------------------------------------------
    def site(self, address, port=None, **how):
        """A site on `address`; all of a world's sites share one port unless told otherwise, as a service needs."""
        site = Site(address, port or self.port or 0, **how)
        if port is None:
            self.port = site.port
        self.closing.append(site)
        return site

    def pair(self, **how):
        """The primary's and the backup's site."""
        return self.site(self.primary, **how), self.site(self.backup, **how)

    def syslog(self):
        receiver = Syslog(self.address(5))
        self.closing.append(receiver)
        return receiver

    # -- configuration ---------------------------------------------------------------------------------------------
    def monitor(self, **more):
        monitor = {"protocol": "HTTP", "port": self.port, "path": "/", "interval": f"{INTERVAL:g}s", "retries": 0,
                   "timeout": 1, **more}
        return {key: value for key, value in monitor.items() if value is not None}

    def service(self, fqdn=NAME, monitor=None, **more):
        service = {"zone": ZONE, "fqdn": fqdn, "address": self.primary, "failover_mode": "ip",
                   "failover_data": self.backup, "ttl": 1, "monitor": self.monitor(**(monitor or {})), **more}
        if "backups" in more:
            del service["failover_mode"], service["failover_data"]
        return {key: value for key, value in service.items() if value is not None}

    def config(self, *services, **more):
        return {
            "site": {"code": "ams1", "region": "eu-west"},
            "state_dir": str(self.dir / "state"),
            "control_socket": str(self.dir / "control.sock"),
            "dns_listen": [f"{self.dns_address}:{self.dns_port}"],
            "providers": {"here": {"type": "embedded", "zones": {ZONE: {
                "ns": [f"ns1.{ZONE}"], "rname": f"hostmaster@{ZONE}"}}}},
            "services": list(services) or [self.service()],
            **more,
        }

    def daemon(self, *services, **more):
        """A daemon that is ready, on a configuration with these services."""
        return self.prepared(*services, **more).start()

    def prepared(self, *services, **more):
        daemon = Daemon(self, self.config(*services, **more))
        self.daemons.append(daemon)
        return daemon

    def settled(self, *services, **more):
        """A daemon whose first service is `ok` and serves the primary."""
        daemon = self.daemon(*services, **more)
        daemon.wait_status("ok")
        daemon.wait_serves(self.primary)
        return daemon

    def close(self):
        problems = [(daemon, problem) for daemon in self.daemons for problem in daemon.finish()]
        logs = "".join(daemon.log() for daemon in self.daemons)
        for thing in reversed(self.closing):
            thing.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        return [problem for _, problem in problems], logs
