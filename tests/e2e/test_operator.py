"""What the operator does by hand, what is refused, and what is told about it."""

import json
import re
import subprocess
import time

from harness import BIN, INTERVAL, NAME, always, run, wait_until


def rounds(site, count):
    seen = site.count()
    wait_until(f"{count} rounds", lambda: site.count() >= seen + count)


def test_force_failover_holds_until_recover(world):
    primary, _ = world.pair()
    daemon = world.settled()
    daemon.ctl_ok("force-failover", NAME, "--reason", "new rack on Tuesday")
    daemon.wait_serves(world.backup)
    assert daemon.service()["forced"]
    rounds(primary, 3)
    assert daemon.serves() == [world.backup], "a good primary does not end a forced state"
    explained = daemon.ctl_ok("explain", NAME)
    assert "new rack on Tuesday" in explained
    assert "forced" in explained
    daemon.ctl_ok("recover", NAME)
    daemon.wait_serves(world.primary)
    daemon.wait_status("ok")
    assert not daemon.service()["forced"]


def test_a_forced_state_ends_when_its_time_is_over(world):
    world.pair()
    daemon = world.settled()
    began = time.monotonic()
    daemon.ctl_ok("force-failover", NAME, "--for", "3s", "--reason", "a short look")
    daemon.wait_serves(world.backup)
    wait_until("the primary is back", lambda: daemon.serves() == [world.primary], 10)
    assert time.monotonic() - began >= 2.9
    daemon.wait_status("ok")
    assert not daemon.service()["forced"]


def test_when_a_forced_primary_is_over_nothing_speaks_of_it_any_more(world):
    world.pair()
    daemon = world.settled()
    daemon.ctl_ok("recover", NAME, "--for", "1s", "--reason", "just to be sure")
    wait_until("the operator's word is the reason", lambda: "just to be sure" in daemon.service()["reason"], every=0.005)
    wait_until("it is over", lambda: not daemon.service()["forced"])
    wait_until("the reason is the daemon's own", lambda: "operator" not in daemon.service()["reason"])


def test_a_forced_state_survives_kill_and_restart(world):
    world.pair()
    daemon = world.settled()
    daemon.ctl_ok("force-failover", NAME, "--reason", "outlives us")
    daemon.wait_serves(world.backup)
    daemon.kill()
    daemon.start()
    daemon.wait_serves(world.backup)
    assert daemon.service()["forced"]
    always("it stays", lambda: daemon.serves() == [world.backup], 2 * INTERVAL)
    assert "outlives us" in daemon.ctl_ok("explain", NAME)


def test_recover_with_the_primary_down_serves_it_until_the_next_round(world):
    """recover: the primary now, whatever the probes say; the next round may fail over again."""
    primary, _ = world.pair()
    daemon = world.settled(world.service(monitor={"interval": "3s"}))
    primary.behaviour = 503
    daemon.wait_serves(world.backup)
    daemon.wait_status("failover")
    rounds(primary, 1)
    daemon.ctl_ok("recover", NAME)
    wait_until("the primary is served", lambda: daemon.serves() == [world.primary], 3)
    wait_until("and fails over again", lambda: daemon.serves() == [world.backup], 15)


def test_observe_decides_and_never_writes(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(mode="observe"))
    primary.behaviour = 503
    daemon.wait_status("trouble")
    rounds(primary, 3)
    assert daemon.serves() == [world.primary]
    assert "observe" in daemon.ctl_ok("explain", NAME)


def test_deactivated_is_not_probed_and_left_as_it_is(world):
    primary, backup = world.pair()
    daemon = world.settled()
    primary.behaviour = 503
    daemon.wait_status("failover")
    daemon.ctl_ok("deactivate", NAME, "--reason", "not now")
    daemon.wait_status("unk")
    assert daemon.service()["active"] in (False, "N")
    seen = (primary.count(), backup.count())
    primary.behaviour = "ok"
    always("it is served as it was", lambda: daemon.serves() == [world.backup], 3 * INTERVAL)
    after = (primary.count(), backup.count())
    assert after[0] <= seen[0] + 1 and after[1] <= seen[1] + 1, "at most the round under way was finished"

    daemon.kill()
    daemon.start()
    always("a restart does not wake it", lambda: daemon.status() == "unk", 2 * INTERVAL)

    asked = primary.count()
    daemon.ctl_ok("activate", NAME)
    wait_until("the first round comes at once", lambda: primary.count() > asked, 0.8)
    daemon.wait_serves(world.primary)
    daemon.wait_status("ok")


def test_above_the_limit_of_swaps_it_holds_and_says_so_once(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(max_swaps_per_hour=2))
    primary.behaviour = 503
    daemon.wait_status("failover")
    primary.behaviour = "ok"
    daemon.wait_status("ok")
    primary.behaviour = 503
    daemon.wait_status("trouble")
    rounds(primary, 4)
    assert daemon.serves() == [world.primary]
    explained = daemon.ctl_ok("explain", NAME)
    assert "max_swaps_per_hour" in explained or re.search(r"swaps? .*hour", explained)
    assert re.search(r"HOLDS +swap-limit", explained), explained
    alarms = re.findall(r"^\S+ error HS\d{4} .*hour.*$", daemon.log(), re.M)
    assert len(alarms) == 1, alarms
    # A restart does not forget what was spent.
    daemon.kill()
    daemon.start()
    rounds(primary, 3)
    assert daemon.serves() == [world.primary]
    # The operator is not limited.
    daemon.ctl_ok("force-failover", NAME, "--reason", "I know better")
    daemon.wait_serves(world.backup)


