"""A disk under the state that is full, read-only or hangs, and a name server outside: no update leaves before the disk
has what it is about, and the swap is made as soon as it has."""

import contextlib
import re
import sqlite3

import dns.message

from harness import run, wait_until
from name_servers import Knot
from stages import intents
from test_disk import Disk
from test_rfc2136_daemon import Stage
from test_state import disk_of, fill, needs_mount


def generation_in(packet, keyring):
    """Which generation this update writes."""
    for rrset in dns.message.from_wire(packet, keyring=keyring).update:
        for item in rrset:
            found = re.search(r"gen=(\d+)", item.to_text())
            if found:
                return int(found.group(1))
    return None


class Ledger:
    """Looks into the journal the moment an update arrives at the relay: its intent has to be in it, open and `sent`."""

    def __init__(self, stage, inside=False):
        self.stage, self.inside, self.seen, self.missing = stage, inside, [], []
        stage.wire.before_update = self.look

    def look(self, packet):
        generation = generation_in(packet, self.stage.server.keyring())
        rows = intents(self.stage.daemon, inside=self.inside)
        open_ = [row for row in rows if row[0] == "sent" and row[3] is None]
        self.seen.append(generation)
        if not any(generation in (gen, fence) for _, gen, fence, _ in open_):
            self.missing.append((generation, rows))


@needs_mount
def test_without_room_no_update_leaves_and_afterwards_the_swap_is_made(world):
    stage = Stage(world, Knot, through=True)
    daemon, state = stage.daemon, world.dir / "state"
    daemon.wrapper = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                      f'mount -t tmpfs -o size=40m,mode=0700 none {state} && exec "$@"', "sh"]
    stage.settled()
    folder = disk_of(daemon)
    reserve = folder / "reserve"
    wait_until("the reserve is made", lambda: reserve.exists() and reserve.stat().st_blocks * 512 >= 8 << 20)
    ledger = Ledger(stage, inside=True)

    # Full, with the reserve: the swap goes on.
    fill(folder)
    stage.primary.stop()
    stage.holds(world.backup)
    stage.proved("failover")
    assert ledger.seen == [2] and not ledger.missing, ledger.missing

    # Full to the last block. The write-ahead log may have had some to spare: then the swap is made, else it is held and told.
    reserve.unlink(missing_ok=True)
    fill(folder, "filler2")
    updates = len(stage.wire.updates)
    stage.primary.start()
    before = stage.backup.count()
    wait_until("probing goes on", lambda: stage.backup.count() >= before + 4)
    if len(stage.wire.updates) == updates:
        assert stage.server.values() == [world.backup]
        daemon.logged("HS1401")
    for name in ("filler", "filler2"):
        (folder / name).unlink()
    stage.holds(world.primary, 30)
    stage.proved("ok", 30)
    assert ledger.seen == [2, 3] and not ledger.missing, ledger.missing
    assert stage.server.serial() == 4 and not stage.sampler.wrong


@needs_mount
def test_on_a_read_only_disk_no_update_leaves_until_it_is_writable(world):
    stage = Stage(world, Knot, through=True).settled()
    daemon, state = stage.daemon, world.dir / "state"
    daemon.stop()
    daemon.wrapper = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                      f'mount --bind {state} {state} && mount -o remount,ro,bind {state} && exec "$@"', "sh"]
    ledger = Ledger(stage)
    daemon.start()
    daemon.logged(r"HS1401.*[Rr]ead-only")
    stage.primary.stop()
    daemon.wait_status("trouble")
    before = stage.backup.count()
    wait_until("probing goes on", lambda: stage.backup.count() >= before + 3)
    assert ledger.seen == [] and stage.server.serial() == 2
    assert "HS1401" in daemon.ctl_ok("status")
    done = run(["nsenter", "-m", "-t", daemon.process.pid, "mount", "-o", "remount,rw,bind", state])
    assert done.returncode == 0, done.stderr
    stage.holds(world.backup)
    stage.proved("failover")
    assert ledger.seen == [2] and not ledger.missing, ledger.missing
    assert stage.server.serial() == 3 and daemon.log().count("HS1401") == 1


def test_while_the_disk_hangs_no_update_leaves(world):
    """Before a swap, between its reading and its write, and after its write."""
    stage = Stage(world, Knot, through=True, recovery_delay=0)
    disk = Disk(world, stage.daemon)
    daemon = stage.settled().daemon
    ledger = Ledger(stage)

    disk.says("sync", "hang")
    stage.primary.stop()
    daemon.logged("HS1401")
    before = stage.backup.count()
    wait_until("probing goes on", lambda: stage.backup.count() >= before + 2)
    assert ledger.seen == [] and stage.server.values() == [world.primary]
    disk.is_well()
    stage.holds(world.backup)
    stage.proved("failover")
    assert ledger.seen == [2] and not ledger.missing, ledger.missing

    # Between the reading and the write.
    stage.wire.passes.clear()
    asked = stage.wire.requests
    stage.primary.start()
    wait_until("the record is read", lambda: stage.wire.requests > asked, 20)
    disk.says("sync", "hang")
    asked = stage.wire.requests
    stage.wire.passes.set()
    wait_until("the reading goes on", lambda: stage.wire.requests > asked)
    before = stage.backup.count()
    wait_until("rounds go on", lambda: stage.backup.count() >= before + 3, 20)
    assert ledger.seen == [2] and stage.server.values() == [world.backup]

    # After the write: killed before the disk has it, the next start finds what stands there.
    stage.wire.before_update = lambda packet: (ledger.look(packet), disk.says("sync", "hang"))
    disk.is_well()
    stage.holds(world.primary)
    wait_until("the write was seen", lambda: ledger.seen == [2, 3])
    daemon.kill()
    disk.is_well()
    stage.wire.before_update = ledger.look
    daemon.start()
    daemon.wait_status("ok", seconds=20)
    wait_until("it is proved", lambda: daemon.service()["proof"] == "proved", 20)
    wait_until("nothing is left open", lambda: all(closed for *_, closed in intents(daemon)))
    assert ledger.seen == [2, 3] and not ledger.missing, ledger.missing
    assert (stage.server.serial(), stage.server.generation()) == (4, 3) and not stage.sampler.wrong


def test_another_reader_of_the_state_during_a_kill_leaves_nothing_open(world):
    """A commit stands whole in the WAL and was never finished: with a reader about SQLite does not see it at the start."""
    stage = Stage(world, Knot, through=True)
    disk = Disk(world, stage.daemon)
    daemon = stage.settled().daemon
    with contextlib.closing(sqlite3.connect(f"file:{daemon.dir}/state/state.db?mode=ro", uri=True)) as reader:
        reader.execute("SELECT count(*) FROM intent").fetchall()  # no transaction stays open
        stage.wire.before_update = lambda packet: disk.says("sync", "hang")  # the commit after the write hangs
        stage.primary.stop()
        stage.holds(world.backup)
        wait_until("it is committed in memory", lambda: "HS1204" in daemon.log())
        daemon.kill()
        disk.is_well()
        stage.wire.before_update = None
        daemon.start()
        daemon.wait_status("failover")
        stage.primary.start()
        stage.holds(world.primary, 15)
    assert "HS1212" not in daemon.log()
    wait_until("no intent is open", lambda: not [row for row in intents(daemon) if row[3] is None])
