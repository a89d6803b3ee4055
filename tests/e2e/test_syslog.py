"""What the collector gets: all twelve tokens, the order of messages, `change` against `all`, and a real rsyslog."""

import re
import shutil
import socket
import subprocess
import time

import pytest

from harness import NAME, SLOW, wait_until

TOKENS = ("hos", "tim", "reg", "sta", "ser", "rda", "sit", "rti", "msg", "adr", "med", "rts")
ALL_TOKENS = "|".join(f"{name}=%{name}" for name in TOKENS) + "|odd=%xyz|percent=100%%"
INFO, WARNING, ERROR = 6, 4, 3


def to(syslog, **more):
    return {"server": syslog.address, "port": syslog.port, "probe_fmt": "probe %adr %sta", "status_fmt": "status %sta",
            **more}


def fields(message):
    kind, _, rest = message.partition("|")
    return kind, dict(part.split("=", 1) for part in rest.split("|"))


def test_every_token_is_filled_in(world):
    primary, _ = world.pair()
    syslog = world.syslog()
    daemon = world.settled(world.service(
        monitor={"retries": 1}, syslog=to(syslog, probe_fmt=f"P|{ALL_TOKENS}", status_fmt=f"S|{ALL_TOKENS}")))
    primary.behaviour = 503
    daemon.wait_status("failover")
    wait_until("failover is told", lambda: any("sta=failover" in m for m in syslog.messages()))
    told = [fields(message) for message in syslog.messages()]
    down = next(f for kind, f in told if kind == "P" and f["sta"] == "down")
    failover = next(f for kind, f in told if kind == "S" and f["sta"] == "failover")
    for values in (down, failover):
        assert values["hos"] == NAME
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", values["tim"])
        assert values["reg"] == "eu-west"
        assert values["odd"] == "%xyz" and values["percent"] == "100%"
    assert down["adr"] == world.primary
    assert down["sit"] == "ams1"
    assert failover["sit"] == "-"
    assert "503" in down["msg"]
    assert re.fullmatch(r"\d+(\.\d+)?", down["rti"])
    assert re.fullmatch(r"\d+(\.\d+)?", down["med"])
    assert re.fullmatch(r"\d+(\.\d+)?(, ?\d+(\.\d+)?)*", down["rts"])
    assert failover["rda"] == world.backup
    assert re.fullmatch(r"\d+", failover["ser"]) and int(failover["ser"]) > 0
    soa = daemon.ask("example.com", "SOA").answer[0][0]
    assert int(failover["ser"]) == soa.serial


def test_the_probe_is_told_before_the_status_it_causes(world):
    primary, _ = world.pair()
    syslog = world.syslog()
    daemon = world.settled(world.service(syslog=to(syslog)))
    wait_until("ok is told", lambda: "status ok" in syslog.messages())
    first = syslog.messages()
    assert first.index(f"probe {world.primary} up") < first.index("status ok")
    primary.behaviour = 503
    wait_until("failover is told", lambda: "status failover" in syslog.messages())
    primary.behaviour = "ok"
    wait_until("ok is told again", lambda: syslog.messages().count("status ok") == 2)
    told = syslog.messages()
    down = told.index(f"probe {world.primary} down")
    up = told.index(f"probe {world.primary} up", down)
    assert down < told.index("status failover") < up < len(told) - 1 - told[::-1].index("status ok")
    # Delivery is `change`: each state of an address once.
    assert told.count(f"probe {world.primary} down") == 1
    assert told.count(f"probe {world.primary} up") == 2
    assert told.count(f"probe {world.backup} up") == 1
    assert daemon.status() == "ok"


def test_all_tells_every_round(world):
    primary, _ = world.pair()
    syslog = world.syslog()
    world.settled(world.service(syslog=to(syslog, delivery="all")))
    wait_until("five rounds", lambda: primary.count() >= 5)
    wait_until("each is told", lambda: syslog.messages().count("status ok") >= 4)
    told = syslog.messages()
    assert told.count(f"probe {world.primary} up") >= 4
    assert told.count(f"probe {world.backup} up") >= 4


def test_priority_ident_and_built_in_formats(world):
    primary, backup = world.pair()
    syslog = world.syslog()
    daemon = world.settled(world.service(syslog={"server": syslog.address, "port": syslog.port, "ident": "dns-watch",
                                                 "facility": "local3"}))
    primary.behaviour = 503
    daemon.wait_status("failover")
    wait_until("failover is told", lambda: any(" status failover, serving " in m for m in syslog.messages()))
    backup.behaviour = 503
    wait_until("the backup is told", lambda: any(f"probe {world.backup} from ams1: down" in m
                                                 for m in syslog.messages()))
    local3 = 19
    for priority, ident, message in syslog.parsed():
        assert ident == "dns-watch"
        facility, severity = divmod(priority, 8)
        assert facility == local3
        probe = re.fullmatch(rf"\S+Z {re.escape(NAME)} probe (\S+) from ams1: (up|down|unk) \((\S+) ms\) .+", message)
        status = re.fullmatch(rf"\S+Z {re.escape(NAME)} status (ok|trouble|failover|unk), serving (\S+), serial (\d+)",
                              message)
        assert probe or status, message
        state = probe.group(2) if probe else status.group(1)
        assert severity == {"up": INFO, "ok": INFO, "trouble": WARNING, "down": ERROR, "failover": ERROR}.get(state, 5)


