"""A write waits for its turn at a provider that takes few calls, and its reason goes meanwhile: it is not made."""

import json

from cloudflare_double import Cloudflare
from harness import ZONE, wait_until

NAMES = [f"w{i}.{ZONE}" for i in range(10)]


class Stage:
    """An API that takes seven calls in ten seconds, and names on it; the first one is looked at."""

    def __init__(self, world):
        self.world = world
        self.primary, _ = world.pair()
        self.api = Cloudflare(world.address(6))
        self.api.least_ttl = 30
        world.closing.append(self.api)
        for name in NAMES:
            self.api.put(name, "A", world.primary)
        self.daemon = world.prepared(dns_listen=[], providers=self.providers(), services=self.services(1)).start()
        self.daemon.wait_status("ok", NAMES[0])
        wait_until("the record is adopted", lambda: self.api.generation(NAMES[0]) == 1, 20)

    def providers(self):
        return {"there": self.api.provider(min_ttl="30s")}

    def services(self, count):
        return [self.world.service(fqdn=name) for name in NAMES[:count]]

    def explain(self):
        return json.loads(self.daemon.ctl_ok("explain", NAMES[0], "--json"))

    def fails_once(self):
        """The primary is down, and the first try of the swap ends in nothing that says what became of it."""
        self.api.instead = (500, {}, b"{}")
        self.primary.stop()
        wait_until("the write was tried", lambda: len(self.api.writes) == 2, 20)

    def not_made(self):
        """The primary comes back before the write has its turn."""
        writes = len(self.api.writes)
        self.primary.start()

        def told():
            found = [s["text"] for s in self.explain()["swap"]["steps"] if s["step"] == "write"]
            return found[-1] if found and "its reason may have gone" in found[-1] else None

        wait_until("it is told that the write is not made", told, 20)
        moved = [w for w in self.api.writes[writes:] if self.world.backup.encode() in w[2]]
        assert not moved and self.api.values(name=NAMES[0]) == [self.world.primary]
        self.daemon.wait_status("ok", NAMES[0])


def test_a_second_try_is_not_made_when_the_primary_is_back(world):
    stage = Stage(world)
    stage.fails_once()
    wait_until("it waits", lambda: "it goes on at" in stage.explain()["waiting_for"])
    wait_until("it waits for its turn", lambda: "it goes on at" not in stage.explain()["waiting_for"])
    stage.not_made()


def test_a_resumed_write_is_not_made_when_the_primary_is_back(world):
    stage = Stage(world)
    stage.fails_once()
    stage.daemon.kill()
    stage.api.instead = None
    stage.daemon.write(world.config(dns_listen=[], providers=stage.providers(), services=stage.services(len(NAMES))))
    asked = len(stage.api.requests)
    stage.daemon.start(ready=False)
    wait_until("its calls are used up", lambda: len(stage.api.requests) >= asked + 7)
    wait_until("fresh rounds want it still", lambda: (stage.explain()["round"] or {"number": 0})["number"] >= 4, 20)
    stage.not_made()
