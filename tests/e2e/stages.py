"""What a service's record stands on in the tests of the daemon, with one face for all providers; the daemon on it; and
the witnesses, who ask no part of hotswapd."""

import contextlib
import json
import sqlite3
import threading

import harness
from aws_double import KEY_ID, REGION, SECRET, ZONE_ID, Aws
from cloudflare_double import Cloudflare
from dyn_server import CUSTOMER, PASSWORD, USER, DynServer
from exec_program import Program
from harness import NAME, ZONE, wait_until
from http_apis import HttpWire, PowerdnsApi
from name_servers import KINDS, Wire
from servers import Unbound
from small_dns import SmallDns


class Sampler:
    """What a witness says, asked every 50 ms: nothing but `allowed` may ever be there."""

    def __init__(self, witness, *allowed, name=NAME):
        self.witness, self.name, self.allowed = witness, name, [[value] for value in allowed]
        self.seen, self.wrong, self.answers, self.ended = [], [], 0, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ended.wait(0.05):
            try:
                now = self.witness.values(name=self.name)
            except Exception:  # it is down at the moment, which is not what it is asked for
                continue
            self.answers += 1
            if now not in self.allowed:
                self.wrong.append(now)
            if self.seen[-1:] != [now]:
                self.seen.append(now)

    def saw(self, *states):
        """It looks now and then: what is there now may not have been seen yet."""
        wait_until(f"{states} were seen", lambda: self.seen == list(states))

    def close(self):
        self.ended.set()
        self.thread.join(10)


def resolver(world, number, stubs):
    """An independent resolver: unbound, with {zone: "address@port"}."""
    address = world.address(number)
    made = Unbound(address, harness.free_port(address), stubs).start()
    world.closing.append(made)
    return made


class Stage:
    """A daemon whose service is at `there`: values() and generation() say what stands there."""

    def __init__(self, world, there):
        self.world, self.there = world, there
        self.daemon = None

    def settled(self):
        """The record is adopted: the generation stands beside it, and the name servers have proved it."""
        self.daemon.start()
        self.daemon.wait_status("ok", seconds=20)
        wait_until("the record is adopted", lambda: self.there.generation() == 1, 20)
        wait_until("it is proved", lambda: self.daemon.service()["proof"] == "proved", 20)
        return self

    def explain(self, name=NAME):
        return json.loads(self.daemon.ctl_ok("explain", name, "--json"))

    def holds(self, address, seconds=30):
        wait_until(f"{address} stands there", lambda: self.there.values() == [address], seconds)

    def proved(self, status, seconds=20):
        self.daemon.wait_status(status, seconds=seconds)

        def swap():
            found = self.explain()["swap"]
            return found and found["state"] == "proved" and found

        return wait_until("the swap is proved", swap, 20)


def intents(daemon, name=None, inside=False):
    """[(phase, generation, generation of the fence, closed)] of the journal, the oldest first; `inside`: the state folder
    is on a mount that the daemon alone sees."""
    which = f"WHERE service = (SELECT id FROM service WHERE fqdn = '{name}')" if name else ""
    question = f"SELECT phase, gen, fence, closed FROM intent {which} ORDER BY rowid"
    path = daemon.dir / "state/state.db"
    if inside:
        done = harness.run(["nsenter", "-m", "-t", daemon.process.pid, "sqlite3", "-readonly", "-json", path, question])
        assert done.returncode == 0, done.stderr
        return [tuple(row.values()) for row in json.loads(done.stdout or "[]")]
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as db:
        return db.execute(question).fetchall()


def decided(rows):
    """The generations of what the journal says was written: swaps, and fences that won."""
    return [fence if phase == "abandoned" else generation for phase, generation, fence, _ in rows
            if phase in ("applied", "proved") or (phase == "abandoned" and fence)]


# ---- places ------------------------------------------------------------------------------------------------------------
class Place:
    """Where one service's record stands. Takes three addresses of the world, from `number` on."""

    kind = "?"
    least_ttl = 1

    def __init__(self, world, number, zone=ZONE, address=None, ttl=30):
        self.world, self.number, self.zone, self.fqdn = world, number, zone, f"www.{zone}"
        self.address, self.ttl = address or world.primary, ttl
        self.open()
        world.closing.append(self)

    # for those who derive: open, close, provider, values, generation, effects, writes, write, between

    def service(self, **more):
        return self.world.service(self.fqdn, zone=self.zone, provider=self.kind_and_number, address=self.address, **more)

    @property
    def kind_and_number(self):
        return f"{self.kind}-{self.number}"

    def aws(self):
        return {}

    def once(self, action):
        """A hook that acts the first time alone."""
        left = [action]

        def hook(*_):
            if left:
                left.pop()()

        return hook


