"""The main job: a primary that is really down is swapped for its backup in time, and comes back when it has recovered."""

import datetime
import re
import time

import dns.flags
import pytest

from harness import INTERVAL, NAME, SLOW, always, wait_until


class Watch:
    """When DNS first served something, seen by asking every 10 ms."""

    def __init__(self, daemon):
        self.daemon = daemon

    def first(self, address, seconds=15):
        wait_until(f"DNS serves {address}", lambda: self.daemon.serves() == [address], seconds, every=0.01)
        return time.monotonic()


def down(site, how):
    if how == "refused":
        site.stop()
    else:
        site.behaviour = how


@pytest.mark.parametrize("how, limit", [("refused", 4.0), (503, 4.0), ("reset", 4.0), ("silent", 4.5)])
def test_dns_serves_the_backup_within_4_seconds(world, how, limit):
    """interval 2s, retries 1, timeout 1s: at most one interval and two attempts. A silent site needs all of that."""
    primary, _ = world.pair()
    monitor = {"interval": "2s", "retries": 1, "timeout": 1}
    daemon = world.settled(world.service(monitor=monitor))
    began = time.monotonic()
    down(primary, how)
    taken = Watch(daemon).first(world.backup) - began
    assert taken < limit + 2 * (SLOW - 1)
    daemon.wait_status("failover")


def test_the_record_carries_our_ttl_and_the_serial_rises_with_a_swap(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(ttl=7, monitor={"interval": "15s"}))

    def serial():
        return daemon.ask("example.com", "SOA").answer[0][0].serial

    answer = daemon.ask()
    assert answer.flags & dns.flags.AA
    assert answer.answer[0].ttl == 7
    before = serial()
    daemon.ctl_ok("force-failover", NAME, "--reason", "to see the serial")
    daemon.wait_serves(world.backup)
    assert daemon.ask().answer[0].ttl == 7
    assert serial() > before


def test_one_failed_attempt_is_not_down_when_the_retry_passes(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(monitor={"retries": 1}))
    primary.script = [503, "ok", 503, "ok"]
    wait_until("two rounds of two attempts", lambda: not primary.script)
    seen = primary.count()
    wait_until("two more rounds", lambda: primary.count() >= seen + 2)
    assert daemon.serves() == [world.primary]
    assert daemon.status() == "ok"


def test_the_primary_returns_with_the_second_good_round_and_not_before(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(recovery_delay=2, monitor={"interval": "2s"}))
    primary.behaviour = 503
    daemon.wait_serves(world.backup)
    daemon.wait_status("failover")
    # The state holds for a while: S9 lets no swap go back at once, which is not what is tested here.
    seen = primary.count()
    wait_until("two bad rounds in failover", lambda: primary.count() >= seen + 2)

    good_from = primary.count()
    primary.behaviour = "ok"
    back = Watch(daemon).first(world.primary, 15)
    good = primary.times()[good_from:]
    assert len(good) >= 2, "it came back before the second good round"
    assert back >= good[1]
    assert back - good[1] < 2.0, "the second good round did not bring it back"
    assert len(good) == 2
    daemon.wait_status("ok")


def test_a_bad_round_starts_the_count_of_good_ones_anew(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(recovery_delay=3))
    primary.behaviour = 503
    daemon.wait_status("failover")
    primary.script = ["ok", "ok", 503, "ok", "ok"]
    wait_until("the script has been played", lambda: not primary.script, 15)
    assert daemon.serves() == [world.backup], "two good rounds after a bad one are not three"
    primary.behaviour = "ok"
    daemon.wait_serves(world.primary)


def test_fall_asks_for_so_many_bad_rounds(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(monitor={"fall": 3}))
    primary.script = [503, 503, "ok", 503, 503]
    primary.behaviour = 503
    wait_until("the script has been played", lambda: not primary.script, 15)
    swapped_at = Watch(daemon).first(world.backup)
    bad = primary.times()[-3:]
    assert swapped_at >= bad[2]
    assert swapped_at - bad[2] < INTERVAL + SLOW
    assert primary.count() >= 6, "the good round in between starts the count anew"


