"""Each protocol against real servers: they are up, they are stopped, they are back, and each time the truth is told."""

import json
import os

import pytest
from harness import NAME, free_port, wait_until
from namespaces import ip, needs_root, sysctl
from servers import Nginx, Postfix, Sshd


def real(world, server):
    world.closing.append(server)
    return server.start()


def started(world, server, **monitor):
    """A daemon whose primary is the server, and whose backup is a site of another kind that stays up."""
    backup = world.site(world.backup)
    there = {"data": world.backup, "monitor": {
        "protocol": "HTTP" if monitor["protocol"] in ("TCP", "SMTP", "PING") else "TCP", "port": backup.port}}
    port = server.port if server else None
    return world.daemon(world.service(monitor={"port": port, "path": None, **monitor}, backups=[there]))


def settled(world, server, **monitor):
    daemon = started(world, server, **monitor)
    daemon.wait_status("ok")
    daemon.wait_serves(world.primary)
    return daemon


def last_attempt(daemon):
    return json.loads(daemon.ctl_ok("explain", NAME, "--json"))["targets"][0]["attempts"][-1]


def falls(daemon, world, failure, *words):
    """The swap to the backup, for the reason expected, in the same words wherever an operator looks."""
    daemon.wait_status("failover")
    daemon.wait_serves(world.backup)
    seen = last_attempt(daemon)
    assert (seen["verdict"], seen["class"]) == ("fail", failure), seen
    for word in words:
        assert word in seen["reason"], seen
        assert word in daemon.log()


def recovers(daemon, world):
    daemon.wait_status("ok")
    daemon.wait_serves(world.primary)
    assert last_attempt(daemon)["verdict"] == "pass"


def stopped_and_back(daemon, world, server):
    server.stop()
    falls(daemon, world, "connect", "connection refused", world.primary, str(server.port))
    server.start()
    recovers(daemon, world)


def test_http_of_nginx(world):
    server = real(world, Nginx(world.primary, free_port(world.primary)))
    daemon = settled(world, server, protocol="HTTP", path="/healthz", expected="all is well")
    stopped_and_back(daemon, world, server)


def test_https_of_nginx(world, certificates):
    tls = certificates["right.pem"], certificates["right.key"]
    server = real(world, Nginx(world.primary, free_port(world.primary), tls))
    daemon = settled(world, server, protocol="HTTPS", path="/healthz", expected="all is well",
                     tls={"ca_file": certificates["ca.pem"]})
    assert last_attempt(daemon)["tls_ms"] is not None
    stopped_and_back(daemon, world, server)

    server.stop()
    wrong = real(world, Nginx(world.primary, server.port, (certificates["wrong.pem"], certificates["wrong.key"])))
    falls(daemon, world, "tls", "certificate", NAME)
    wrong.stop()
    server.start()
    recovers(daemon, world)


def test_a_page_that_nginx_does_not_have(world):
    server = real(world, Nginx(world.primary, free_port(world.primary)))
    daemon = started(world, server, protocol="HTTP", path="/other")
    falls(daemon, world, "content", "404", "wanted 2xx")


@pytest.mark.skipif(os.geteuid() != 0, reason="a postfix of its own needs root")
def test_smtp_of_postfix(world):
    server = real(world, Postfix(world.primary, free_port(world.primary)))
    daemon = settled(world, server, protocol="SMTP", expected="mail.example.com ESMTP Postfix")
    stopped_and_back(daemon, world, server)
    wait_until("a QUIT is seen", lambda: "quit=1 commands=1" in server.output())


def test_tcp_of_sshd(world):
    server = real(world, Sshd(world.primary, free_port(world.primary)))
    daemon = settled(world, server, protocol="TCP")
    stopped_and_back(daemon, world, server)


@needs_root
def test_ping(alone, world):
    daemon = settled(world, None, protocol="PING", timeout="500ms")
    sysctl("net/ipv4/icmp_echo_ignore_all", 1)
    falls(daemon, world, "timeout", f"no echo reply from {world.primary} within 500 ms")
    sysctl("net/ipv4/icmp_echo_ignore_all", 0)
    recovers(daemon, world)


@needs_root
def test_the_right_to_ping_is_missed_at_once_and_taken_up_without_a_restart(alone, world):
    # In a new namespace ping_group_range lets nobody, and CAP_NET_RAW is taken away.
    site = world.site(world.backup)
    service = world.service(monitor={"protocol": "PING", "port": None, "path": None, "interval": "5s"}, backups=[
        {"data": world.backup, "monitor": {"protocol": "TCP", "port": site.port}}])
    daemon = world.prepared(service)
    daemon.wrapper = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", "--ambient-caps=-net_raw"]
    daemon.start()
    daemon.logged(r"HS1023 .*this process may not ping: give it CAP_NET_RAW, .*net\.ipv4\.ping_group_range", seconds=1)
    wait_until("a first round", lambda: "may not ping" in json.dumps(json.loads(daemon.ctl_ok("explain", NAME, "--json"))))
    daemon.reload()
    assert daemon.log().count("HS1023") == 2
    sysctl("net/ipv4/ping_group_range", "0 2147483647")
    daemon.wait_status("ok")
    daemon.reload()
    assert daemon.log().count("HS1023") == 2, "and it is said no more"


@needs_root
def test_ping_over_ipv6(alone, world):
    world.primary, world.backup = "::1", "fd00::2"
    ip("addr", "add", "fd00::2/128", "dev", "lo", "nodad")
    backup = world.site(world.backup)
    there = {"data": world.backup, "monitor": {"protocol": "HTTP", "port": backup.port}}
    monitor = {"protocol": "PING", "port": None, "path": None, "timeout": "500ms"}
    daemon = world.daemon(world.service(monitor=monitor, backups=[there]))

    def serves(address):
        wait_until(f"{address} is served", lambda: daemon.serves(kind="AAAA", timeout=0.5) == [address])

    daemon.wait_status("ok")
    serves("::1")
    sysctl("net/ipv6/icmp/echo_ignore_all", 1)
    daemon.wait_status("failover")
    serves("fd00::2")
    seen = last_attempt(daemon)
    assert (seen["verdict"], seen["class"]) == ("fail", "timeout")
    assert "no echo reply from ::1 within 500 ms" in seen["reason"]
    sysctl("net/ipv6/icmp/echo_ignore_all", 0)
    daemon.wait_status("ok")
    serves("::1")
