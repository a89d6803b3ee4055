"""Targets given by host name, resolved by a real unbound: they move traffic when they fail, and never when names do."""

import json

import pytest

from harness import INTERVAL, NAME, always, free_port, wait_until
from servers import Unbound

TARGET = "primary.names.test"


def unbound(world):
    address = world.address(6)
    made = Unbound(address, free_port(address))
    world.closing.append(made)
    return made


@pytest.fixture
def names(world):
    return unbound(world)


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
    names.stop()
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
    names.stop()
    wait_attempt(daemon, "the name server is gone", lambda a: a["stale_address"])
    other = unbound(world).start(f"{TARGET}. 1 IN A {world.primary}")
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