def test_without_auto_recover_nothing_moves_until_recover(world):
    primary, _ = world.pair()
    daemon = world.settled(world.service(auto_recover=False))
    primary.behaviour = 503
    daemon.wait_status("failover")
    primary.behaviour = "ok"
    seen = primary.count()
    wait_until("four good rounds", lambda: primary.count() >= seen + 4)
    assert daemon.serves() == [world.backup]
    assert daemon.status() == "failover"
    daemon.ctl_ok("recover", NAME)
    daemon.wait_serves(world.primary)
    daemon.wait_status("ok")


def test_both_down_moves_nothing(world):
    primary, backup = world.pair()
    daemon = world.settled()
    backup.behaviour = 503
    seen = backup.count()
    wait_until("the backup was found down", lambda: backup.count() >= seen + 2)
    assert daemon.status() == "ok", "a backup that is down is no trouble while the primary is fine"
    primary.behaviour = 503
    seen = primary.count()
    wait_until("four bad rounds", lambda: primary.count() >= seen + 4)
    assert daemon.serves() == [world.primary]
    assert daemon.status() == "trouble"
    backup.behaviour = "ok"
    daemon.wait_serves(world.backup)
    daemon.wait_status("failover")


def test_both_down_in_failover_holds_the_backup(world):
    primary, backup = world.pair()
    daemon = world.settled()
    primary.behaviour = 503
    daemon.wait_status("failover")
    backup.behaviour = 503
    seen = backup.count()
    wait_until("four bad rounds", lambda: backup.count() >= seen + 4)
    assert daemon.serves() == [world.backup]
    assert daemon.status() == "failover"


def test_on_all_down_primary_puts_the_primary_back(world):
    primary, backup = world.pair()
    daemon = world.settled(world.service(on_all_down="primary"))
    primary.behaviour = 503
    daemon.wait_status("failover")
    backup.behaviour = 503
    daemon.wait_serves(world.primary)
    daemon.wait_status("trouble")


def test_the_first_healthy_backup_of_the_list_is_taken(world):
    primary, second = world.pair()
    third = world.site(world.third)
    backups = [{"mode": "ip", "data": world.backup}, {"mode": "ip", "data": world.third}]
    daemon = world.settled(world.service(backups=backups))
    assert daemon.service()["backups"], "the list is shown"
    second.behaviour = 503
    seen = second.count()
    wait_until("the first backup was found down", lambda: second.count() >= seen + 2)
    primary.behaviour = 503
    daemon.wait_serves(world.third)
    daemon.wait_status("failover")
    assert third.count() > 0


def test_a_backup_that_dies_gives_way_to_the_next(world):
    primary, second = world.pair()
    world.site(world.third)
    backups = [{"mode": "ip", "data": world.backup}, {"mode": "ip", "data": world.third}]
    daemon = world.settled(world.service(backups=backups))
    primary.behaviour = 503
    daemon.wait_serves(world.backup)
    second.behaviour = 503
    daemon.wait_serves(world.third)
    assert daemon.status() == "failover"


def test_an_unprobed_backup_needs_other_proof_of_our_own_link(world):
    """monitor: none and nothing else up: nobody can tell their trouble from ours, so nothing moves."""
    primary, _ = world.pair()
    backups = [{"mode": "ip", "data": world.backup, "monitor": "none"}]
    other = world.service("other.example.com", address=world.third, failover_data=world.address(6))
    third = world.site(world.third)
    daemon = world.settled(world.service(backups=backups), other)
    third.stop()
    daemon.wait_status("trouble", "other.example.com")
    seen = primary.count()
    wait_until("an interval without any other target up", lambda: primary.count() >= seen + 3)
    primary.stop()
    daemon.wait_status("trouble")
    always("nothing moves", lambda: daemon.serves() == [world.primary], 3 * INTERVAL)
    third.start()
    daemon.wait_serves(world.backup)


def test_cname_mode_serves_the_backup_name(world):
    primary, _ = world.pair()
    service = world.service(failover_mode="cname", failover_data="localhost.")
    daemon = world.daemon(service)
    daemon.wait_serves(world.primary)
    # localhost is 127.0.0.1, where no site of ours is: the backup is down and nothing may move.
    primary.behaviour = 503
    daemon.wait_status("trouble")
    assert daemon.serves() == [world.primary]
    daemon.ctl_ok("force-failover", NAME, "--reason", "the name must be served")
    wait_until("the CNAME is served", lambda: daemon.serves() == ["localhost."])
    daemon.ctl_ok("recover", NAME)
    daemon.wait_serves(world.primary)


