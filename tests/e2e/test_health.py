"""/healthz on the API's address: open, and only as much as it promises."""

import socket
import urllib.error
import urllib.request

from harness import INTERVAL, always


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
