"""Knot, BIND and PowerDNS in private instances that take signed updates, and the bytes between them and us."""

import base64
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import threading

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update

import harness
from servers import Server, program

KEY_NAME = "hotswapd"
SECRET = base64.b64encode(bytes(range(32))).decode()
ALGORITHM = "hmac-sha256"
NEVER_PORT = 1  # nothing listens there

RECORDS = """\
$ORIGIN {zone}.
$TTL 60
@ SOA ns1 hostmaster 1 3600 600 86400 30
@ NS ns1
ns1 {family} {address}
{more}
"""


def at(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class NameServer(Server):
    """A primary of `zone` with `records`, lines of a zone file. The key may update `www` and `multi`."""

    kind = "?"
    signs_refusals = True  # Knot and BIND say BADKEY, BADSIG, BADTIME; PowerDNS REFUSED, unsigned
    skips_same = True      # the serial stays where an update changes nothing

    def __init__(self, address, port, records, algorithm=ALGORITHM, secret=SECRET, zone=harness.ZONE):
        super().__init__(address, port)
        self.zone = zone
        self.algorithm, self.secret = algorithm, secret
        self.zone_file = self.dir / "zone"
        self.zone_file.write_text(RECORDS.format(
            zone=self.zone, address=address, family="AAAA" if ":" in address else "A", more="\n".join(records)))

    @classmethod
    def home(cls, world, number):
        """The address for one in this world."""
        return world.address(number)

    @property
    def at(self):
        return at(self.address, self.port)

    def listens(self):
        """Answers for the zone, which comes a little after the port is open."""
        assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.output()}"
        try:
            return self.ask("SOA", self.zone, timeout=0.5).answer
        except (OSError, dns.exception.DNSException):
            return False

    def ask(self, kind, name=harness.NAME, timeout=5):
        query = dns.message.make_query(name, kind, flags=0)
        return dns.query.tcp(query, self.address, port=self.port, timeout=timeout)

    def values(self, kind="A", name=harness.NAME):
        return sorted(item.to_text().rstrip(".") for rrset in self.ask(kind, name).answer for item in rrset
                      if rrset.rdtype == dns.rdatatype.from_text(kind))

    def ttl(self, kind="A", name=harness.NAME):
        return self.ask(kind, name).answer[0].ttl

    def serial(self):
        return self.ask("SOA", self.zone).answer[0][0].serial

    def mark(self, name=harness.NAME):
        """The text of the generation record, or None."""
        found = self.ask("TXT", f"_hotswap.{name}").answer
        return found[0][0].strings[0].decode() if found else None

    def generation(self, name=harness.NAME):
        mark = self.mark(name)
        return None if mark is None else int(re.match(r"gen=(\d+)", mark).group(1))

    def keyring(self):
        return dns.tsigkeyring.from_text({KEY_NAME: (self.algorithm, self.secret)})

    def change(self, build):
        """An update by somebody else, made by build(update); its rcode."""
        update = dns.update.UpdateMessage(self.zone, keyring=self.keyring(), keyname=KEY_NAME,
                                          keyalgorithm=self.algorithm)
        build(update)
        return dns.query.tcp(update, self.address, port=self.port, timeout=5).rcode()

    def write(self, *values, kind="A", ttl=30, name="www"):
        def build(update):
            for other in {"A", "AAAA", "CNAME"} - {kind}:
                update.delete(name, other)
            update.replace(name, ttl, kind, values[0])
            for value in values[1:]:
                update.add(name, ttl, kind, value)

        assert self.change(build) == dns.rcode.NOERROR

    def provider(self, **more):
        """The provider's section of the configuration."""
        return {"type": "rfc2136", "server": self.at, "name_servers": [self.at],
                "tsig": {"name": KEY_NAME, "algorithm": self.algorithm, "secret": self.secret}, **more}


