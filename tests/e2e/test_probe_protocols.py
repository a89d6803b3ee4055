"""hotswapctl probe of each protocol against real servers, up and stopped, and the times that it tells."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import dns.message
import dns.rrset
import pytest
from harness import NAME, SLOW, free_port, wait_until
from namespaces import needs_root, sysctl
from probing import ADDRESS, TIMEOUT, Hostile, assert_at_deadline, page, probe, verdict
from servers import Nginx, Postfix, Sshd

AT_ONCE = 1.0 * SLOW  # a verdict that waits for nothing, the start of the program included


@contextlib.contextmanager
def real(server):
    try:
        yield server.start()
    finally:
        server.close()


def refused(protocol, server, *words):
    """What is said of it when it is stopped, at once."""
    server.stop()
    code, data, took = probe(protocol, server.address, "--port", server.port, *words)
    assert (code, data["verdict"], data["class"]) == (1, "fail", "connect")
    assert data["reason"] == f"connection refused by {server.address} port {server.port}"
    assert took < AT_ONCE


def times(data, took):
    """Those of the one attempt in their order, of which none is later than the whole; None where there was no such phase."""
    attempt, = data["attempts"]
    told = [attempt[f"{phase}_ms"] for phase in ("resolve", "connect", "tls", "first_byte", "total")]
    passed = [time for time in told if time is not None]
    assert passed == sorted(passed) and 0 <= passed[0] and passed[-1] <= 1000 * took, attempt
    return told


def assert_page(text, head, attempt, *phases):
    told = ", ".join(rf"{phase} \d+(\.\d+)? ms" for phase in phases)
    assert re.match(rf"{re.escape(f'{head} 1. {attempt}')} {told}( the certificate ends: .*)?$", text), text


def test_nginx():
    with real(Nginx(ADDRESS, free_port(ADDRESS))) as server:
        at = [ADDRESS, "--port", server.port, "--path", "/healthz", "--expected", "all is well"]
        code, data, took = probe("HTTP", *at)
        assert (code, data["verdict"]) == (0, "pass")
        resolve, connect, tls, first_byte, _ = times(data, took)
        assert resolve is None and tls is None and None not in (connect, first_byte)
        assert_page(page("HTTP", *at), f"HTTP {ADDRESS} port {server.port}: pass", "pass: HTTP 200",
                    "connected", "first byte", "total")
        assert verdict("SMTP", *at[:3], "--timeout", "300ms") == \
            "fail timeout no answer within 300 ms after connecting (waiting for the SMTP greeting)"
        refused("HTTP", server, "--path", "/healthz")


def test_nginx_over_tls(certificates):
    with real(Nginx(ADDRESS, free_port(ADDRESS), (certificates["right.pem"], certificates["right.key"]))) as server:
        at = [ADDRESS, "--port", server.port, "--path", "/healthz", "--host", NAME, "--tls-ca-file", certificates["ca.pem"]]
        code, data, took = probe("HTTPS", *at)
        assert (code, data["verdict"]) == (0, "pass")
        assert times(data, took)[0] is None and None not in times(data, took)[1:]
        text = page("HTTPS", *at)
        assert_page(text, f"HTTPS {ADDRESS} port {server.port}: pass", "pass: HTTP 200",
                    "connected", "TLS", "first byte", "total")
        assert "the certificate ends: " in text
        refused("HTTPS", server, *at[3:])


@pytest.mark.skipif(os.geteuid() != 0, reason="a postfix of its own needs root")
def test_postfix():
    with real(Postfix(ADDRESS, free_port(ADDRESS))) as server:
        at = [ADDRESS, "--port", server.port]
        code, data, took = probe("SMTP", *at, "--expected", "mail.example.com ESMTP Postfix")
        assert (code, data["verdict"], data["reason"]) == (0, "pass", "SMTP 220")
        resolve, connect, tls, first_byte, _ = times(data, took)
        assert resolve is None and tls is None and None not in (connect, first_byte)
        wait_until("a polite end is seen", lambda: "quit=1 commands=1" in server.output())
        assert_page(page("SMTP", *at), f"SMTP {ADDRESS} port {server.port}: pass", "pass: SMTP 220",
                    "connected", "first byte", "total")
        assert verdict("SMTP", *at, "--expected", "Exim") == \
            'fail content SMTP 220 without the text "Exim" in the greeting'
        assert verdict("TCP", *at) == "pass none connected"
        assert verdict("HTTP", *at).startswith('fail protocol malformed status line "220 mail.example.com ESMTP')
        refused("SMTP", server)


def test_sshd():
    with real(Sshd(ADDRESS, free_port(ADDRESS))) as server:
        at = [ADDRESS, "--port", server.port]
        code, data, took = probe("TCP", *at)
        assert (code, data["verdict"], data["reason"]) == (0, "pass", "connected")
        resolve, connect, tls, first_byte, _ = times(data, took)
        assert connect is not None and (resolve, tls, first_byte) == (None, None, None)
        assert_page(page("TCP", *at), f"TCP {ADDRESS} port {server.port}: pass", "pass: connected", "connected", "total")
        assert verdict("SMTP", *at).startswith(
            'fail protocol the answer is no SMTP greeting, it begins with "SSH-2.0-OpenSSH')
        assert verdict("HTTP", *at).startswith('fail protocol malformed status line "SSH-2.0-OpenSSH')
        assert verdict("HTTPS", *at) == "fail protocol the answer is no TLS (a plain-text server on this port?)"
        refused("TCP", server)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_plain_port(address):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as listener:
        listener.bind((address, 0))
        at = ["TCP", address, "--port", listener.getsockname()[1]]
        assert verdict(*at) == f"fail connect connection refused by {address} port {at[-1]}"
        listener.listen(0)  # the kernel answers; nobody accepts
        assert verdict(*at) == "pass none connected"
        # Where its queue is full, the kernel drops what comes.
        with contextlib.ExitStack() as fillers:
            for _ in range(4):
                filler = fillers.enter_context(socket.socket(listener.family))
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            code, data, _ = probe(*at, "--timeout", f"{TIMEOUT * 1000:.0f}ms")
            assert code == 1
            assert f"{data['verdict']} {data['class']} {data['reason']}" == \
                f"fail timeout no connection to {address} port {at[-1]} within 700 ms"
            assert_at_deadline(data)


IGNORES = {"127.0.0.1": "net/ipv4/icmp_echo_ignore_all", "::1": "net/ipv6/icmp/echo_ignore_all"}


@pytest.mark.parametrize("address", IGNORES)
@needs_root
def test_ping(alone, address):
    code, data, took = probe("PING", address)
    assert (code, data["verdict"], data["class"], data["reason"]) == (0, "pass", "none", "echo reply")
    resolve, connect, tls, first_byte, _ = times(data, took)
    assert first_byte is not None and (resolve, connect, tls) == (None, None, None)
    assert_page(page("PING", address), f"PING {address}: pass", "pass: echo reply", "first byte", "total")
    sysctl(IGNORES[address], 1)
    code, data, _ = probe("PING", address, "--timeout", f"{TIMEOUT * 1000:.0f}ms")
    assert code == 1
    assert f"{data['verdict']} {data['class']} {data['reason']}" == \
        f"fail timeout no echo reply from {address} within 700 ms"
    assert_at_deadline(data)


@pytest.mark.parametrize("address", IGNORES)
@needs_root
def test_the_right_to_ping(alone, address):
    # In a new namespace ping_group_range lets nobody: what is left to root is CAP_NET_RAW.
    without = [shutil.which("setpriv"), "--bounding-set=-net_raw", "--inh-caps=-net_raw", "--ambient-caps=-net_raw"]
    assert verdict("PING", address) == "pass none echo reply"
    assert verdict("PING", address, wrapper=without) == \
        ("inconclusive local this process may not ping: give it CAP_NET_RAW, or put its group into the sysctl "
         "net.ipv4.ping_group_range")
    sysctl("net/ipv4/ping_group_range", "0 2147483647")
    assert verdict("PING", address, wrapper=without) == "pass none echo reply"


@needs_root
def test_no_route_is_our_own_trouble(alone):
    for protocol, address in (("TCP", "192.0.2.1"), ("HTTP", "192.0.2.1"), ("PING", "192.0.2.1"), ("PING", "2001:db8::1"),
                              ("SMTP", "2001:db8::1")):
        _, data, took = probe(protocol, address)
        assert (data["verdict"], data["class"]) == ("inconclusive", "local") and "no route" in data["reason"], data
        assert took < AT_ONCE


class SlowNames:
    """A name server that knows one address, and takes its time."""

    def __init__(self, address, pause):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ADDRESS, 0))
        self.port = self.socket.getsockname()[1]
        self.address, self.pause = address, pause
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            packet, peer = self.socket.recvfrom(4096)
            time.sleep(self.pause)
            asked = dns.message.from_wire(packet)
            answer = dns.message.make_response(asked, recursion_available=True)
            question, = asked.question
            if question.rdtype == dns.rdatatype.A:
                answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", self.address))
            self.socket.sendto(answer.to_wire(), peer)


def test_each_phase_has_its_own_time(certificates):
    pause = 0.3
    names = SlowNames(ADDRESS, pause)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with Hostile(answer, tls=(certificates["right.pem"], certificates["right.key"]), slow=pause) as peer:
        words = ["HTTPS", NAME, "--port", peer.port, "--tls-ca-file", certificates["ca.pem"],
                 "--resolver", f"{ADDRESS}:{names.port}"]
        code, data, took = probe(*words)
        text = page(*words)
    assert code == 0, data
    assert data["attempts"][0]["address"] == ADDRESS
    resolve, connect, tls, first_byte, total = times(data, took)
    wait = 1000 * pause
    assert resolve >= wait, "each of the two questions takes that long"
    assert connect < resolve + wait / 2 * SLOW
    assert tls >= connect + wait
    assert first_byte >= tls + wait * 0.9, "the peer's handshake ends before ours is told"
    assert total < first_byte + wait
    assert_page(text, f"HTTPS {NAME} port {peer.port}: pass", f"pass: HTTP 200 (at {ADDRESS})",
                "resolved", "connected", "TLS", "first byte", "total")
