"""SIGTERM in each phase of a swap at a provider: recorded, over in time, and gone on with by the next start."""

import json
import re
import signal
import time

import pytest

from harness import SLOW, ZONE, wait_until
from small_dns import SmallDns
from stages import OnKnot, OnPowerdnsApi, decided, intents

# What the journal may say of a swap that was stopped there: (phase, fenced).
RECORDED = {
    "read-before": {("prepared", False), ("abandoned", False)},  # nothing has left
    "write": {("sent", False), ("sent", True)},  # its time may run out while the stop waits for it
    "answer": {("sent", False), ("applied", False), ("proved", False)},
    "read-back": {("sent", False)},
    "proof": {("applied", False)},
    "fence": {("sent", True)},
    "wait": {("sent", False)},  # its reason has gone, but it may still be under way
}
KNOT = ("read-before", "write", "answer", "read-back", "proof", "fence")
API = ("write", "answer", "wait")


class Phase:
    """One service, whose swap is held up in one phase by the relay before its provider."""

    def __init__(self, stage, word, place):
        self.stage, self.word, self.place, self.fqdn = stage, word, place, place.fqdn
        self.by_update = hasattr(place, "wire")
        self.wire = place.wire if self.by_update else place.peer

    @property
    def comes_back(self):
        return self.word in ("fence", "wait")

    @property
    def writes(self):
        return len(self.place.writes)

    def hold(self):
        self.asked_before, self.writes_before = self.place.asked, self.writes
        if self.word == "read-before":
            self.wire.stall = True
        elif self.word in ("write", "fence"):
            self.keep(1000)
        elif self.word == "wait":
            self.keep(1)
        elif self.word == "answer":
            self.hush()
        elif self.word == "read-back":
            self.wire.then_stall = True

    def keep(self, count):
        setattr(self.wire, "keep_updates" if self.by_update else "keep_writes", count)

    def hush(self):
        setattr(self.wire, "lose_answers" if self.by_update else "hush_answers", 1)

    def reached(self):
        """By what came to the relay and what stands there, where that says it."""
        if self.word == "read-before":
            return self.place.asked > self.asked_before
        if self.word == "proof":
            return self.stage.state(self.fqdn) == "applied, not proved"
        if self.word == "fence":
            return self.writes >= self.writes_before + 2 and self.stage.state(self.fqdn) == "fencing"
        if self.word == "wait":
            told = self.stage.daemon.log()
            return re.search(rf"HS1211 .*service={re.escape(self.fqdn)}\b", told) and self.stage.primary_is_up(self)
        if self.word == "read-back":
            return self.wire.stall and self.place.values() == [self.stage.world.backup]
        if self.word == "answer":
            return self.place.values() == [self.stage.world.backup]
        return self.writes > self.writes_before