class Knot(NameServer):
    kind = "knot"

    def __init__(self, *args, secondaries=(), **how):
        """`secondaries`: [(address, port)] to be notified, who may transfer the zone."""
        super().__init__(*args, **how)
        remotes = "".join(f"  - id: to{i}\n    address: {a}@{p}\n" for i, (a, p) in enumerate(secondaries))
        notify = ", ".join(f"to{i}" for i in range(len(secondaries)))
        for folder in ("run", "db"):
            (self.dir / folder).mkdir()
        (self.dir / "knot.conf").write_text(f"""
server:
    rundir: {self.dir}/run
    listen: {self.address}@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: {self.dir}/db
key:
  - id: {KEY_NAME}
    algorithm: {self.algorithm}
    secret: {self.secret}
acl:
  - id: upd
    key: {KEY_NAME}
    action: update
    update-type: [A, AAAA, CNAME, TXT]
    update-owner: name
    update-owner-match: sub-or-equal
    update-owner-name: [www, multi, _hotswap.www, _hotswap.multi]
  - id: transfer
    address: 127.0.0.0/8
    action: transfer
{f"remote:{chr(10)}{remotes}" if remotes else ""}log:
  - target: stderr
    any: info
zone:
  - domain: {self.zone}
    storage: {self.dir}
    file: zone
    acl: [upd{", transfer" if remotes else ""}]
    {f"notify: [{notify}]" if remotes else ""}
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: changes
    serial-policy: increment
""")

    def command(self):
        return [program("knotd"), "-c", self.dir / "knot.conf"]


class Bind(NameServer):
    kind = "bind"

    @classmethod
    def home(cls, world, number):
        # It listens on addresses of interfaces alone, and the loopback's is this one.
        return "127.0.0.1"

    def __init__(self, *args, **how):
        super().__init__(*args, **how)
        v6 = ":" in self.address
        grants = "".join(f"grant {KEY_NAME} name {name}.{self.zone}. A AAAA CNAME TXT; " for name in
                         ("www", "multi", "_hotswap.www", "_hotswap.multi"))
        (self.dir / "named.conf").write_text(f"""
options {{ directory "{self.dir}"; pid-file "{self.dir}/named.pid"; session-keyfile "{self.dir}/session.key";
  lock-file none;
  listen-on port {self.port} {{ {"none" if v6 else self.address}; }};
  listen-on-v6 port {self.port} {{ {self.address if v6 else "none"}; }};
  recursion no; dnssec-validation no; notify no; }};
controls {{ }};
key "{KEY_NAME}" {{ algorithm {self.algorithm}; secret "{self.secret}"; }};
zone "{self.zone}" {{ type primary; file "{self.dir}/zone"; update-policy {{ {grants} }}; }};
""")

    def command(self):
        return [program("named"), "-g", "-n", "1", "-c", self.dir / "named.conf"]


class Powerdns(NameServer):
    kind = "powerdns"
    signs_refusals = False
    skips_same = False

    def __init__(self, *args, **how):
        super().__init__(*args, **how)
        (self.dir / "run").mkdir()
        database = self.dir / "pdns.sqlite3"
        schema = pathlib.Path("/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")
        subprocess.run([program("sqlite3"), database], input=schema.read_bytes(), check=True, timeout=30)
        (self.dir / "pdns.conf").write_text(f"""
launch=gsqlite3
gsqlite3-database={database}
gsqlite3-pragma-synchronous=0
local-address={self.address}
local-port={self.port}
socket-dir={self.dir}/run
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8,::1/128
guardian=no
daemon=no
setuid=
setgid=
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
""")
        for words in (["load-zone", self.zone, self.zone_file],
                      ["import-tsig-key", KEY_NAME, self.algorithm, self.secret],
                      ["set-meta", self.zone, "TSIG-ALLOW-DNSUPDATE", KEY_NAME],
                      ["set-meta", self.zone, "SOA-EDIT-DNSUPDATE", "INCREASE"]):
            subprocess.run([program("pdnsutil"), f"--config-dir={self.dir}", *map(str, words)], check=True,
                           capture_output=True, timeout=30)

    def command(self):
        return [program("pdns_server"), f"--config-dir={self.dir}"]