class ByUpdate(Place):
    """A name server that takes RFC 2136, behind a relay."""

    server_kind = None

    def open(self):
        home = self.server_kind.home(self.world, self.number)
        self.server = self.server_kind(home, harness.free_port(home), [f"www {self.ttl} A {self.address}"],
                                       zone=self.zone).start()
        self.wire = Wire(self.world.address(self.number + 1), self.server)

    def close(self):
        self.wire.close()
        self.server.close()

    @property
    def at(self):
        return self.server.at

    @property
    def stub(self):
        return f"{self.server.address}@{self.server.port}"

    @property
    def writes(self):
        return self.wire.updates

    @property
    def asked(self):
        return self.wire.requests

    def provider(self, **more):
        return self.server.provider(server=self.wire.at, **more)

    def values(self, name=None):
        return self.server.values(name=name or self.fqdn)

    def generation(self):
        return self.server.generation(self.fqdn)

    def effects(self):
        return self.server.serial() - 1

    def write(self, value):
        self.server.write(value)

    def between(self, action):
        """Between our reading and our write."""
        self.wire.before_update = self.once(action)


class OnKnot(ByUpdate):
    kind, server_kind = "knot", KINDS["knot"]


class OnBind(ByUpdate):
    kind, server_kind = "bind", KINDS["bind"]


class OnPowerdns(ByUpdate):
    kind, server_kind = "powerdns", KINDS["powerdns"]


class ByHttp(Place):
    """An HTTP API: `peer` is the relay or the double, `reading` how many questions one look at the record is."""

    reading = 1
    peer = None

    def close(self):
        self.peer.close()

    @property
    def writes(self):
        return self.peer.writes

    @property
    def asked(self):
        return len(self.peer.requests)

    def between(self, action):
        """After the look that the swap begins with, before the one that the provider makes itself."""
        act, left = self.once(action), [self.reading]

        def hook(method, target):
            left[0] -= 1
            if left[0] < 0:
                act()

        self.peer.before = hook


class OnPowerdnsApi(ByHttp):
    kind = "powerdns-api"
    reading = 2  # the name, and its generation

    def open(self):
        home = self.world.address(self.number)
        self.server = PowerdnsApi(home, harness.free_port(home), [f"www {self.ttl} A {self.address}"],
                                   zone=self.zone).start()
        self.peer = HttpWire(self.world.address(self.number + 1), self.server.address, self.server.api_port)

    def close(self):
        super().close()
        self.server.close()

    at, stub, effects = ByUpdate.at, ByUpdate.stub, ByUpdate.effects
    values, generation = ByUpdate.values, ByUpdate.generation

    def provider(self, **more):
        return self.server.provider(url=self.peer.url, **more)

    def write(self, value):
        self.server.put(self.fqdn, "A", value)


class OnCloudflare(ByHttp):
    kind = "cloudflare"
    least_ttl = 30

    def open(self):
        self.peer = self.double = Cloudflare(self.world.address(self.number), self.zone)
        self.double.least_ttl = self.least_ttl
        self.double.put(self.fqdn, "A", self.address)
        self.before = self.double.serial

    @property
    def at(self):
        return self.double.at

    @property
    def stub(self):
        return self.double.at.replace(":", "@")

    def provider(self, **more):
        return self.double.provider(min_ttl=f"{self.least_ttl}s", **more)

    def values(self, name=None):
        return self.double.values(name=name or self.fqdn)

    def generation(self):
        return self.double.generation(self.fqdn)

    def effects(self):
        return self.double.serial - self.before

    def write(self, value):
        self.double.put(self.fqdn, "A", value)


class OnRoute53(Place):
    kind = "route53"

    @property
    def asked(self):
        return len(self.aws_double.requests)

    def open(self):
        self.aws_double = Aws(self.world.address(self.number), self.zone)
        self.aws_double.put(self.fqdn, "A", self.address, ttl=self.ttl)
        self.dns = SmallDns(self.world.address(self.number), self.lookup)
        self.by_others = 0

    def lookup(self, name):
        with self.aws_double.lock:
            found = self.aws_double.sets.get((name, "A", ""))
        return found and {"type": "A", "ttl": found["ttl"], "values": found["values"]}

    def close(self):
        self.dns.close()
        self.aws_double.close()

    @property
    def at(self):
        return self.dns.at

    @property
    def stub(self):
        return self.dns.at.replace(":", "@")

    @property
    def writes(self):
        return self.aws_double.said("ChangeResourceRecordSets")

    def aws(self):
        return {self.kind_and_number: {"region": REGION, "access_key_id": KEY_ID, "secret_access_key": SECRET,
                                       "endpoint_url": self.aws_double.url}}

    def provider(self, **more):
        return {"type": "route53", "account": self.kind_and_number, "hosted_zone_id": ZONE_ID,
                "name_servers": [self.at], **more}

    def values(self, name=None):
        return self.aws_double.values(name or self.fqdn)

    def generation(self):
        return self.aws_double.generation(self.fqdn)

    def effects(self):
        return len(self.aws_double.effects) + self.by_others

    def write(self, value):
        self.by_others += 1
        self.aws_double.put(self.fqdn, "A", value, ttl=self.ttl)

    def between(self, action):
        self.aws_double.faults.append(("ChangeResourceRecordSets", action))