def test_the_text_expected_decides(world):
    primary, _ = world.pair(body="the word is swordfish\n")
    daemon = world.settled(world.service(monitor={"expected": "swordfish"}))
    primary.body = "nothing to see\n"
    daemon.wait_serves(world.backup)
    explained = daemon.ctl_ok("explain", NAME)
    assert "content" in explained or "expected" in explained


def test_host_path_and_headers_are_sent(world):
    primary, _ = world.pair()
    world.settled(world.service(monitor={"path": "/healthz?x=1", "host": "front.example.net",
                                         "header": "X-Probe: hotswapd\nAccept: text/plain"}))
    head = primary.requests[0][1]
    assert head.startswith("GET /healthz?x=1 HTTP/1.1\r\n")
    assert "\r\nHost: front.example.net\r\n" in head
    assert "\r\nX-Probe: hotswapd\r\n" in head
    assert "\r\nAccept: text/plain\r\n" in head


def test_https_checks_the_certificate(world, certificates):
    right = (certificates["right.pem"], certificates["right.key"])
    wrong = (certificates["wrong.pem"], certificates["wrong.key"])
    primary, _ = world.pair(tls=right)
    monitor = {"protocol": "HTTPS", "tls": {"ca_file": certificates["ca.pem"]}, "timeout": 2}
    daemon = world.settled(world.service(monitor=monitor))
    primary.use_certificate(*wrong)
    daemon.wait_serves(world.backup)
    explained = daemon.ctl_ok("explain", NAME)
    assert "tls" in explained.lower() or "certificate" in explained.lower()


def test_tcp_probes_a_connection(world):
    primary, _ = world.pair(talk=False)
    daemon = world.settled(world.service(monitor={"protocol": "TCP", "path": None}))
    primary.stop()
    daemon.wait_serves(world.backup)
    primary.start()
    daemon.wait_serves(world.primary)


def test_the_primary_is_probed_at_probe_address(world):
    world.site(world.backup)
    inner = world.site(world.third)
    daemon = world.settled(world.service(probe_address=world.third))
    inner.stop()
    daemon.wait_serves(world.backup)


def test_nothing_moves_in_maintenance(world):
    primary, _ = world.pair()
    now = datetime.datetime.now(datetime.timezone.utc)
    moments = {"from": now - datetime.timedelta(hours=1), "to": now + datetime.timedelta(hours=1)}
    window = {key: moment.strftime("%Y-%m-%dT%H:%M:%SZ") for key, moment in moments.items()}
    daemon = world.settled(world.service(maintenance=[{**window, "swaps": False}]))
    primary.behaviour = 503
    daemon.wait_status("trouble")
    seen = primary.count()
    wait_until("three bad rounds", lambda: primary.count() >= seen + 3)
    assert daemon.serves() == [world.primary]
    explained = daemon.ctl_ok("explain", NAME)
    assert re.search(r"HOLDS +maintenance", explained), explained


def test_a_neighbour_in_trouble_is_no_trouble_of_ours(world):
    """One service's silent primary delays neither the probes nor the swap of another."""
    primary, _ = world.pair()
    silent = world.site(world.third)
    silent.behaviour = "silent"
    slow = [world.service(f"slow{i}.example.com", address=world.third, monitor={"timeout": 5}) for i in range(20)]
    daemon = world.settled(world.service(), *slow)
    primary.behaviour = 503
    began = time.monotonic()
    daemon.wait_serves(world.backup)
    assert time.monotonic() - began < 2.5 * INTERVAL * SLOW


def test_rounds_keep_their_rate(world):
    """Fixed rate: the time a probe takes does not add up. Ten rounds of 1 s take nine seconds and no more."""
    primary, _ = world.pair()
    daemon = world.settled()
    seen = primary.count()
    wait_until("nine rounds on the grid", lambda: primary.count() >= seen + 9, 12)
    times = primary.times()[seen:seen + 9]
    assert abs((times[-1] - times[0]) - 8 * INTERVAL) < 0.3 * SLOW
    assert daemon.status() == "ok"
