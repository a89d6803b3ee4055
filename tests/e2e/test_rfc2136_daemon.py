"""The daemon on real name servers: nothing moves at the start, and a swap is proved."""

import json
import re

import dns.rcode
import pytest

import harness
from harness import NAME, ZONE, wait_until
from name_servers import KINDS, Bind, Knot, Powerdns, Wire, replay
from stages import Sampler, decided, intents, resolver
from stages import Stage as CommonStage
from test_clock import WallClock


class Stage(CommonStage):
    """A daemon whose only service is on a name server of its own, which serves the primary."""

    def __init__(self, world, kind, monitor=None, through=None, provider=None, wire=Wire, **service):
        self.primary, self.backup = world.pair()
        address = kind.home(world, 6)
        self.server = kind(address, harness.free_port(address), [f"www 30 A {world.primary}"]).start()
        world.closing.append(self.server)
        super().__init__(world, self.server)
        self.wire = None
        more = dict(provider or {})
        if through:
            self.wire = wire(world.address(7), self.server)
            world.closing.append(self.wire)
            more["server"] = self.wire.at
        self.sampler = Sampler(self.server, world.primary, world.backup)
        world.closing.append(self.sampler)
        self.daemon = world.prepared(world.service(monitor=monitor, **service), dns_listen=[],
                                     providers={"there": self.server.provider(**more)})


@pytest.fixture(params=list(KINDS), ids=list(KINDS))
def kind(request):
    return KINDS[request.param]


def test_fails_over_and_recovers(world, kind):
    stage = Stage(world, kind)
    stage.daemon.start()
    stage.daemon.wait_status("ok")
    wait_until("the record is adopted", lambda: stage.server.generation() == 1)
    assert stage.server.ttl() == 1, "one write sets our TTL and the generation"
    assert stage.server.serial() == 2
    stage.sampler.saw([world.primary])
    # From here on an independent resolver, too, that keeps answers for their TTL as resolvers do.
    names = resolver(world, 11, {ZONE: f"{stage.server.address}@{stage.server.port}"})
    outside = Sampler(names, world.primary, world.backup)
    world.closing.append(outside)
    outside.saw([world.primary])

    stage.primary.stop()
    stage.holds(world.backup)
    swap = stage.proved("failover")
    assert [(e["server"], e["proved"]) for e in swap["proof"]] == [(stage.server.at, True)]
    assert swap["proof"][0]["serial"] == stage.server.serial() == 3
    words = [step["step"] for step in swap["steps"]]
    assert words == ["prepared", "read before", "sent", "write", "read back", "proved"], swap["steps"]
    page = stage.daemon.ctl_ok("explain", NAME)
    assert re.search(rf"yes +{re.escape(stage.server.at)}", page), page
    assert stage.server.generation() == 2

    stage.primary.start()
    stage.holds(world.primary)
    assert stage.proved("ok")["generation"] == 3
    assert (stage.server.generation(), stage.server.serial()) == (3, 4)
    for sampler in (stage.sampler, outside):
        sampler.saw([world.primary], [world.backup], [world.primary])
        assert not sampler.wrong and sampler.answers > 20


def test_a_copy_of_an_old_update_changes_nothing(world, kind):
    stage = Stage(world, kind, through=True).settled()
    stage.primary.stop()
    stage.holds(world.backup)
    stage.proved("failover")
    stage.primary.start()
    stage.holds(world.primary)
    stage.proved("ok")
    serial = stage.server.serial()
    assert len(stage.wire.updates) == 3
    for packet in stage.wire.updates:
        assert replay(stage.server, packet) == ("YXRRSET" if packet is stage.wire.updates[0] else "NXRRSET")
    assert stage.server.values() == [world.primary] and stage.server.serial() == serial