def test_what_a_site_says_cannot_forge_a_line(world):
    """Control characters of a site never come through, and what is in a value is not expanded again."""
    primary, _ = world.pair()
    syslog = world.syslog()
    daemon = world.settled(world.service(syslog=to(syslog, probe_fmt="P %msg")))
    primary.reason = "no\x1b[31m\r <11>%adr"
    primary.behaviour = 503
    daemon.wait_status("failover")
    wait_until("it is told", lambda: "status failover" in syslog.messages())
    assert len([m for m in syslog.messages() if m.startswith("P ")]) >= 3
    for text in syslog.texts():
        assert not re.search(r"[\x00-\x1f\x7f]", text), repr(text)
        assert f"<11>{world.primary}" not in text


def test_a_collector_that_is_away_gets_it_later_and_in_order(world):
    primary, _ = world.pair()
    syslog = world.syslog()
    daemon = world.settled(world.service(syslog=to(syslog)))
    wait_until("ok is told", lambda: "status ok" in syslog.messages())
    port = syslog.port
    syslog.close()
    world.closing.remove(syslog)
    # Nobody listens: the kernel says so (ICMP), which is noticed with the next message on a connected socket.
    primary.behaviour = 503
    daemon.wait_status("failover")
    assert daemon.serves() == [world.backup], "telling never holds a swap up"
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((syslog.address, port))
    listener.settimeout(0.2)
    primary.behaviour = "ok"
    daemon.wait_status("ok")
    end = time.monotonic() + 20 * SLOW
    got = []
    while time.monotonic() < end and not any(m.endswith("status ok") for m in got):
        try:
            got.append(listener.recv(4096).decode())
        except TimeoutError:
            pass
    listener.close()
    assert any(m.endswith("status ok") for m in got), got
    states = [m.rsplit(" ", 1)[1] for m in got if "status " in m]
    assert states == sorted(set(states), key=states.index), "nothing twice"


def test_rsyslog_receives_our_lines(world):
    """A real collector reads facility, severity and ident as we meant them."""
    if shutil.which("rsyslogd") is None:
        pytest.fail("rsyslogd is not installed: scripts/install-deps --test")
    primary, _ = world.pair()
    address, folder = world.address(5), world.dir / "rsyslog"
    folder.mkdir()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        port = probe.getsockname()[1]
    (folder / "rsyslog.conf").write_text(f"""\
global(workDirectory="{folder}")
module(load="imudp")
template(name="seen" type="string" string="%syslogfacility-text%|%syslogseverity-text%|%syslogtag%|%hostname%|%msg%\\n")
ruleset(name="in") {{ action(type="omfile" file="{folder}/seen.log" template="seen") }}
input(type="imudp" address="{address}" port="{port}" ruleset="in")
""")
    seen = folder / "seen.log"
    lines = lambda: seen.read_text().splitlines() if seen.exists() else []
    with open(folder / "out", "wb") as out:
        rsyslog = subprocess.Popen(["rsyslogd", "-n", f"-i{folder}/pid", "-f", folder / "rsyslog.conf"], stdout=out,
                                   stderr=out, stdin=subprocess.DEVNULL)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knock:
            def listens():
                assert rsyslog.poll() is None, (folder / "out").read_text()
                knock.sendto(b"<13>Jan  1 00:00:00 here knock: knock", (address, port))
                return lines()

            wait_until("rsyslog listens", listens, 20, every=0.2)
        daemon = world.settled(world.service(syslog={
            "server": address, "port": port, "ident": "dynect", "facility": "daemon", "probe_fmt": "probe %adr %sta",
            "status_fmt": "status %sta"}))
        primary.behaviour = 503
        daemon.wait_status("failover")
        wait_until("it was written", lambda: any("status failover" in line for line in lines()), 20)
    finally:
        rsyslog.terminate()
        rsyslog.wait(20)
    ours = [line.split("|") for line in lines() if "knock" not in line]
    assert [[f, s, t, m.strip()] for f, s, t, _, m in ours if "status" in m] == [
        ["daemon", "info", "dynect:", "status ok"], ["daemon", "err", "dynect:", "status failover"]]
    assert ["daemon", "err", "dynect:", f"probe {world.primary} down"] in [[f, s, t, m.strip()] for f, s, t, _, m in ours]
    assert all(host and " " not in host for _, _, _, host, _ in ours)
