"""Three name servers, a Knot and its secondaries on Knot (IXFR) and NSD (AXFR): what is applied, what was read back and
what is proved on all of them are three things, and are told apart."""

import re

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import pytest

import harness
from harness import NAME, ZONE, wait_until
from name_servers import Knot, KnotSecondary, NsdSecondary, Wire
from stages import Sampler, Stage, resolver


class Late(Wire):
    """What the secondary transfers by. `stall`: nothing comes; `refuse`: the connection ends at once."""

    refuse = False

    def _serve(self, client):
        if self.refuse:
            client.close()
            return
        super()._serve(client)


class Zone(Stage):
    def __init__(self, world):
        self.primary, self.backup = world.pair()
        place = [(world.address(i), harness.free_port(world.address(i))) for i in (6, 7, 8)]
        records = [f"www 1 A {world.primary}"]
        self.server = Knot(*place[0], records, secondaries=place[1:]).start()
        world.closing.append(self.server)
        self.way = Late(world.address(9), self.server)
        self.knot = KnotSecondary(*place[1], place[0]).start()
        self.nsd = NsdSecondary(*place[2], (self.way.address, self.way.port)).start()
        world.closing += [self.way, self.knot, self.nsd]
        self.all = [self.server, self.knot, self.nsd]
        super().__init__(world, self.server)
        self.resolver = resolver(world, 11, {ZONE: [f"{s.address}@{s.port}" for s in self.all]})
        self.sampler = Sampler(self.resolver, world.primary, world.backup)
        world.closing.append(self.sampler)
        provider = self.server.provider(name_servers=[s.at for s in self.all], proof_deadline="3s")
        self.daemon = world.prepared(dns_listen=[], providers={"there": provider})

    def evidence(self):
        return {e["server"]: e for e in self.explain()["swap"]["proof"]}

    def notify(self):
        """As the primary does when the zone has changed."""
        message = dns.message.make_query(ZONE, "SOA")
        message.set_opcode(dns.opcode.NOTIFY)
        message.flags = dns.flags.AA | dns.opcode.to_flags(dns.opcode.NOTIFY)
        answer = dns.query.udp(message, self.nsd.address, port=self.nsd.port, timeout=5, source=self.server.address)
        assert answer.rcode() == dns.rcode.NOERROR, answer


@pytest.mark.parametrize("how", ["lags", "is away"])
def test_one_of_three_keeps_the_old_record(world, how):
    stage = Zone(world).settled()
    daemon, serial = stage.daemon, stage.server.serial()
    wait_until("the resolver has seen it", lambda: stage.sampler.seen)
    if how == "lags":
        stage.way.refuse = True
    else:
        stage.nsd.stop()
    stage.primary.stop()

    # Applied, and read back: the swap is made. Not proved.
    daemon.logged("HS1204", 20)
    assert stage.server.values() == [world.backup]
    daemon.wait_status("failover")
    wait_until("the other secondary has it", lambda: stage.knot.values() == [world.backup])
    assert stage.explain()["swap"]["state"] in ("read back", "applied, not proved")
    assert "HS1208" not in daemon.log().rsplit("HS1203", 1)[1]
    daemon.logged("HS1209", 20)
    assert daemon.service()["proof"] == "applied, not proved"
    found = stage.evidence()
    assert {at: e["proved"] for at, e in found.items()} == {
        stage.server.at: True, stage.knot.at: True, stage.nsd.at: False}, found
    assert found[stage.server.at]["serial"] == serial + 1
    if how == "lags":
        assert stage.nsd.values() == [world.primary] and world.primary in found[stage.nsd.at]["detail"], found
    page = daemon.ctl_ok("explain", NAME)
    assert re.search(rf"NO +{re.escape(stage.nsd.at)}", page) and re.search(rf"yes +{re.escape(stage.knot.at)}", page), page
    # It is no reason to go back, nor to tell it again.
    before = stage.backup.count()
    wait_until("rounds go on", lambda: stage.backup.count() >= before + 3)
    assert daemon.status() == "failover" and stage.server.serial() == serial + 1
    assert daemon.log().count("HS1209") == 1

    # It catches up.
    if how == "lags":
        stage.way.refuse = False
        stage.notify()
    else:
        stage.nsd.start()
    wait_until("NSD has it", lambda: stage.nsd.values() == [world.backup])
    proof = stage.proved("failover")["proof"]
    assert {e["proved"] for e in proof} == {True} and {e["serial"] for e in proof} == {serial + 1}, proof
    assert daemon.log().count("HS1208") == 2 and stage.server.serial() == serial + 1
    log = daemon.log().rsplit("HS1203", 1)[1]
    assert log.index("HS1204") < log.index("HS1209") < log.index("HS1208")
    # The resolver asks any of the three: the old one or the new one, and never nothing.
    wait_until("it says so", lambda: stage.resolver.values() == [world.backup], 10)
    assert not stage.sampler.wrong, stage.sampler.wrong[:5]