def test_a_lost_answer_is_read_back_and_not_written_again(world, kind):
    stage = Stage(world, kind, through=True).settled()
    serial = stage.server.serial()
    stage.wire.lose_answers = 1
    stage.primary.stop()
    stage.holds(world.backup)
    wait_until("the swap is committed", lambda: stage.daemon.status() == "failover", 20)
    swap = stage.proved("failover")
    assert [s["text"] for s in swap["steps"] if s["step"] == "write"][0].startswith("unknown: ")
    assert stage.server.serial() == serial + 1 and len(stage.wire.updates) == 2


def test_killed_between_the_write_and_its_record(world, kind):
    stage = Stage(world, kind, through=True).settled()
    serial = stage.server.serial()
    stage.wire.lose_answers = 1
    stage.primary.stop()
    stage.holds(world.backup)
    stage.daemon.kill()
    stage.daemon.start()
    stage.daemon.wait_status("failover")
    stage.proved("failover")
    assert stage.server.serial() == serial + 1 and stage.server.generation() == 2
    assert len(stage.wire.updates) == 2


@pytest.mark.parametrize("reason", ["stands", "gone"])
def test_killed_between_its_intent_and_the_write(world, reason):
    """The update has left, and was not done: the next start swaps when the reason stands in a fresh round, else it makes
    sure that no copy of that update can take effect. One event either way."""
    stage = Stage(world, Knot, through=True).settled()
    serial = stage.server.serial()
    stage.wire.keep_updates = 1
    stage.primary.stop()
    wait_until("the update is on its way", lambda: len(stage.wire.updates) == 2, 20)
    assert intents(stage.daemon)[-1] == ("sent", 2, None, None)
    stage.daemon.kill()
    if reason == "gone":
        stage.primary.start()
    stage.daemon.start()
    if reason == "stands":
        stage.holds(world.backup)
        stage.proved("failover")
    else:
        wait_until("it is fenced off", lambda: stage.server.generation() == 3, 20)
        stage.daemon.wait_status("ok")
        assert stage.server.values() == [world.primary]
    wait_until("nothing is open", lambda: all(closed for *_, closed in intents(stage.daemon)))
    assert stage.server.serial() == serial + 1 and len(decided(intents(stage.daemon))) == 2
    assert replay(stage.server, stage.wire.updates[1]) == "NXRRSET" and stage.server.serial() == serial + 1
    log = stage.daemon.log()
    assert (log.count("HS1204"), log.count("HS1207")) == ((1, 0) if reason == "stands" else (0, 1))
    assert not stage.sampler.wrong


def test_a_foreign_change_is_drift_and_stays(world, kind):
    stage = Stage(world, kind).settled()
    stage.sampler.close()
    stage.server.write("203.0.113.99")
    serial = stage.server.serial()
    stage.primary.stop()
    wait_until("drift is told", lambda: stage.daemon.service()["drift"], 20)
    before = stage.backup.count()
    wait_until("rounds go on", lambda: stage.backup.count() >= before + 3)
    assert stage.server.values() == ["203.0.113.99"] and stage.server.serial() == serial


def test_a_wrong_secret_is_told_and_not_hammered(world):
    stage = Stage(world, Knot)
    good = stage.daemon.config
    bad = json.loads(json.dumps(good))
    bad["providers"]["there"]["tsig"]["secret"] = "A" * 43 + "="
    stage.daemon.write(bad)
    stage.daemon.start()
    stage.daemon.logged("HS1213.*BADSIG")
    assert "AAAAAAAA" not in stage.daemon.log()
    assert stage.server.serial() == 1
    # A secret that is corrected is enough: the next look is made with it.
    stage.daemon.write(good)
    stage.daemon.reload()
    wait_until("the record is adopted", lambda: stage.server.generation() == 1, 70)


def test_what_is_refused_is_asked_once_a_minute(world):
    stage = Stage(world, Knot, through=True)
    config = stage.daemon.config
    config["providers"]["there"]["tsig"]["secret"] = "A" * 43 + "="
    stage.daemon.write(config)
    stage.daemon.start()
    stage.daemon.logged("HS1213.*BADSIG")
    asked, before = stage.wire.requests, stage.backup.count()
    wait_until("rounds go on", lambda: stage.backup.count() >= before + 8, 30)
    assert stage.wire.requests == asked
    assert stage.daemon.log().count("HS1213") == 1