KINDS = {server.kind: server for server in (Knot, Bind, Powerdns)}


class KnotSecondary(Server):
    """Knot as a secondary of harness.ZONE, by IXFR from `master` (address, port)."""

    zone = harness.ZONE

    def __init__(self, address, port, master):
        super().__init__(address, port)
        for folder in ("run", "db"):
            (self.dir / folder).mkdir()
        (self.dir / "knot.conf").write_text(f"""
server:
    rundir: {self.dir}/run
    listen: {address}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: {self.dir}/db
remote:
  - id: primary
    address: {master[0]}@{master[1]}
acl:
  - id: notified
    address: 127.0.0.0/8
    action: notify
log:
  - target: stderr
    any: info
zone:
  - domain: {harness.ZONE}
    storage: {self.dir}
    master: primary
    acl: notified
""")

    command = Knot.command
    at = NameServer.at
    listens, ask, values, serial = NameServer.listens, NameServer.ask, NameServer.values, NameServer.serial


class NsdSecondary(KnotSecondary):
    """NSD as a secondary, by AXFR."""

    def __init__(self, address, port, master):
        Server.__init__(self, address, port)
        (self.dir / "nsd.conf").write_text(f"""
server:
  ip-address: {address}@{port}
  username: ""
  chroot: ""
  zonesdir: "{self.dir}"
  database: ""
  pidfile: "{self.dir}/pid"
  xfrdfile: "{self.dir}/xfrd"
  xfrdir: "{self.dir}"
  zonelistfile: "{self.dir}/zones"
  logfile: "{self.dir}/log"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: {harness.ZONE}
  zonefile: zone
  allow-notify: 127.0.0.0/8 NOKEY
  request-xfr: AXFR {master[0]}@{master[1]} NOKEY
""")

    def command(self):
        return [program("nsd"), "-d", "-c", self.dir / "nsd.conf"]


class Wire:
    """A TCP relay in front of a name server: keeps each message that passed, and loses what it is told to lose."""

    def __init__(self, address, to):
        self.to = to
        self.before_update = None  # called with each update before it passes
        self.then_stall = False    # as soon as an update has been answered, nothing passes any more
        self.passes = threading.Event()  # cleared: requests wait here, and pass when it is set again
        self.passes.set()
        self.lose_answers = 0   # the next so many answers to updates never come back
        self.keep_updates = 0   # the next so many updates go no further
        self.stall = False      # nothing passes: requests are read and kept
        self.pretend = False    # updates are said to be done, and go nowhere
        self.requests = 0
        self.updates = []       # the requests, as they were
        self.listener = socket.create_server((address, 0))
        self.address, self.port = self.listener.getsockname()
        self.open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def at(self):
        return at(self.address, self.port)

    def is_well(self):
        self.stall = self.then_stall = self.pretend = False
        self.keep_updates = self.lose_answers = 0

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for link in list(self.open):
            link.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _answer(self, client, request, answer):
        """True: the answer is on its way; False: it is lost, and the connection with it."""
        send(client, answer)
        return True

    def _serve(self, client):
        self.open.add(client)
        try:
            with client, socket.create_connection((self.to.address, self.to.port), timeout=30) as server:
                while True:
                    request = receive(client)
                    self.requests += 1
                    update = request[2] >> 3 & 15 == 5
                    if update:
                        self.updates.append(request)
                    if update and self.pretend:
                        said = dns.message.from_wire(request, keyring=self.to.keyring())
                        send(client, dns.message.make_response(said).to_wire())
                        continue
                    if update and self.keep_updates:
                        self.keep_updates -= 1
                        client.recv(1)
                        return
                    if self.stall:
                        client.recv(1)  # until the other side gives up
                        return
                    self.passes.wait(30)
                    if update and self.before_update:
                        self.before_update(request)
                    send(server, request)
                    answer = receive(server)
                    if update and self.lose_answers:
                        self.lose_answers -= 1
                        client.recv(1)
                        return
                    self.stall |= update and self.then_stall
                    if not self._answer(client, request, answer):
                        return
        except (OSError, EOFError):
            pass
        finally:
            self.open.discard(client)


