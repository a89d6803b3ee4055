"""The daemon on Route 53: a stand-in whose name server is a Knot that serves what was changed there."""

import re

import dns.rcode
import pytest

import harness
from aws_double import KEY_ID, NEVER_SHOWN, REGION, SECRET, ZONE_ID, Aws
from harness import NAME, ZONE, wait_until
from name_servers import Knot
from stages import Stage as CommonStage


class Stage(CommonStage):
    """A daemon whose only service is in a hosted zone, which serves the primary."""

    def __init__(self, world, account=None, **service):
        self.primary, self.backup = world.pair()
        self.server = Knot(world.address(6), harness.free_port(world.address(6)), [f"www 30 A {world.primary}"]).start()
        world.closing.append(self.server)
        super().__init__(world, self)
        self.aws = Aws(world.address(7), ZONE)
        world.closing.append(self.aws)
        self.aws.put(NAME, "A", world.primary)
        self.aws.on_change = self.serve
        provider = {"type": "route53", "account": "main", "hosted_zone_id": f"/hostedzone/{ZONE_ID}",
                    "name_servers": [self.server.at]}
        main = {"region": REGION, "access_key_id": KEY_ID, "secret_access_key": SECRET, "endpoint_url": self.aws.url,
                **(account or {})}
        self.daemon = world.prepared(world.service(**service), dns_listen=[], providers={"there": provider},
                                     aws={"main": main})

    def serve(self, changes):
        """One change of the hosted zone, as its name server learns it."""
        def build(update):
            for action, name, wanted in changes:
                label = name.removesuffix("." + ZONE)
                if action == "DELETE":
                    update.delete(label, wanted["Type"])
            for action, name, wanted in changes:
                label = name.removesuffix("." + ZONE)
                if action == "CREATE":
                    for record in wanted["ResourceRecords"]:
                        update.add(label, wanted["TTL"], wanted["Type"], record["Value"])

        assert self.server.change(build) == dns.rcode.NOERROR

    def values(self):
        return self.aws.values(NAME)

    def generation(self):
        return self.aws.generation(NAME)


def test_fails_over_is_proved_and_recovers(world):
    stage = Stage(world)
    stage.daemon.start()
    stage.daemon.wait_status("ok")
    wait_until("the record is adopted", lambda: stage.aws.generation(NAME) == 1, 20)
    assert len(stage.aws.effects) == 1, "one write sets our TTL and the generation"
    stage.aws.sync_after = 1
    stage.primary.stop()
    stage.holds(world.backup)
    swap = stage.proved("failover")
    evidence = {line["server"]: line for line in swap["proof"]}
    assert evidence[stage.server.at]["proved"]
    assert evidence["Route 53, change C0002"]["detail"] == "INSYNC"
    words = [step["step"] for step in swap["steps"]]
    assert words[:5] == ["prepared", "read before", "sent", "write", "read back"], swap["steps"]
    assert stage.server.values() == [world.backup]
    stage.primary.start()
    stage.holds(world.primary)
    assert stage.proved("ok")["generation"] == 3
    assert stage.aws.generation(NAME) == 3 and len(stage.aws.effects) == 3
    assert NEVER_SHOWN not in stage.daemon.log()


@pytest.mark.parametrize("what", ["lose", "fail afterwards"])
def test_a_lost_answer_is_read_back_and_not_written_again(world, what):
    stage = Stage(world).settled()
    stage.aws.faults.append(("ChangeResourceRecordSets", what))
    stage.primary.stop()
    stage.holds(world.backup)
    swap = stage.proved("failover")
    assert [s["text"] for s in swap["steps"] if s["step"] == "write"][0].startswith("unknown: "), swap["steps"]
    assert len(stage.aws.effects) == 2 and len(stage.aws.said("ChangeResourceRecordSets")) == 2


def test_killed_between_the_write_and_its_record(world):
    stage = Stage(world).settled()
    stage.aws.faults.append(("ChangeResourceRecordSets", "lose"))
    stage.primary.stop()
    stage.holds(world.backup)
    stage.daemon.kill()
    stage.daemon.start()
    stage.proved("failover")
    assert len(stage.aws.effects) == 2 and stage.aws.generation(NAME) == 2


def test_an_alias_is_drift_and_stays(world):
    stage = Stage(world).settled()
    stage.aws.put(NAME, "A", alias="lb.example.net.")
    stage.primary.stop()
    wait_until("drift is told", lambda: stage.daemon.service()["drift"], 20)
    before = stage.backup.count()
    wait_until("rounds go on", lambda: stage.backup.count() >= before + 3)
    assert "alias" in stage.aws.sets[NAME, "A", ""] and len(stage.aws.effects) == 1


def test_wrong_keys_are_told_and_not_hammered(world):
    stage = Stage(world, account={"secret_access_key": f"{NEVER_SHOWN}-wrong"})
    stage.daemon.start()
    stage.daemon.logged("SignatureDoesNotMatch", 20)
    assert NEVER_SHOWN not in stage.daemon.log()
    assert stage.aws.effects == []
    # A secret that is corrected is enough: the next look is made with it.
    config = stage.daemon.config
    config["aws"]["main"]["secret_access_key"] = SECRET
    stage.daemon.write(config)
    stage.daemon.reload()
    wait_until("the record is adopted", lambda: stage.aws.generation(NAME) == 1, 90)


def test_check_accepts_it_without_a_warning(world):
    stage = Stage(world)
    done = harness.run([harness.BIN / "hotswapd", "--check", "--config", stage.daemon.config_path])
    assert done.returncode == 0 and not re.search("warning|not built", done.stdout + done.stderr), (done.stdout +
                                                                                                   done.stderr)
