"""The daemon on an API of Dyn's kind, at the pace that it has there: five requests in a second."""

import json

import harness
from dyn_server import CUSTOMER, PASSWORD, USER, DynServer
from harness import NAME, ZONE, always, wait_until
from small_dns import SmallDns
from stages import Stage as CommonStage


class Stage(CommonStage):
    """A daemon whose only service is at an API of Dyn's kind, which holds the primary."""

    def __init__(self, world, **provider):
        self.primary, self.backup = world.pair()
        self.api = DynServer(world.address(6))
        self.api.zone(ZONE, www=("A", 30, world.primary))
        super().__init__(world, self)
        self.dns = SmallDns(world.address(7), self.api.lookup)
        world.closing += [self.api, self.dns]
        self.daemon = world.prepared(dns_listen=[], providers={"there": {
            "type": "dyn", "url": self.api.url + "/", "customer": CUSTOMER, "user": USER, "password": PASSWORD,
            "name_servers": [self.dns.at], **provider}})

    def values(self):
        return self.api.values(ZONE, NAME)

    def generation(self):
        return self.api.generation(NAME)

    def proved(self, status):
        return super().proved(status, 40)


def test_fails_over_and_recovers(world):
    stage = Stage(world).settled()
    stage.primary.stop()
    stage.holds(world.backup)
    swap = stage.proved("failover")
    assert [(e["server"], e["proved"]) for e in swap["proof"]] == [(stage.dns.at, True)]
    stage.primary.start()
    stage.holds(world.primary)
    assert stage.proved("ok")["generation"] == 3
    assert len(stage.api.writes) == 3 and len(stage.api.log_ins) == 1
    assert not stage.api.violations and PASSWORD not in stage.daemon.log()
    assert len(stage.api.sessions) == 1
    stage.daemon.stop()
    assert not stage.api.sessions


def test_a_lost_publication_is_one_effective_write(world):
    stage = Stage(world).settled()
    stage.api.fault("PUT", "Zone/", "close-after")
    stage.primary.stop()
    stage.holds(world.backup)
    stage.proved("failover")
    assert len(stage.api.writes) == 2


def test_killed_after_the_publication_it_is_not_made_again(world):
    stage = Stage(world).settled()
    stage.api.fault("PUT", "Zone/", "hang-after", 600)
    stage.primary.stop()
    stage.holds(world.backup)
    stage.daemon.kill()
    stage.daemon.start()
    stage.proved("failover")
    assert len(stage.api.writes) == 2 and stage.api.generation(NAME) == 2


def test_a_limit_delays_and_does_not_lose_the_swap(world):
    stage = Stage(world).settled()
    stage.api.fault("PUT", "Zone/", "throttle", 3)
    stage.primary.stop()
    stage.holds(world.backup)
    stage.proved("failover")
    throttled = [i for i, (m, p, _) in enumerate(stage.api.requests) if m == "PUT" and p.startswith("Zone/")]
    # Nothing in the three seconds behind the first publication that was declined.
    declined = throttled[1]
    assert stage.api.times[declined + 1] - stage.api.times[declined] >= 2.9
    assert len(stage.api.writes) == 2


def test_a_foreign_change_is_drift_and_stays(world):
    stage = Stage(world).settled()
    stage.api.put(ZONE, NAME, "A", 30, "203.0.113.99")
    stage.primary.stop()
    wait_until("drift is told", lambda: stage.daemon.service()["drift"], 30)
    always("it stays", lambda: stage.api.values(ZONE, NAME) == ["203.0.113.99"], 2)


def test_a_wrong_password_is_told_and_a_right_one_is_taken_at_the_reload(world):
    stage = Stage(world)
    good = stage.daemon.config
    bad = json.loads(json.dumps(good))
    bad["providers"]["there"]["password"] = "not-the-password"
    stage.daemon.write(bad)
    stage.daemon.start()
    stage.daemon.logged("log-in refused", seconds=15)
    always("it is tried once", lambda: len(stage.api.log_ins) == 1, 4)
    assert "not-the-password" not in stage.daemon.log()
    stage.daemon.write(good)
    stage.daemon.reload()
    wait_until("the record is adopted", lambda: stage.api.generation(NAME) == 1, 80)


def test_names_that_fail_together_are_published_together(world):
    stage = Stage(world)
    names = [f"n{i}.{ZONE}" for i in range(6)]
    for name in names:
        stage.api.put(ZONE, name, "A", 30, world.primary)
    config = stage.daemon.config
    config["services"] = [world.service(fqdn=name) for name in names]
    stage.daemon.write(config)
    stage.daemon.start()
    wait_until("all are adopted", lambda: all(stage.api.generation(name) == 1 for name in names), 60)
    writes = len(stage.api.writes)
    stage.primary.stop()
    wait_until("all are on the backup",
               lambda: all(stage.api.values(ZONE, name) == [world.backup] for name in names), 80)
    assert len(stage.api.writes) - writes < len(names), stage.api.writes[writes:]
    assert not stage.api.violations


def test_check_accepts_it_without_a_warning(world):
    stage = Stage(world)
    done = harness.run([harness.BIN / "hotswapd", "--check", "--config", stage.daemon.config_path])
    assert done.returncode == 0 and "not built" not in done.stdout + done.stderr, done.stdout + done.stderr
