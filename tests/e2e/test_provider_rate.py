"""Many names at once on an account that takes five requests in a second: never more, in the order in which it was decided,
not at all where the reason has gone meanwhile, and nobody else waits."""

import re
import time

import pytest

from harness import SLOW, ZONE, wait_until
from stages import OnKnot, OnRoute53, Sampler

NAMES, FICKLE = 16, 4  # the last of them come back while they wait


def adopted(place, name, address):
    """The name is there as we would have written it."""
    place.aws_double.put(name, "A", address, ttl=1)
    place.aws_double.put(f"_hotswap.{name}", "TXT", '"gen=1"', ttl=1)


@pytest.mark.timeout(150 * SLOW)
def test_many_names_at_once(world):
    primary, backup = world.pair()
    fickle = world.site(world.third)
    there, knot = OnRoute53(world, 6, f"z0.{ZONE}"), OnKnot(world, 9, f"z1.{ZONE}")
    names = [f"n{i:02}.{there.zone}" for i in range(NAMES)]
    comes_back = set(names[-FICKLE:])
    at = {name: world.third if name in comes_back else world.primary for name in names}
    services = [world.service(name, zone=there.zone, provider=there.kind_and_number, address=at[name]) for name in names]
    for name in names:
        adopted(there, name, at[name])
    daemon = world.prepared(*services, knot.service(), dns_listen=[], aws=there.aws(), providers={
        place.kind_and_number: place.provider() for place in (there, knot)})
    daemon.start()
    wait_until("all are ok", lambda: {s["status"] for s in daemon.services().values()} == {"ok"}, 40)
    assert there.effects() == 0, "nothing had to be adopted"
    witnesses = [Sampler(there, at[name], world.backup, name=name) for name in (names[0], names[-1])]
    world.closing += witnesses

    def down():
        return list(dict.fromkeys(re.findall(r"HS1101 .*service=(n\d+)\S+ primary \S+ is down", daemon.log())))

    began = time.monotonic()
    primary.stop()
    # Another provider's name is swapped within a round and its call.
    wait_until("knot holds the backup", lambda: knot.values() == [world.backup], 10)
    assert time.monotonic() - began < 4 * SLOW
    assert len(there.writes) < NAMES / 2, "the account has not been through yet: this proves something"
    # Those whose reason goes come last in the row, and it goes before their turn.
    wait_until("they are known to be down", lambda: len(down()) == NAMES - FICKLE)
    fickle.stop()
    wait_until("all are known to be down", lambda: len(down()) == NAMES)
    fickle.start()
    swapped = [name for name in names if name not in comes_back]
    for name in swapped:
        wait_until(f"{name} holds the backup", lambda: there.values(name) == [world.backup], 60)
        daemon.wait_status("failover", name, seconds=60)
    for name in comes_back:
        daemon.wait_status("ok", name, seconds=20)
        assert there.values(name) == [world.third]

    # The judge: the log of the account.
    times = [request["at"] for request in there.aws_double.requests]
    assert all(later - earlier > 0.95 for earlier, later in zip(times, times[5:])), "more than five in a second"
    written = [re.match(r"n\d+", change["ResourceRecordSet"]["Name"])[0] for request in there.writes
               for change in request["batch"]["ChangeBatch"]["Changes"][:1]]
    assert sorted(written) == sorted(name.split(".")[0] for name in swapped), "each once, and none whose reason had gone"
    decided = [name for name in down() if name in written]
    late = {name: abs(written.index(name) - decided.index(name)) for name in written}
    assert max(late.values()) <= 3, (decided, written)
    assert not any(witness.wrong for witness in witnesses)
