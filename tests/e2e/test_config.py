"""Bad configurations start nothing and say where; --check; what a reload touches and what it leaves alone."""

import re

import pytest
import yaml

from harness import BIN, INTERVAL, NAME, SLOW, always, run, wait_until

LOCATED = r":(\d+):(\d+): error: "


def check(world, text, name="given.yaml"):
    path = world.dir / name
    path.write_text(text if isinstance(text, str) else yaml.safe_dump(text, sort_keys=False, width=4096))
    return path, run([BIN / "hotswapd", "--check", "--config", path])


def test_check_of_a_good_file_prints_the_worst_case(world):
    world.pair()
    _, done = check(world, world.config(world.service(monitor={"interval": "10s", "retries": 2, "timeout": 3}, ttl=5)))
    assert done.returncode == 0, done.stdout + done.stderr
    line = next(line for line in done.stdout.splitlines() if NAME in line)
    # attempts x timeout + interval + ttl = 3 x 3 + 10 + 5, and the provider on top.
    seconds = [float(found) for found in re.findall(r"(\d+(?:\.\d+)?) ?s\b", line)]
    assert any(24 <= value <= 40 for value in seconds), line
    assert "caches may add" in done.stdout.lower()


def test_check_reads_standard_input(world):
    world.pair()
    text = yaml.safe_dump(world.config(), sort_keys=False)
    assert run([BIN / "hotswapd", "--check", "--config", "/dev/stdin"], input=text).returncode == 0
    bad = run([BIN / "hotswapd", "--check", "--config", "/dev/stdin"], input=text + "nonsense: 1\n")
    assert bad.returncode == 1
    assert re.search(rf"^/dev/stdin:{text.count(chr(10)) + 1}:1: error: nonsense: ", bad.stderr + bad.stdout, re.M)


def test_check_opens_nothing_else(world):
    """It validates beside a running daemon on the same ports, state and socket, and leaves no trace."""
    world.pair()
    daemon = world.settled()
    before = sorted(path.name for path in (world.dir / "state").iterdir())
    assert run([BIN / "hotswapd", "--check", "--config", daemon.config_path]).returncode == 0
    assert sorted(path.name for path in (world.dir / "state").iterdir()) == before
    assert daemon.status() == "ok"


def test_usage(world):
    for words in (["--no-such-option"], ["--check"], [], ["--config"]):
        assert run([BIN / "hotswapd", *words]).returncode == 2, words
    missing = run([BIN / "hotswapd", "--check", "--config", world.dir / "nowhere.yaml"])
    assert missing.returncode == 1
    assert "nowhere.yaml" in missing.stderr


