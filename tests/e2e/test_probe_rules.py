"""What the daemon keeps to while it probes: the probe policy and its reload, slow targets, certificates near their end."""

import json
import time

from harness import INTERVAL, NAME, SLOW, always, wait_until


def target(daemon, role="primary"):
    return next(t for t in json.loads(daemon.ctl_ok("show", NAME, "--json"))["targets"] if t["role"] == role)


def test_a_reload_of_the_probe_policy_takes_effect_and_moves_nothing(world):
    primary, _ = world.pair()
    daemon = world.settled()
    denied = {"deny": [f"{world.primary}/32"]}
    daemon.write(daemon.config | {"probe_policy": denied})
    daemon.reload()
    wait_until("the primary is denied", lambda: target(daemon)["reason"] ==
               f"denied by probe_policy ({world.primary}/32): {world.primary}")
    assert target(daemon)["verdict"] == "inconclusive" and target(daemon)["class"] == "local"
    seen = primary.count()
    always("traffic stays", lambda: daemon.serves() == [world.primary], 3 * INTERVAL)
    assert primary.count() == seen, "a denied address is not touched"
    daemon.write(daemon.config | {"probe_policy": denied | {"allow": ["127.0.0.0/8"]}})
    daemon.reload()
    wait_until("it is probed again", lambda: target(daemon)["verdict"] == "pass")
    assert primary.count() > seen


def test_a_slow_target_is_shown_and_told_and_stays(world):
    primary, _ = world.pair()
    pause = 0.0
    answer = primary._remember

    def slowly(head):
        time.sleep(pause)
        return answer(head)

    primary._remember = slowly
    limit = int(300 * SLOW)
    daemon = world.settled(world.service(monitor={"timeout": "10s", "degraded": {"latency_above": f"{limit}ms"}}))
    assert daemon.service()["degraded"] == []
    assert not target(daemon)["degraded"]
    pause = 0.4 * SLOW
    daemon.logged(rf"HS1130 .*primary {world.primary} is degraded: .* more than {limit} ms")
    wait_until("it is shown", lambda: daemon.service()["degraded"] == ["primary"])
    assert "answers slowly" in daemon.ctl_ok("status")
    assert "degraded" in daemon.ctl_ok("explain", NAME)
    always("traffic stays", lambda: daemon.serves() == [world.primary] and daemon.status() == "ok", 2 * INTERVAL)
    pause = 0.0
    daemon.logged(r"HS1131 .*degraded no more", seconds=10)
    assert daemon.service()["degraded"] == []


def test_a_certificate_near_its_end_is_told_once_and_shown(world, certificates):
    """Those of the tests end in 30 days."""
    pair = (certificates["right.pem"], certificates["right.key"])
    world.pair(tls=pair)
    tls = {"ca_file": certificates["ca.pem"], "warn_expiry": "31d"}
    daemon = world.settled(world.service(monitor={"protocol": "HTTPS", "tls": tls}))
    daemon.logged(rf"HS1132 .*certificate of primary {world.primary} ends on 20")
    assert target(daemon)["certificate_ends_soon"] and target(daemon)["certificate_ends"]
    assert "its certificate ends:" in daemon.ctl_ok("show", NAME)
    rounds = json.loads(daemon.ctl_ok("show", NAME, "--json"))["rounds"]
    # Past the full handshake after nine short ones.
    wait_until("more rounds", lambda: json.loads(daemon.ctl_ok("show", NAME, "--json"))["rounds"] > rounds + 11, 30)
    assert daemon.log().count(f"HS1132 certificate near its end service={NAME} the certificate of primary") == 1
    assert daemon.status() == "ok"