def test_explain_shows_the_evidence_of_a_swap(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(monitor={"retries": 1}))
    calm = daemon.ctl_ok("explain", NAME)
    assert "maintenance" in calm and "HOLDS" not in calm, f"no guard stands in the way:\n{calm}"
    primary.behaviour = 503
    daemon.wait_status("failover")
    wait_until("the proof is in", lambda: daemon.service()["proof"] == "proved")
    explained = daemon.ctl_ok("explain", NAME)
    for word in (world.primary, world.backup, "503", f"{world.dns_address}:{world.dns_port}"):
        assert word in explained, f"{word} is missing in:\n{explained}"
    assert "proved" in explained
    assert isinstance(json.loads(daemon.ctl_ok("explain", NAME, "--json")), dict)


def test_explain_says_what_it_waits_for(world):
    primary, backup = world.pair()
    daemon = world.settled()
    backup.behaviour = 503
    primary.behaviour = 503
    daemon.wait_status("trouble")
    rounds(primary, 2)
    explained = daemon.ctl_ok("explain", NAME)
    assert re.search(r"wait|hold|held", explained), explained
    assert "on_all_down" in explained or "down" in explained


def test_history_tells_the_changes_in_order(world):
    primary, _ = world.pair()
    daemon = world.settled()
    primary.behaviour = 503
    daemon.wait_status("failover")
    primary.behaviour = "ok"
    daemon.wait_status("ok")
    history = daemon.ctl_ok("history", NAME)
    assert "failover" in history
    assert world.backup in history
    json.loads(daemon.ctl_ok("history", NAME, "--json"))


def test_status_has_the_promised_fields(world):
    world.pair()
    daemon = world.settled()
    service = daemon.service()
    assert {"zone", "fqdn", "status", "active", "serving", "primary", "backups", "forced", "drift", "proof", "since",
            "reason"} <= service.keys()
    assert service["zone"] == "example.com"
    assert world.primary in json.dumps(service["serving"])
    assert world.primary in json.dumps(service["primary"])
    assert world.backup in json.dumps(service["backups"])
    table = daemon.ctl_ok("status")
    assert NAME in table and "ok" in table and world.primary in table
    assert "\033" not in table, "colour only on a terminal"


def test_exit_statuses(world):
    primary, backup = world.pair()
    daemon = world.settled()
    assert daemon.ctl("status").returncode == 0
    assert daemon.ctl("status", "--exit-code").returncode == 0
    assert run([BIN / "hotswapctl", "status", "--json", "--socket", daemon.control]).returncode == 0, "options at the end"
    assert daemon.ctl("show", "nobody.example.com").returncode == 1
    assert daemon.ctl("recover", "nobody.example.com").returncode == 1
    assert daemon.ctl("no-such-command").returncode == 2
    assert daemon.ctl("show").returncode == 2
    assert daemon.ctl("status", "--no-such-option").returncode == 2
    assert daemon.ctl("force-failover", NAME, "--for", "soon").returncode == 2
    gone = run([BIN / "hotswapctl", "--socket", world.dir / "nobody.sock", "status"])
    assert gone.returncode == 1
    assert "nobody.sock" in gone.stderr
    backup.behaviour = primary.behaviour = 503
    daemon.wait_status("trouble")
    assert daemon.ctl("status").returncode == 0
    assert daemon.ctl("status", "--exit-code").returncode == 1


def test_watch_shows_changes_live(world):
    primary, _ = world.pair()
    daemon = world.settled()
    with open(world.dir / "watch.out", "wb") as out:
        watch = subprocess.Popen([BIN / "hotswapctl", "--socket", daemon.control, "watch"], stdout=out,
                                 stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        shown = lambda: (world.dir / "watch.out").read_text(errors="replace")
        wait_until("watch shows the service", lambda: NAME in shown())
        primary.behaviour = 503
        wait_until("watch shows the failover", lambda: "failover" in shown())
    finally:
        watch.terminate()
        watch.wait(10)


def test_plan_tells_what_a_reload_would_do(world):
    world.pair()
    daemon = world.settled()
    changed = world.config(world.service(recovery_delay=7), world.service("new.example.com"))
    (world.dir / "next.yaml").write_text(json.dumps(changed))
    plan = daemon.ctl_ok("plan", world.dir / "next.yaml")
    assert "new.example.com" in plan and "add" in plan
    assert NAME in plan and "recovery_delay" in plan
    assert list(daemon.services()) == [NAME], "a plan changes nothing"
    (world.dir / "bad.yaml").write_text("services: 7\n")
    bad = daemon.ctl("plan", world.dir / "bad.yaml")
    assert bad.returncode == 1
    assert re.search(r"bad\.yaml:1:\d+: error:", bad.stdout + bad.stderr)


def test_names_are_known_in_any_case_and_with_a_final_dot(world):
    world.pair()
    daemon = world.settled()
    assert NAME in daemon.ctl_ok("show", "WWW.Example.COM.")


def test_versions():
    for program in ("hotswapd", "hotswapctl"):
        done = run([BIN / program, "--version"])
        assert done.returncode == 0
        assert re.search(rf"{program} \d+\.\d+\.\d+ .*([0-9a-f]{{7,}}|unknown)", done.stdout), done.stdout
