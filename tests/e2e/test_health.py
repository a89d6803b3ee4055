"""/healthz on the API's address: open, and only as much as it promises."""

import shutil
import socket
import ssl
import urllib.error
import urllib.request

from harness import INTERVAL, always, wait_until


def get(world, path, method="GET"):
    request = urllib.request.Request(f"http://{world.api_address}:{world.api_port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_healthz_says_that_the_process_is_well(world):
    world.pair()
    world.settled(api={"listen": f"{world.api_address}:{world.api_port}"})
    assert get(world, "/healthz")[0] == 200
    assert get(world, "/healthz", "HEAD")[0] == 200
    assert get(world, "/healthz", "POST")[0] in (404, 405)
    assert get(world, "/no/such/page")[0] in (401, 404)


def test_bad_requests_are_refused_and_harm_nobody(world):
    world.pair()
    daemon = world.settled(api={"listen": f"{world.api_address}:{world.api_port}"})
    for data in (b"\r\n\r\n", b"nonsense\r\n\r\n", b"GET /healthz HTTP/9.9\r\n\r\n",
                 b"GET /healthz HTTP/1.1\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
                 b"GET /healthz HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                 b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"):
        with socket.create_connection((world.api_address, world.api_port), 10) as client:
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                answer = client.recv(4096)
            except OSError:  # it has closed already: its right with such a request
                answer = b""
        assert answer == b"" or answer.startswith(b"HTTP/1."), answer[:100]
        assert get(world, "/healthz")[0] == 200
    assert daemon.status() == "ok"


def test_without_api_nothing_listens(world):
    world.pair()
    daemon = world.settled()

    def closed():
        with socket.socket() as client:
            return client.connect_ex((world.api_address, world.api_port)) != 0

    always("nothing listens", closed, INTERVAL)
    assert daemon.status() == "ok"


def shown(world, authority):
    """The certificate that a connection from now on is shown, verified by `authority`."""
    context = ssl.create_default_context(cafile=authority)
    context.check_hostname = False
    with socket.create_connection((world.api_address, world.api_port), 10) as plain:
        with context.wrap_socket(plain, server_hostname="api.example.net") as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b""
            while data := client.recv(4096):
                answer += data
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer
            return client.getpeercert()["subject"]


def test_the_certificate_is_the_operators_and_a_reload_reads_it_again(world, certificates, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    shutil.copy(certificates["right.pem"], cert)
    shutil.copy(certificates["right.key"], key)
    world.pair()
    daemon = world.settled(api={"listen": f"{world.api_address}:{world.api_port}",
                                "tls": {"certificate_file": str(cert), "key_file": str(key)}})
    authority = certificates["ca.pem"]
    first = shown(world, authority)
    shutil.copy(certificates["wrong.pem"], cert)
    shutil.copy(certificates["wrong.key"], key)
    daemon.ctl_ok("reload")
    second = shown(world, authority)
    assert first != second
    cert.write_text("garbage")
    daemon.ctl_ok("reload")
    wait_until("it says so", lambda: "HS1012" in daemon.log() and "holds no usable PEM certificate" in daemon.log())
    assert shown(world, authority) == second
    with socket.create_connection((world.api_address, world.api_port), 10) as client:  # without TLS
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP/1.1 200" not in client.recv(4096)


def test_a_certificate_that_cannot_be_read_refuses_the_start(world, tmp_path):
    world.pair()
    daemon = world.prepared(api={"listen": f"{world.api_address}:{world.api_port}",
                                 "tls": {"certificate_file": str(tmp_path / "none"), "key_file": "/none"}})
    daemon.start(ready=False)
    assert daemon.process.wait(10) == 1
    daemon.process = None  # the status of its end was the point
    assert "HS1010" in daemon.log() and f"cannot read tls.certificate_file {tmp_path / 'none'}" in daemon.log()
