"""The daemon on PowerDNS by its API and on Cloudflare: nothing moves at the start, and a swap is proved."""

import json
import re

import pytest

import harness
from cloudflare_double import TOKEN, Cloudflare
from harness import NAME, wait_until
from http_apis import API_KEY, HttpWire, PowerdnsApi
from stages import Sampler
from stages import Stage as CommonStage


class Hosted(Cloudflare):
    """The double, seen as the tests see a name server."""

    kind = "cloudflare"

    def __init__(self, world):
        super().__init__(world.address(6))
        self.least_ttl = 30
        self.put(NAME, "A", world.primary)

    def start(self):
        return self

    def provider(self, **more):
        return super().provider(min_ttl="30s", **more)

    def written(self):
        return self.serial - 2  # one is the test's own

    def ttl(self):
        return {r["ttl"] for r in self.records.values()}.pop()

    def write(self, value):
        self.put(NAME, "A", value)

    def away(self):
        self.instead = (503, {}, b"{}")
        self.stall = True

    def back(self):
        self.instead, self.stall = None, False


class Own(PowerdnsApi):
    kind = "powerdns"
    least_ttl = 1

    def __init__(self, world):
        address = world.address(6)
        super().__init__(address, harness.free_port(address), [f"www 30 A {world.primary}"])
        self.wire = HttpWire(world.address(7), self.address, self.api_port)
        world.closing.append(self.wire)

    def provider(self, **more):
        return super().provider(url=self.wire.url, **more)

    @property
    def writes(self):
        return self.wire.writes

    def written(self):
        return self.serial() - 1

    def lose(self):
        self.wire.lose_answers = 1

    def write(self, value):
        self.put(NAME, "A", value)

    def away(self):
        self.stop()

    def back(self):
        self.start()


Hosted.lose = lambda self: setattr(self, "lose_answers", 1)
KINDS = {"powerdns": Own, "cloudflare": Hosted}


class Stage(CommonStage):
    """A daemon whose only service is on an API, which holds the primary."""

    def __init__(self, world, kind, **service):
        self.primary, self.backup = world.pair()
        self.api = kind(world).start()
        super().__init__(world, self.api)
        world.closing.append(self.api)
        self.sampler = Sampler(self.api, world.primary, world.backup)
        world.closing.append(self.sampler)
        self.daemon = world.prepared(world.service(**service), dns_listen=[], providers={"there": self.api.provider()})


@pytest.fixture(params=KINDS.values(), ids=list(KINDS))
def kind(request):
    return request.param


def test_fails_over_and_recovers(world, kind):
    stage = Stage(world, kind).settled()
    assert stage.api.ttl() == stage.api.least_ttl, "one write sets our TTL and the generation"
    assert stage.api.written() == 1 and len(stage.api.writes) == 1
    stage.sampler.saw([world.primary])

    stage.primary.stop()
    stage.holds(world.backup)
    swap = stage.proved("failover")
    assert [(e["server"], e["proved"]) for e in swap["proof"]] == [(stage.api.at, True)]
    words = [step["step"] for step in swap["steps"]]
    assert words == ["prepared", "read before", "sent", "write", "read back", "proved"], swap["steps"]
    assert re.search(rf"yes +{re.escape(stage.api.at)}", stage.daemon.ctl_ok("explain", NAME))
    assert stage.api.generation() == 2 and stage.api.written() == 2

    stage.primary.start()
    stage.holds(world.primary, 60)  # not before the TTL is over
    assert stage.proved("ok")["generation"] == 3
    assert stage.api.generation() == 3 and stage.api.written() == 3
    assert not stage.sampler.wrong
    stage.sampler.saw([world.primary], [world.backup], [world.primary])
    for secret in (TOKEN, API_KEY):
        assert secret not in stage.daemon.log() + json.dumps(stage.explain())


def test_a_lost_answer_is_read_back_and_not_written_again(world, kind):
    stage = Stage(world, kind).settled()
    stage.api.lose()
    stage.primary.stop()
    stage.holds(world.backup)
    swap = stage.proved("failover")
    assert [s["text"] for s in swap["steps"] if s["step"] == "write"][0].startswith("unknown: ")
    assert stage.api.written() == 2 and len(stage.api.writes) == 2


def test_killed_between_the_write_and_its_record(world, kind):
    stage = Stage(world, kind).settled()
    stage.api.lose()
    stage.primary.stop()
    stage.holds(world.backup)
    stage.daemon.kill()
    stage.daemon.start()
    stage.proved("failover")
    assert stage.api.written() == 2 and stage.api.generation() == 2 and len(stage.api.writes) == 2


def test_a_foreign_change_is_drift_and_stays(world, kind):
    stage = Stage(world, kind).settled()
    stage.sampler.close()
    stage.api.write("203.0.113.99")
    written = stage.api.written()
    stage.primary.stop()
    wait_until("drift is told", lambda: stage.daemon.service()["drift"], 20)
    before = stage.backup.count()
    wait_until("rounds go on", lambda: stage.backup.count() >= before + 3)
    assert stage.api.values() == ["203.0.113.99"] and stage.api.written() == written


def test_the_api_is_away_when_it_is_needed(world, kind):
    stage = Stage(world, kind).settled()
    stage.api.away()
    stage.primary.stop()
    stage.daemon.logged("HS1211", 20)
    stage.api.back()
    stage.holds(world.backup, 40)
    stage.proved("failover")
    assert stage.api.generation() == 2 and not stage.sampler.wrong


def test_a_wrong_secret_is_told_and_a_reload_is_enough(world, kind):
    stage = Stage(world, kind)
    good = stage.daemon.config
    bad = json.loads(json.dumps(good))
    word = "api_key" if kind is Own else "api_token"
    bad["providers"]["there"][word] = "not-the-right-secret"
    stage.daemon.write(bad)
    stage.daemon.start()
    stage.daemon.logged(r"HS1213.*answers 40[13]")
    assert "not-the-right-secret" not in stage.daemon.log() and not stage.api.writes
    stage.daemon.write(good)
    stage.daemon.reload()
    wait_until("the record is adopted", lambda: stage.api.generation() == 1, 20)


def test_by_the_proxy_of_the_environment(world):
    stage = Stage(world, Own)
    config = stage.daemon.config
    config["providers"]["there"]["url"] = stage.api.url
    stage.daemon.write(config)
    proxy = stage.api.wire
    stage.daemon.environment = {"http_proxy": proxy.url}
    stage.settled()
    assert proxy.requests and all(target.startswith(stage.api.url + "/api/") for _, target, _ in proxy.requests)
    stage.daemon.stop()
    seen = len(proxy.requests)
    stage.daemon.environment = {"http_proxy": proxy.url, "no_proxy": "192.0.2.0/24, 127.0.0.0/8"}
    stage.daemon.start()
    stage.primary.stop()
    stage.holds(world.backup)
    assert len(proxy.requests) == seen, "it went straight"


def test_check_accepts_it_and_refuses_what_it_cannot(world, kind):
    stage = Stage(world, kind)

    def check():
        return harness.run([harness.BIN / "hotswapd", "--check", "--config", stage.daemon.config_path])

    done = check()
    assert done.returncode == 0 and "not built" not in done.stdout + done.stderr, done.stdout + done.stderr
    low = "is less than Cloudflare keeps" in done.stdout + done.stderr
    assert low == (kind is Hosted)
    config = stage.daemon.config
    config["services"][0].update(failover_mode="cname", failover_data="backup.example.net")
    stage.daemon.write(config)
    done = check()
    assert done.returncode == 1 and "between an address and a CNAME" in done.stdout + done.stderr, done.stderr