def test_what_is_said_to_be_done_and_is_not(world):
    """NOERROR is no proof: nothing is committed, it is told once, and the swap is made when the server does what it says."""
    stage = Stage(world, Knot, through=True).settled()
    serial = stage.server.serial()
    stage.wire.pretend = True
    stage.primary.stop()
    stage.daemon.logged("HS1219.*said that it is done, but the record is still")
    wait_until("it is tried again", lambda: len(stage.wire.updates) >= 4, 20)
    assert stage.daemon.status() == "trouble" and not stage.daemon.service()["drift"]
    assert stage.server.serial() == serial and stage.server.values() == [world.primary]
    stage.wire.pretend = False
    stage.holds(world.backup, 20)
    stage.proved("failover")
    assert stage.server.serial() == serial + 1
    assert stage.daemon.log().count("HS1219") == 1
    stage.daemon.logged("HS1220")


@pytest.mark.parametrize("kind", [Knot, Bind], ids=["knot", "bind"])
def test_a_wrong_clock_is_told_with_the_difference_and_holds_no_probe(world, kind):
    stage = Stage(world, kind)
    clock = WallClock(world, stage.daemon)
    stage.settled()
    clock.ahead(600)
    stage.primary.stop()
    stage.daemon.logged(r"HS1215.*skew=(599|600|601)s")
    before = stage.backup.count()
    wait_until("rounds go on", lambda: stage.backup.count() >= before + 4)
    assert stage.server.values() == [world.primary] and stage.server.generation() == 1
    clock.ahead(0)
    stage.holds(world.backup, 60)
    stage.proved("failover")
    stage.daemon.logged("HS1216")
    assert stage.daemon.log().count("HS1215") == 1


def test_a_wrong_clock_on_a_server_that_does_not_say_so(world):
    """PowerDNS refuses without a signature: told as a refusal, and a reload tries at once."""
    stage = Stage(world, Powerdns)
    clock = WallClock(world, stage.daemon)
    stage.settled()
    clock.ahead(600)
    stage.primary.stop()
    stage.daemon.logged(r"HS1213.*the answer is not signed")
    before = stage.backup.count()
    wait_until("rounds go on", lambda: stage.backup.count() >= before + 3)
    assert stage.server.values() == [world.primary] and stage.server.generation() == 1
    clock.ahead(0)
    stage.daemon.reload()
    stage.holds(world.backup, 20)
    stage.proved("failover")
    stage.daemon.logged("HS1214")
    assert stage.daemon.log().count("HS1213") == 1


@pytest.mark.parametrize("kind", [Knot, Bind], ids=["knot", "bind"])
def test_a_cname_beside_another_record_is_refused_before_it_does_harm(world, kind):
    """Both would take the address out, pass over the CNAME, and say NOERROR."""
    stage = Stage(world, kind, through=True, failover_mode="cname", failover_data="localhost.")
    backup = world.site("127.0.0.1")
    beside = lambda update: update.add("www", 30, "TXT", "beside")
    assert stage.server.change(beside) == dns.rcode.NOERROR
    stage.settled()
    serial = stage.server.serial()
    stage.primary.stop()
    stage.daemon.logged("HS1213.*a CNAME cannot stand beside them")
    before = backup.count()
    wait_until("rounds go on", lambda: backup.count() >= before + 3)
    assert stage.server.values() == [world.primary] and stage.server.serial() == serial
    assert stage.daemon.status() == "trouble" and stage.daemon.log().count("HS1213") == 1
    # Somebody tidies up.
    assert stage.server.change(lambda update: update.delete("www", "TXT")) == dns.rcode.NOERROR
    stage.daemon.reload()
    wait_until("the CNAME is there", lambda: stage.server.values("CNAME") == ["localhost"], 20)
    stage.proved("failover")
    assert stage.server.values() == [] and stage.server.serial() == serial + 2


