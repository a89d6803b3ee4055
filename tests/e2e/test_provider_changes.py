"""A reload that changes a service's provider while a swap waits for the old one: it takes effect, and says what was left."""

import json

import pytest

from harness import NAME, wait_until
from name_servers import Knot, replay
from test_api_daemon import Hosted
from test_exec import Program
from test_rfc2136_daemon import Stage

# The program of the old provider: gone for good with the first write that it is asked for.
DYING = """#!/bin/sh
request=$(cat)
case $request in *'"do":"apply"'*|*'"do": "apply"'*) [ -e {folder}/dies ] && touch {folder}/dead ;; esac
[ -e {folder}/dead ] && exit 1
printf %s "$request" | {program}
"""


class Two:
    """A service at a program, and an API that holds the same record."""

    def __init__(self, world, first=None):
        self.world = world
        self.primary, self.backup = world.pair()
        self.program = Program(world, [world.primary])
        self.api = Hosted(world)
        world.closing.append(self.api)
        dying = self.program.folder / "dying"
        dying.write_text(DYING.format(folder=self.program.folder, program=self.program.path))
        dying.chmod(0o755)
        self.providers = {"program": {**self.program.provider(), "command": [str(dying)]}, "api": self.api.provider()}
        self.daemon = world.prepared(dns_listen=[], providers=self.providers, services=self.services(first or "program"))
        self.daemon.start()
        self.daemon.wait_status("ok")

    def services(self, provider):
        return [self.world.service(provider=provider)] if provider else []

    def write(self, provider):
        self.daemon.write(self.world.config(dns_listen=[], providers=self.providers, services=self.services(provider)))

    def reload(self, provider):
        self.write(provider)
        self.daemon.reload()

    def explain(self):
        return json.loads(self.daemon.ctl_ok("explain", NAME, "--json"))

    def dies(self):
        """The program dies when it is asked for the swap."""
        wait_until("the record is adopted", lambda: self.program.generation() == 1)
        (self.program.folder / "dies").touch()
        self.primary.stop()
        wait_until("the write was asked for", lambda: (self.program.folder / "dead").exists(), 20)
        wait_until("the swap waits", lambda: "it goes on at" in self.explain()["waiting_for"])


@pytest.mark.parametrize("removed_between", [False, True], ids=["edited", "removed and added"])
def test_a_dead_provider_is_left(world, removed_between):
    two = Two(world)
    two.dies()
    if removed_between:
        two.reload(None)
    two.reload("api")
    wait_until("the new provider serves the backup", lambda: two.api.values() == [world.backup], 20)
    two.daemon.logged("HS1221 .*it may still take effect at the provider that is left")
    two.daemon.wait_status("failover")


def test_after_a_restart_the_old_swap_is_not_the_new_providers(world):
    two = Two(world)
    two.dies()
    two.daemon.kill()
    two.write("api")
    two.daemon.start()
    wait_until("the new provider serves the backup", lambda: two.api.values() == [world.backup], 20)
    two.daemon.logged("HS1221 .*it was sent to the provider program")
    assert "HS1207" not in two.daemon.log()


def test_a_throttled_provider_is_left(world):
    two = Two(world, "api")
    wait_until("the record is adopted", lambda: two.api.generation() == 1, 20)
    two.api.instead = (429, {"Retry-After": "600"}, b"{}")
    two.primary.stop()
    two.daemon.logged("HS1217", 30)
    wait_until("it says so", lambda: "asks to be left alone until" in two.explain()["waiting_for"])
    assert "asks to be left alone until" in two.explain()["swap"]["steps"][-1]["text"]
    two.daemon.logged(r"HS1211 .*asks to be left alone until")
    two.reload("program")
    wait_until("the new provider serves the backup", lambda: two.program.values() == [world.backup], 20)


def test_a_name_server_whose_address_is_corrected(world):
    """Both addresses lead to one zone: what was kept on the old way finds a higher generation."""
    stage = Stage(world, Knot, through=True).settled()
    stage.wire.keep_updates = 1
    stage.primary.stop()
    wait_until("the update was sent", lambda: len(stage.wire.updates) == 2, 20)
    kept = stage.wire.updates[-1]
    stage.wire.close()
    world.closing.remove(stage.wire)
    stage.primary.start()
    stage.daemon.write(world.config(world.service(), dns_listen=[], providers={"there": stage.server.provider()}))
    stage.daemon.reload()
    wait_until("a higher generation", lambda: stage.server.generation() == 3, 20)
    assert stage.server.values() == [world.primary]
    assert replay(stage.server, kept) == "NXRRSET"
    assert stage.server.values() == [world.primary]
    stage.primary.stop()
    stage.holds(world.backup)
    assert not stage.sampler.wrong