class Stage:
    """A daemon with a service for each phase; those whose reason goes have a primary of their own."""

    def __init__(self, world, kind, words):
        self.world = world
        self.primary, self.backup = world.pair()
        self.fickle = world.site(world.third)
        self.late = world.primary  # what the name server says that has not caught up
        self.phases, providers, services = [], {}, []
        for i, word in enumerate(words):
            address = world.third if word in ("fence", "wait") else world.primary
            place = kind(world, 10 + 3 * i, f"z{i}.{ZONE}", address, ttl=1)
            self.phases.append(Phase(self, word, place))
            more = {}
            if word == "proof":
                late = SmallDns(world.address(6), lambda name: {"type": "A", "ttl": 1, "values": [self.late]})
                world.closing.append(late)
                more = {"name_servers": [place.at, late.at], "proof_deadline": "1s"}
            providers[place.kind_and_number] = place.provider(**more)
            services.append(place.service())
        self.daemon = world.prepared(*services, dns_listen=[], providers=providers)

    def settled(self):
        self.daemon.start()
        for phase in self.phases:
            self.daemon.wait_status("ok", phase.fqdn, seconds=20)
            wait_until(f"{phase.word} is proved", lambda: self.daemon.service(phase.fqdn)["proof"] == "proved", 20)
        return self

    def explain(self, fqdn):
        return json.loads(self.daemon.ctl_ok("explain", fqdn, "--json"))

    def primary_is_up(self, phase):
        seen = re.findall(rf"HS1101 .*service={re.escape(phase.fqdn)} primary \S+ is (\w+)", self.daemon.log())
        return seen[-1] == "up"

    def state(self, fqdn):
        swap = self.explain(fqdn)["swap"]
        return swap and swap["state"]

    def all_held(self):
        """Every swap is in its phase: those that take long to get there begin first."""
        long, short = ([p for p in self.phases if p.comes_back is word] for word in (True, False))
        if long:
            for phase in long:
                phase.hold()
            self.fickle.stop()
            for phase in long:
                wait_until(f"{phase.word}: it is on its way", lambda: phase.writes > phase.writes_before, 20)
            self.fickle.start()
            for phase in long:
                wait_until(f"{phase.word}: it is there", phase.reached, 30)
        for phase in short:
            phase.hold()
        self.primary.stop()
        # The proof has a second to fail; the others are there for four.
        for phase in sorted(short, key=lambda p: p.word != "proof"):
            wait_until(f"{phase.word}: it is there", phase.reached, 20)
        for phase in self.phases:
            assert phase.reached(), f"{phase.word}: it went on"

    def all_well(self):
        for phase in self.phases:
            phase.wire.is_well()
        self.late = self.world.backup

    def went_on(self):
        for phase in self.phases:
            # Without a fence a late write is waited out for a minute, in which the primary stays.
            want, status = ([phase.place.address], "ok") if phase.comes_back else ([self.world.backup], "failover")
            if phase.word == "wait":
                assert phase.place.values() == want
                continue
            wait_until(f"{phase.word}: {want} stands there", lambda: phase.place.values() == want, 30)
            wait_until(f"{phase.word}: nothing is open",
                       lambda: all(closed for *_, closed in intents(self.daemon, phase.fqdn)), 20)
            self.daemon.wait_status(status, phase.fqdn, seconds=20)
            wait_until(f"{phase.word}: proved", lambda: self.daemon.service(phase.fqdn)["proof"] == "proved", 20)


@pytest.mark.parametrize("kind,words,how", [(OnKnot, KNOT, "once"), (OnKnot, KNOT, "twice"), (OnPowerdnsApi, API, "once")],
                         ids=["knot-once", "knot-twice", "powerdns-api-once"])
def test_in_each_phase(world, kind, words, how):
    stage = Stage(world, kind, words).settled()
    daemon = stage.daemon
    before = {phase: phase.place.effects() for phase in stage.phases}
    stage.all_held()
    began = time.monotonic()
    daemon.signal(signal.SIGTERM)
    if how == "twice":
        wait_until("STOPPING=1", lambda: world.notify.count("STOPPING=1") == 1)
        daemon.signal(signal.SIGTERM)
    daemon.wait_end()
    if how == "twice":
        assert time.monotonic() - began < 1.5 * SLOW
    for phase in stage.phases:
        word, _, fence, closed = intents(daemon, phase.fqdn)[-1]
        assert (word, fence is not None) in RECORDED[phase.word], (phase.word, word, fence)
        assert bool(closed) == (word in ("applied", "proved", "abandoned")), (phase.word, word)

    stage.all_well()
    daemon.start()
    stage.went_on()
    # The judge: the name server counts each change that took effect, and each is one decision.
    for phase in stage.phases:
        rows = intents(daemon, phase.fqdn)
        if phase.word == "wait":
            assert phase.place.effects() == before[phase], rows
            continue
        done = decided(rows)
        assert phase.place.effects() == before[phase] + len(done) - 1, (phase.word, rows)
        assert done == sorted(set(done)) and done[-1] == phase.place.generation(), (phase.word, rows)
        fenced = any(phase == "abandoned" and fence for phase, _, fence, _ in rows)
        assert len(done) == (3 if fenced and not phase.comes_back else 2), (phase.word, rows)
    told = daemon.log()
    for phase in stage.phases:
        count = len(re.findall(rf"HS1204 .*service={re.escape(phase.fqdn)}\b", told))
        assert count == (0 if phase.comes_back else 1), f"{phase.word}: told {count} times"