def test_a_swap_that_may_be_under_way_is_fenced_off_when_the_primary_is_back(world, kind):
    """The packet that was thought to be lost comes after all, when nobody wants it any more."""
    stage = Stage(world, kind, through=True).settled()
    serial = stage.server.serial()
    stage.wire.keep_updates = 1
    stage.primary.stop()
    wait_until("the update is on its way", lambda: len(stage.wire.updates) == 2, 20)
    stage.primary.start()
    wait_until("the primary is up again", lambda: "is up" in stage.daemon.log().rsplit("HS1203", 1)[1], 20)
    wait_until("it is fenced off", lambda: stage.explain()["swap"] and stage.explain()["swap"]["state"] == "fenced", 30)
    assert stage.server.values() == [world.primary]
    assert (stage.server.serial(), stage.server.generation()) == (serial + 1, 3)
    assert replay(stage.server, stage.wire.updates[1]) == "NXRRSET"
    assert stage.server.values() == [world.primary] and stage.server.serial() == serial + 1
    stage.daemon.wait_status("ok")
    assert not stage.sampler.wrong and stage.sampler.seen == [[world.primary]]


def test_the_name_server_is_away_when_it_is_needed(world, kind):
    stage = Stage(world, kind).settled()
    stage.server.stop()
    stage.primary.stop()
    stage.daemon.logged("HS1211.*nothing listens there")
    stage.server.start()
    stage.holds(world.backup, 30)
    stage.proved("failover")
    assert stage.server.generation() == 2
    assert not stage.sampler.wrong


def test_the_guard_value_needs_no_text(world):
    stage = Stage(world, Knot, provider={"guard": "value"})
    stage.daemon.start()
    stage.daemon.wait_status("ok")
    stage.primary.stop()
    stage.holds(world.backup)
    stage.proved("failover")
    assert stage.server.mark() is None
    stage.primary.start()
    stage.holds(world.primary)


def test_a_name_server_by_name(world):
    """`localhost` comes from the hosts file."""
    stage = Stage(world, Knot)
    relay = Wire("127.0.0.1", stage.server)
    world.closing.append(relay)
    config = stage.daemon.config
    config["providers"]["there"]["server"] = f"localhost:{relay.port}"
    stage.daemon.write(config)
    stage.settled()
    stage.primary.stop()
    stage.holds(world.backup)
    stage.proved("failover")


def test_check_accepts_it_without_a_warning(world):
    stage = Stage(world, Knot)
    done = harness.run([harness.BIN / "hotswapd", "--check", "--config", stage.daemon.config_path])
    assert done.returncode == 0 and "not built" not in done.stdout + done.stderr, done.stdout + done.stderr


def test_a_name_server_that_keeps_the_old_record_leaves_the_swap_unproved(world):
    """It is told, the swap stays, and it is proved as soon as the name server has caught up."""
    address = world.address(8)
    late = Knot(address, harness.free_port(address), [f"www 1 A {world.primary}"]).start()
    world.closing.append(late)
    stage = Stage(world, Knot, provider={"proof_deadline": "2s"})
    config = stage.daemon.config
    config["providers"]["there"]["name_servers"].append(late.at)
    stage.daemon.write(config)
    stage.settled()
    serial = stage.server.serial()
    stage.primary.stop()
    stage.holds(world.backup)
    wait_until("it is told as not proved", lambda: stage.daemon.service()["proof"] == "applied, not proved", 20)
    proof = {e["server"]: e["proved"] for e in stage.explain()["swap"]["proof"]}
    assert proof == {stage.server.at: True, late.at: False}
    late.write(world.backup, ttl=1)
    assert {e["proved"] for e in stage.proved("failover")["proof"]} == {True}
    assert stage.server.serial() == serial + 1 and stage.server.values() == [world.backup]
