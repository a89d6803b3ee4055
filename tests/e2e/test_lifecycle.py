"""Start, stop, restart and the words with systemd: nothing moves that nobody asked to move."""

import os
import re
import signal
import sqlite3
import time

from harness import INTERVAL, NAME, SLOW, always, wait_until


def test_first_contact_serves_the_primary_before_any_probe_has_ended(world):
    primary, _ = world.pair()
    primary.behaviour = "silent"
    daemon = world.prepared(world.service(monitor={"timeout": 5, "interval": "10s"}))
    began = time.monotonic()
    daemon.start(ready=False)
    daemon.wait_serves(world.primary, seconds=2)
    assert time.monotonic() - began < 2 * SLOW
    daemon.wait_ready()
    assert daemon.status() == "unk"


def test_a_restart_in_failover_moves_nothing_before_a_fresh_round(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(recovery_delay=2))
    primary.behaviour = 503
    daemon.wait_status("failover")
    daemon.stop()

    primary.behaviour = "ok"
    asked = primary.count()
    daemon.start(ready=False)
    wait_until("DNS answers", lambda: not str(daemon.serves(timeout=0.25)).startswith("no answer"), 2,
               every=0.01)
    while primary.count() < asked + 2:
        assert daemon.serves() == [world.backup], f"moved after {primary.count() - asked} rounds"
        time.sleep(0.01)
    daemon.wait_serves(world.primary)


def test_a_restart_keeps_the_good_rounds_that_were_counted(world):
    """The state comes back whole: status and what is served, and the count of good rounds is not lost or doubled."""
    primary, _ = world.pair()
    daemon = world.settled(world.service(recovery_delay=4))
    primary.behaviour = 503
    daemon.wait_status("failover")
    since = daemon.service()["since"]
    daemon.kill()
    daemon.start()
    assert daemon.status() == "failover"
    assert daemon.service()["since"] == since
    assert daemon.serves() == [world.backup]


def test_a_primary_that_fell_while_we_were_away_is_found_by_the_first_round(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(monitor={"interval": "10s"}))
    daemon.stop()
    primary.stop()
    began = time.monotonic()
    daemon.start()
    daemon.wait_serves(world.backup)
    assert time.monotonic() - began < 3 * SLOW, "the first round comes at once, not after an interval"


def test_sigterm_ends_with_status_0_and_says_stopping(world):
    world.pair()
    daemon = world.settled()
    began = time.monotonic()
    daemon.stop()
    assert time.monotonic() - began < 10 * SLOW
    assert world.notify.count("STOPPING=1") == 1
    assert not daemon.control.exists(), "the control socket is taken away"


def test_sigint_stops_as_sigterm_does(world):
    world.pair()
    daemon = world.settled()
    daemon.signal(signal.SIGINT)
    daemon.wait_end()


def test_sigterm_does_not_wait_for_a_silent_site(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(monitor={"timeout": 30, "interval": "1s"}))
    primary.behaviour = "silent"
    seen = primary.count()
    wait_until("an attempt hangs", lambda: primary.count() > seen)
    began = time.monotonic()
    daemon.stop()
    assert time.monotonic() - began < 5 * SLOW


