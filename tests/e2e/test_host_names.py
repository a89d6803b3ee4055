"""Targets given by host name, resolved by a real unbound: they move traffic when they fail, and never when names do."""

import json
import shutil
import subprocess

import pytest
from harness import INTERVAL, NAME, always, free_port, wait_until

TARGET = "primary.names.test"


class Unbound:
    """Answers for names.test with what it is given; start() again with other records."""

    def __init__(self, world):
        self.world = world
        self.address = world.address(6)
        self.port = free_port(self.address)
        self.process = None
        world.closing.append(self)

    def start(self, *records):
        self.close()
        data = "".join(f'  local-data: "{record}"\n' for record in records)
        path = self.world.dir / "unbound.conf"
        path.write_text(f"""
server:
  interface: {self.address}@{self.port}
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "{self.world.dir}"
  pidfile: "{self.world.dir}/unbound.pid"
  do-daemonize: no
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  local-zone: "names.test." static
{data}
remote-control:
  control-enable: no
""")
        program = shutil.which("unbound", path="/usr/sbin:/usr/bin:/sbin:/bin")
        with open(self.world.dir / "unbound.log", "wb") as log:
            self.process = subprocess.Popen([program, "-d", "-c", str(path)], stdout=log, stderr=log)
        wait_until("unbound answers", self.answers, every=0.05)
        return self

    def answers(self):
        done = subprocess.run(["dig", "+time=1", "+tries=1", "-p", str(self.port), f"@{self.address}", "names.test", "SOA"],
                              capture_output=True, text=True, timeout=20)
        return "status:" in done.stdout

    def close(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


@pytest.fixture
def names(world):
    return Unbound(world)


def named(world, names, **more):
    """A daemon whose primary is probed by name, and is fine."""
    names.start(f"{TARGET}. 1 IN A {world.primary}")
    service = world.service(probe_address=TARGET)
    return world.settled(service, resolver={"servers": [f"{names.address}:{names.port}"]}, **more)


def attempt(daemon):
    """The last attempt at the primary."""
    explained = json.loads(daemon.ctl_ok("explain", NAME, "--json"))
    return explained["targets"][0]["attempts"][-1]


def wait_attempt(daemon, what, check):
    return wait_until(what, lambda: check(attempt(daemon)) and attempt(daemon), every=0.05)


def test_a_site_behind_a_name_fails_and_comes_back(world, names):
    primary, _ = world.pair()
    daemon = named(world, names)
    seen = attempt(daemon)
    assert seen["address"] == world.primary
    assert seen["stale_address"] is False
    assert seen["resolve_ms"] is not None
    primary.behaviour = 503
    daemon.wait_status("failover")
    daemon.wait_serves(world.backup)
    primary.behaviour = "ok"
    daemon.wait_status("ok")
    daemon.wait_serves(world.primary)


def test_an_ill_name_server_moves_nothing(world, names):
    world.pair()
    daemon = named(world, names)
    names.close()
    seen = wait_attempt(daemon, "the last address known is used", lambda a: a["stale_address"])
    assert seen["verdict"] == "pass"
    assert "the last address known" in seen["reason"]
    always("nothing moves", lambda: daemon.serves() == [world.primary], 3 * INTERVAL)
    assert daemon.status() == "ok"


def test_without_a_last_address_the_probe_is_inconclusive(world, names):
    world.pair()
    service = world.service(probe_address=TARGET)
    daemon = world.daemon(service, resolver={"servers": [f"{names.address}:{names.port}"]})
    seen = wait_attempt(daemon, "a first attempt", lambda a: True)
    assert (seen["verdict"], seen["class"]) == ("inconclusive", "resolve")
    always("nothing moves", lambda: daemon.serves() == [world.primary], 3 * INTERVAL)
    names.start(f"{TARGET}. 1 IN A {world.primary}")
    daemon.wait_status("ok")


def test_a_name_that_is_gone_is_a_failure(world, names):
    world.pair()
    daemon = named(world, names)
    names.start()
    daemon.wait_status("failover")
    daemon.wait_serves(world.backup)
    assert attempt(daemon)["class"] == "resolve"
    assert "does not exist" in attempt(daemon)["reason"]


def test_a_reload_brings_other_name_servers(world, names):
    world.pair()
    daemon = named(world, names)
    names.close()
    wait_attempt(daemon, "the name server is gone", lambda a: a["stale_address"])
    other = Unbound(world)
    other.port = free_port(other.address)
    other.start(f"{TARGET}. 1 IN A {world.primary}")
    daemon.write({**daemon.config, "resolver": {"servers": [f"{other.address}:{other.port}"]}})
    daemon.reload()
    wait_attempt(daemon, "the other one is asked", lambda a: a["verdict"] == "pass" and not a["stale_address"])


def test_our_own_answers_are_never_asked(world):
    world.pair()
    service = world.service(probe_address=TARGET)
    daemon = world.daemon(service, resolver={"servers": [f"{world.dns_address}:{world.dns_port}"]})
    daemon.logged("HS1030 .*names only our own dns_listen")
    seen = wait_attempt(daemon, "a first attempt", lambda a: True)
    assert (seen["verdict"], seen["class"]) == ("inconclusive", "resolve")
    always("nothing moves", lambda: daemon.serves() == [world.primary], 2 * INTERVAL)