BROKEN = {
    "not YAML": ("services: [\n", r"given\.yaml:\d+:\d+: error: "),
    "unknown key": ("services: []\nservice: 1\n", r"given\.yaml:2:1: error: service: "),
    "duplicate key": ("services: []\nservices: []\n", r"given\.yaml:2:1: error: services: .*(twice|duplicate)"),
    "wrong type": ("services: 7\n", r"given\.yaml:1:11: error: services: "),
    "no file but a list": ("- 1\n", r"given\.yaml:1:1: error: "),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_located(world, name):
    text, expected = BROKEN[name]
    _, done = check(world, text)
    assert done.returncode == 1
    assert re.search(expected, done.stderr + done.stdout), done.stderr + done.stdout


def test_broken_services_are_located_all_at_once(world):
    world.pair()
    text = """\
providers: {here: {type: embedded, zones: {example.com: {ns: [ns1.example.com], rname: h@example.com}}}}
dns_listen: [127.0.0.1:5300]
services:
  - zone: example.com
    fqdn: www.example.com
    address: 127.0.0.10
    failover_mode: ip
    failover_data: 127.0.0.20
    ttl: 31
    provider: there
    contact_nickname: nobody
    monitor: {protocol: HTTP, interval: 1, retries: -1, timeout: 5x}
    recovery_dely: 2
"""
    path, done = check(world, text)
    assert done.returncode == 1
    said = done.stderr + done.stdout
    for line, what in ((9, "ttl"), (10, "provider"), (11, "contact_nickname"), (12, "retries"), (12, "timeout"),
                       (13, "recovery_dely")):
        assert re.search(rf"^{re.escape(str(path))}:{line}:\d+: error: services\[0\]\S*{what}: ", said, re.M), \
            f"{what} in line {line} is missing in:\n{said}"


def test_a_bad_file_starts_nothing(world):
    world.pair()
    daemon = world.prepared()
    daemon.write({**world.config(), "nonsense": 1})
    daemon.start(ready=False)
    assert daemon.process.wait(10) == 1
    assert re.search(r"hotswapd\.yaml" + LOCATED + "nonsense: ", daemon.log())
    assert not daemon.control.exists()
    assert list((world.dir / "state").iterdir()) == []
    world.daemons.remove(daemon)


def test_embedded_without_dns_listen_is_refused(world):
    world.pair()
    config = world.config()
    del config["dns_listen"]
    _, done = check(world, config)
    assert done.returncode == 1
    assert "dns_listen" in done.stderr + done.stdout


def test_a_bad_reload_is_located_and_changes_nothing(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(recovery_delay=2))
    good = daemon.config
    text = yaml.safe_dump(good, sort_keys=False, width=4096)
    daemon.write(text + "nonsense: 1\n")
    daemon.reload()
    line = text.count("\n") + 1
    daemon.logged(re.escape(str(daemon.config_path)) + rf":{line}:1: error: nonsense: ")
    assert daemon.status() == "ok"
    primary.behaviour = 503
    daemon.wait_serves(world.backup)
    done = daemon.ctl("reload")
    assert done.returncode == 1
    assert re.search(LOCATED + "nonsense: ", done.stdout + done.stderr)
    daemon.config_path.unlink()
    done = daemon.ctl("reload")
    assert done.returncode == 1
    assert "hotswapd.yaml" in done.stdout + done.stderr
    assert daemon.status() == "failover"
    daemon.write(good)
    daemon.ctl_ok("reload")


def test_a_reload_touches_only_what_changed(world):
    primary, _ = world.pair()
    other = world.site(world.third)
    fallen = world.service("fallen.example.com", address=world.third, auto_recover=False)
    going, changing = world.service("going.example.com"), world.service("changing.example.com", recovery_delay=1)
    daemon = world.settled(world.service(), fallen, going, changing)
    other.behaviour = 503
    daemon.wait_status("failover", "fallen.example.com")
    # The first round comes at once, the second is the first one on the grid.
    wait_until("two rounds on the grid", lambda: other.count() >= 3)
    before = daemon.services()
    asked = other.count()

    daemon.write(world.config(world.service(), fallen, {**changing, "recovery_delay": 5},
                              world.service("coming.example.com")))
    daemon.reload()
    wait_until("the new service is there", lambda: "coming.example.com" in daemon.services())
    daemon.wait_serves(world.primary, "coming.example.com")
    daemon.wait_status("ok", "coming.example.com")
    after = daemon.services()
    assert set(after) == {NAME, "fallen.example.com", "changing.example.com", "coming.example.com"}
    for name in (NAME, "fallen.example.com"):
        assert after[name]["status"] == before[name]["status"]
        assert after[name]["since"] == before[name]["since"]
    assert daemon.serves("fallen.example.com") == [world.backup], "a service in failover stays there"
    assert daemon.status("changing.example.com") in ("ok", "unk")
    daemon.wait_status("ok", "changing.example.com")
    assert "5" in daemon.ctl_ok("show", "changing.example.com")
    # The grid of what was not touched goes on: no extra round at the reload, none left out.
    wait_until("two rounds after the reload", lambda: other.count() >= asked + 2)
    times = other.times()[1:]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert 0.5 * INTERVAL < min(gaps) and max(gaps) < 1.5 * INTERVAL * SLOW, gaps
    always("nothing moves afterwards", lambda: daemon.serves("fallen.example.com") == [world.backup], INTERVAL)


def test_a_reload_may_change_the_backup_of_a_service_in_failover(world):
    primary, _ = world.pair()
    world.site(world.third)
    daemon = world.settled(world.service(auto_recover=False))
    primary.behaviour = 503
    daemon.wait_status("failover")
    daemon.write(world.config(world.service(auto_recover=False, failover_data=world.third)))
    daemon.reload()
    daemon.wait_serves(world.third)
    assert daemon.status() == "failover"


def test_keys_of_features_to_come_are_known_and_warned_of(world):
    world.pair()
    config = world.config(world.service(), drill_policy={"enabled": False})
    _, done = check(world, config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"given\.yaml:\d+:\d+: warning: drill_policy\b.*not built yet", done.stdout + done.stderr)


def test_the_environment_fills_in(world):
    world.pair()
    config = world.config(site={"code": "${HS_TEST_SITE}", "region": "r"})
    path = world.dir / "given.yaml"
    path.write_text(yaml.safe_dump(config))
    assert run(["env", "HS_TEST_SITE=xyz", BIN / "hotswapd", "--check", "--config", path]).returncode == 0
    unset = run(["env", "-u", "HS_TEST_SITE", BIN / "hotswapd", "--check", "--config", path])
    assert unset.returncode == 1
    assert "HS_TEST_SITE" in unset.stderr + unset.stdout
