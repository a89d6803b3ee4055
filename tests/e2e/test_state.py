"""state.db damaged or without room: answering and probing go on, swaps use the reserve, and it is told."""

import os
import pathlib
import subprocess

import pytest

from harness import NAME, always, run, wait_until


def can_mount():
    return os.geteuid() == 0 and run(["unshare", "-m", "true"]).returncode == 0


needs_mount = pytest.mark.skipif(not can_mount(), reason="needs root and mount namespaces")


def test_a_damaged_file_is_set_aside_and_the_service_goes_on(world):
    primary, _ = world.pair()
    daemon = world.settled()
    daemon.stop()
    state = world.dir / "state"
    for path in state.glob("state.db*"):
        path.write_bytes(b"this is no database at all\n" * 400)
    daemon.start()
    daemon.wait_serves(world.primary, seconds=2)
    daemon.wait_status("ok")
    aside = [path for path in state.iterdir() if path.read_bytes().startswith(b"this is no database at all")]
    assert aside, sorted(path.name for path in state.iterdir())
    assert any(path.name in daemon.log() for path in aside), "the log names the file set aside"
    primary.behaviour = 503
    daemon.wait_serves(world.backup)


def test_a_damaged_page_is_noticed_at_start(world):
    world.pair()
    daemon = world.settled()
    daemon.stop()
    database = world.dir / "state/state.db"
    content = bytearray(database.read_bytes())
    assert len(content) > 8192
    content[4096:] = os.urandom(len(content) - 4096)
    database.write_bytes(content)
    for side in ("state.db-wal", "state.db-shm"):
        (world.dir / "state" / side).unlink(missing_ok=True)
    daemon.start()
    daemon.wait_serves(world.primary, seconds=2)
    daemon.wait_status("ok")


def on_small_disk(world, size="40m"):
    daemon = world.prepared()
    state = world.dir / "state"
    daemon.wrapper = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                      f'mount -t tmpfs -o size={size},mode=0700 none {state} && exec "$@"', "sh"]
    return daemon.start()


def disk_of(daemon):
    """The state folder as the daemon sees it, from outside its mount namespace."""
    return pathlib.Path(f"/proc/{daemon.process.pid}/root{daemon.dir}/state")


def fill(folder, name="filler"):
    with open(folder / name, "wb", buffering=0) as filler:
        for size in (1 << 20, 1 << 16, 4096):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError:
                continue


@needs_mount
def test_on_a_full_disk_a_swap_is_still_made_from_the_reserve(world):
    primary, _ = world.pair()
    daemon = on_small_disk(world)
    daemon.wait_status("ok")
    folder = disk_of(daemon)
    reserve = folder / "reserve"
    wait_until("the reserve is made", lambda: reserve.exists() and reserve.stat().st_blocks * 512 >= 8 << 20)
    fill(folder)
    primary.behaviour = 503
    daemon.wait_serves(world.backup)
    daemon.wait_status("failover")
    primary.behaviour = "ok"
    daemon.wait_serves(world.primary)
    (folder / "filler").unlink()
    wait_until("the reserve is made again", lambda: reserve.exists() and reserve.stat().st_blocks * 512 >= 8 << 20, 90)


@needs_mount
def test_with_no_room_at_all_it_answers_and_probes_and_tells_and_holds(world):
    primary, _ = world.pair()
    daemon = on_small_disk(world)
    daemon.wait_status("ok")
    folder = disk_of(daemon)
    fill(folder)
    # The reserve, the write-ahead log and every gap are taken as well: nothing can become durable now.
    (folder / "reserve").unlink(missing_ok=True)
    fill(folder, "filler2")
    primary.behaviour = 503
    seen = primary.count()
    wait_until("probing goes on", lambda: primary.count() >= seen + 4)
    # The write-ahead log may have had blocks to spare; what must not happen is a wrong answer, a crash or silence.
    assert daemon.serves() in ([world.primary], [world.backup])
    if daemon.serves() == [world.primary]:
        assert daemon.status() == "trouble"
        daemon.logged(r"HS\d{4}.*(state\.db|disk|full|room)")
    (folder / "filler").unlink()
    (folder / "filler2").unlink()
    daemon.wait_serves(world.backup, seconds=60)
    daemon.wait_status("failover")


@needs_mount
def test_a_read_only_state_folder_does_not_stop_answers(world):
    primary, _ = world.pair()
    daemon = world.settled()
    primary.behaviour = 503
    daemon.wait_status("failover")
    daemon.stop()
    state = world.dir / "state"
    daemon.wrapper = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                      f'mount --bind {state} {state} && mount -o remount,ro,bind {state} && exec "$@"', "sh"]
    daemon.start()
    daemon.wait_serves(world.backup, seconds=2)
    daemon.logged(r"HS1401.*[Rr]ead-only")
    daemon.logged(r"HS1404.*[Rr]ead-only")
    primary.behaviour = "ok"
    always("nothing moves without a journal", lambda: daemon.serves() == [world.backup], 2)
    # The folder becomes writable under the daemon's feet: no restart is needed to go on.
    inside = ["nsenter", "-m", "-t", daemon.process.pid, "mount", "-o", "remount,rw,bind", state]
    done = run(inside)
    assert done.returncode == 0, done.stderr
    daemon.logged(r"HS1402.*writable again", seconds=15)
    daemon.wait_serves(world.primary, seconds=15)
    daemon.wait_status("ok")


def test_the_state_is_for_the_daemon_alone(world):
    world.pair()
    daemon = world.settled()
    for path in (world.dir / "state").iterdir():
        assert path.stat().st_mode & 0o077 == 0, f"{path.name} can be read by others"
    assert daemon.control.stat().st_mode & 0o007 == 0


def test_the_schema_is_readable_by_the_tool_of_the_database(world):
    """What the operator's back-up takes is sound while the daemon runs."""
    primary, _ = world.pair()
    daemon = world.settled()
    primary.behaviour = 503
    daemon.wait_status("failover")
    done = run(["sqlite3", "-readonly", world.dir / "state/state.db", "PRAGMA quick_check; PRAGMA journal_mode;"])
    assert done.stdout.split() == ["ok", "wal"], done
    backup = run(["sqlite3", "-readonly", world.dir / "state/state.db", f"VACUUM INTO '{world.dir}/copy.db'"])
    assert backup.returncode == 0, backup.stderr
    assert NAME in subprocess.run(["sqlite3", world.dir / "copy.db", ".dump"], capture_output=True, text=True,
                                  check=True, timeout=30).stdout