class Liar:
    """A name server that answers each request with what answer(request) makes of it; None closes the connection."""

    def __init__(self, address, answer):
        self.answer = answer
        self.requests = []
        self.listener = socket.create_server((address, 0))
        self.address, self.port = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def at(self):
        return at(self.address, self.port)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            with link:
                link.settimeout(10)
                try:
                    while True:
                        self.requests.append(receive(link))
                        answer = self.answer(self.requests[-1])
                        if answer is None:
                            break
                        send(link, answer)
                except (OSError, EOFError):
                    pass


def receive(link):
    def exactly(count):
        out = b""
        while len(out) < count:
            more = link.recv(count - len(out))
            if not more:
                raise EOFError
            out += more
        return out

    return exactly(struct.unpack("!H", exactly(2))[0])


def send(link, message):
    link.sendall(struct.pack("!H", len(message)) + message)


def replay(server, message):
    """An old message again, byte for byte; the rcode of its answer."""
    with socket.create_connection((server.address, server.port), timeout=5) as link:
        send(link, message)
        return dns.rcode.to_text(receive(link)[3] & 15)


class Calls:
    """A provider without the daemon around it: one of the build's tests/*_call, spoken to line by line."""

    def __init__(self, tool, *words, **environment):
        path = pathlib.Path(harness.BIN).parent / "tests" / tool
        self.process = subprocess.Popen([str(path), *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1, env={**os.environ, "LC_ALL": "C", **environment})

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(20 * harness.SLOW)
        self.process.stdout.close()
        assert code == 0, f"it ended with {code}"

    def call(self, what, name=harness.NAME, **more):
        self.process.stdin.write(json.dumps({"do": what, "zone": harness.ZONE, "fqdn": name, **more}) + "\n")
        line = self.process.stdout.readline()
        assert line, "it ended"
        return json.loads(line)

    def read(self, name=harness.NAME, **more):
        return self.call("read", name, **more)

    def apply(self, expect, want, generation, expect_generation=None, op=None, name=harness.NAME, **more):
        return self.call("apply", name, expect=expect, want=want, generation=generation,
                         expect_generation=expect_generation, op=op or f"op{generation}", **more)

    def prove(self, want, name=harness.NAME, **more):
        return self.call("prove", name, want=want, **more)["evidence"]


class Caller(Calls):
    """The provider rfc2136."""

    def __init__(self, *servers, key=f"{KEY_NAME}:{ALGORITHM}:{SECRET}", udp=False, value=False, clock=0,
                 name_servers=()):
        words = []
        for server in servers:
            words += ["--server", server if isinstance(server, str) else server.at]
        for server in name_servers:
            words += ["--name-server", server if isinstance(server, str) else server.at]
        words += ["--key", key] if key else []
        words += ["--udp"] if udp else []
        words += ["--value"] if value else []
        words += ["--clock", str(clock)] if clock else []
        super().__init__("provider_call", *words)


def record(*values, ttl=30, kind=None):
    if kind is None:
        kind = "AAAA" if ":" in values[0] else "A" if values[0][-1].isdigit() else "CNAME"
    return {"type": kind, "ttl": ttl, "values": list(values)}


__all__ = ["Bind", "Caller", "Calls", "KINDS", "Knot", "KnotSecondary", "Liar", "NEVER_PORT", "NameServer",
           "NsdSecondary", "Powerdns", "Wire", "record", "replay"]