def stuck_disk(world):
    """Takes the write lock of state.db: each commit of the daemon waits, as on a disk that hangs."""
    lock = sqlite3.connect(world.dir / "state/state.db", timeout=10, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    return lock


def test_sigterm_in_a_swap_is_obeyed_and_the_swap_goes_on_at_the_next_start(world):
    primary, _ = world.pair()
    daemon = world.settled()
    lock = stuck_disk(world)
    try:
        primary.behaviour = 503
        seen = primary.count()
        wait_until("two bad rounds", lambda: primary.count() >= seen + 2)
        assert daemon.serves() == [world.primary], "nothing is written before the intent is durable"
        began = time.monotonic()
        daemon.stop()
        assert time.monotonic() - began < 10 + 5 * (SLOW - 1)
    finally:
        lock.close()
    daemon.start()
    daemon.wait_serves(world.backup)
    daemon.wait_status("failover")


def test_a_second_sigterm_stops_at_once_and_loses_nothing(world):
    primary, _ = world.pair()
    daemon = world.settled()
    primary.behaviour = 503
    daemon.wait_status("failover")
    lock = stuck_disk(world)
    try:
        seen = primary.count()
        primary.behaviour = "ok"
        wait_until("something waits for the disk", lambda: primary.count() >= seen + 2)
        daemon.signal(signal.SIGTERM)
        wait_until("STOPPING=1", lambda: world.notify.count("STOPPING=1") == 1)
        began = time.monotonic()
        if daemon.running():
            daemon.signal(signal.SIGTERM)
        daemon.process.wait(10 * SLOW)
        assert time.monotonic() - began < 1.5 * SLOW
    finally:
        lock.close()
    daemon.expected_death = -daemon.process.returncode if daemon.process.returncode == -signal.SIGTERM else None
    daemon.start()
    assert daemon.serves() in ([world.primary], [world.backup])
    daemon.wait_serves(world.primary)
    daemon.wait_status("ok")


def test_a_second_daemon_on_the_same_state_refuses(world):
    world.pair()
    daemon = world.settled()
    second = world.prepared()
    second.config_path = world.dir / "second.yaml"
    second.log_path = world.dir / "second.log"
    second.write(world.config(control_socket=str(world.dir / "second.sock"), dns_listen=None) | {
        "dns_listen": [f"{world.api_address}:{world.api_port}"]})
    second.start(ready=False)
    world.daemons.remove(second)
    assert second.process.wait(10 * SLOW) == 1
    assert re.search(r"HS\d{4} .*state.* in use", second.log()), second.log()
    assert daemon.status() == "ok"


def test_watchdog_is_fed_and_reload_is_told(world):
    world.pair()
    daemon = world.prepared()
    daemon.environment = {"WATCHDOG_USEC": "1000000"}
    daemon.start()
    wait_until("WATCHDOG=1 comes", lambda: world.notify.count("WATCHDOG=1") >= 6, 10)
    beats = world.notify.when("WATCHDOG=1")
    assert max(b - a for a, b in zip(beats, beats[1:])) < 1.0 * SLOW
    daemon.reload()
    reloading = [t for t in world.notify.texts() if "RELOADING=1" in t]
    assert len(reloading) == 1
    assert "MONOTONIC_USEC=" in reloading[0]
    assert world.notify.count("READY=1") == 2


def test_without_a_watchdog_none_is_sent(world):
    world.pair()
    world.settled()
    always("no WATCHDOG=1", lambda: world.notify.count("WATCHDOG=1") == 0, INTERVAL)


def test_a_stuck_disk_stops_neither_answers_nor_probes_nor_the_watchdog(world):
    primary, _ = world.pair()
    daemon = world.prepared()
    daemon.environment = {"WATCHDOG_USEC": "2000000"}
    daemon.start()
    daemon.wait_status("ok")
    lock = stuck_disk(world)
    try:
        primary.behaviour = 503
        seen, beats = primary.count(), world.notify.count("WATCHDOG=1")
        end = time.monotonic() + 5
        while time.monotonic() < end:
            asked = time.monotonic()
            assert daemon.serves() == [world.primary], "no swap without its intent on disk"
            assert time.monotonic() - asked < 0.5 * SLOW
            time.sleep(0.05)
        assert primary.count() >= seen + 4, "probing goes on"
        assert world.notify.count("WATCHDOG=1") >= beats + 3
    finally:
        lock.close()
    daemon.wait_serves(world.backup, seconds=20)
    daemon.wait_status("failover")


def test_many_services_are_served_at_once(world):
    """Two thousand names are answered within 2 s of the start, long before all of them have been probed."""
    world.pair()
    monitor = {"interval": "60s"}
    services = [world.service(f"n{i}.example.com", monitor=monitor) for i in range(2000)]
    daemon = world.prepared(world.service(monitor=monitor), *services)
    began = time.monotonic()
    daemon.start(ready=False)
    daemon.wait_serves(world.primary, "n1999.example.com", 2)
    assert time.monotonic() - began < 2 * SLOW
    assert daemon.serves("n0.example.com") == [world.primary]
    daemon.wait_ready()


def test_it_runs_with_few_descriptors(world):
    """A small open-file limit is read, not guessed: the service is still probed and served."""
    world.pair()
    daemon = world.prepared()
    daemon.wrapper = ["prlimit", "--nofile=256:256"]
    daemon.start()
    daemon.wait_status("ok")
    descriptors = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
    time_to_watch = 3 * INTERVAL
    always("descriptors do not grow", lambda: len(os.listdir(f"/proc/{daemon.process.pid}/fd")) <= descriptors + 8,
           time_to_watch)
    assert daemon.service()["fqdn"] == NAME


def test_a_reload_that_hangs_in_reading_holds_nothing_else_up(world):
    """A named pipe that nobody writes is what a dead mount is to its reader."""
    world.pair()
    daemon = world.settled()
    good = daemon.config_path.read_text()
    copy = world.dir / "good.yaml"
    copy.write_text(good)
    daemon.config_path.unlink()
    os.mkfifo(daemon.config_path)
    daemon.signal(signal.SIGHUP)
    wait_until("RELOADING=1", lambda: world.notify.count("RELOADING=1") > 0)
    assert daemon.ctl("plan", copy).returncode == 0
    assert "a reload is under way" in daemon.ctl("reload").stderr
    daemon.logged(r"HS1020 .*reload hangs", seconds=15)
    assert daemon.status() == "ok"

    daemon.config_path.write_text(good)  # the pipe is read, as a mount that came back
    daemon.logged(r"HS1021 ")
    daemon.config_path.unlink()
    os.mkfifo(daemon.config_path)
    daemon.signal(signal.SIGHUP)
    wait_until("RELOADING=1", lambda: world.notify.count("RELOADING=1") > 1)
    began = time.monotonic()
    daemon.stop()
    assert time.monotonic() - began < 5 * SLOW