class OnDyn(Place):
    kind = "dyn"

    @property
    def asked(self):
        return len(self.api.requests)

    def open(self):
        self.api = DynServer(self.world.address(self.number))
        self.api.zone(self.zone)
        self.api.put(self.zone, self.fqdn, "A", self.ttl, self.address)
        self.dns = SmallDns(self.world.address(self.number + 1), self.api.lookup)

    def close(self):
        self.dns.close()
        self.api.close()
        assert not self.api.violations, self.api.violations

    at, stub = OnRoute53.at, OnRoute53.stub

    @property
    def writes(self):
        return self.api.writes

    def provider(self, **more):
        return {"type": "dyn", "url": self.api.url, "customer": CUSTOMER, "user": USER, "password": PASSWORD,
                "name_servers": [self.at], **more}

    def values(self, name=None):
        return self.api.values(self.zone, name or self.fqdn)

    def generation(self):
        return self.api.generation(self.fqdn, self.zone)

    def effects(self):
        return self.api.serial(self.zone) - 2

    def write(self, value):
        self.api.put(self.zone, self.fqdn, "A", self.ttl, value)


class OnProgram(Place):
    """The provider exec."""

    kind = "exec"

    @property
    def asked(self):
        return len(self.program.lines("calls"))

    def open(self):
        self.program = Program(self.world, [self.address], self.fqdn, self.number, self.ttl)

    def close(self):
        pass  # the world does

    @property
    def at(self):
        return self.program.dns.at

    @property
    def stub(self):
        return self.at.replace(":", "@")

    @property
    def writes(self):
        return self.program.calls("apply")

    def provider(self, **more):
        return self.program.provider(**more)

    def values(self, name=None):
        return self.program.values(name or self.fqdn)

    def generation(self):
        return self.program.generation(self.fqdn)

    def effects(self):
        return self.program.written()

    def write(self, value):
        self.program.put(value, ttl=self.ttl)


EVERY = (OnKnot, OnBind, OnPowerdns, OnPowerdnsApi, OnCloudflare, OnRoute53, OnDyn, OnProgram)


class Places:
    """One daemon with a service at each of several places, which all have one primary and one backup."""

    def __init__(self, world, *kinds, own_primaries=False, options=None, **service):
        """`kinds`: classes of Place, or (class, what its provider is given beyond). `own_primaries`: a `site` for each."""
        self.world = world
        self.primary, self.backup = world.pair()
        self.all, providers, services, accounts = [], {}, [], {}
        for i, kind in enumerate(kinds):
            kind, more = kind if isinstance(kind, tuple) else (kind, {})
            address = world.address(30 + i) if own_primaries else world.primary
            place = kind(world, 6 + 3 * i, f"z{i}.{ZONE}", address)
            place.site = world.site(address) if own_primaries else self.primary
            self.all.append(place)
            providers[place.kind_and_number] = place.provider(**more)
            services.append(place.service(**service))
            accounts.update(place.aws())
        top = {"aws": accounts} if accounts else {}
        self.daemon = world.prepared(*services, dns_listen=[], providers=providers, **top, **(options or {}))

    def __iter__(self):
        return iter(self.all)

    def settled(self):
        self.daemon.start()
        for place in self:
            self.daemon.wait_status("ok", place.fqdn, seconds=20)
            wait_until(f"{place.kind}: the record is adopted", lambda: place.effects() >= 1, 30)
            wait_until(f"{place.kind}: it is proved", lambda: self.daemon.service(place.fqdn)["proof"] == "proved", 20)
        return self

    def explain(self, place):
        return json.loads(self.daemon.ctl_ok("explain", place.fqdn, "--json"))

    def all_are(self, status, address, seconds=30, places=None):
        """Swapped, and proved."""
        for place in places or self:
            wait_until(f"{place.kind} holds {address}", lambda: place.values() == [address], seconds)
            self.daemon.wait_status(status, place.fqdn, seconds=seconds)
            wait_until(f"{place.kind}: it is proved", lambda: self.daemon.service(place.fqdn)["proof"] == "proved", seconds)
