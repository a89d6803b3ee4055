"""The control socket under bad manners: an error to that client alone, and nothing for the others."""

import socket
import threading

from harness import INTERVAL, NAME, SLOW, always, wait_until


def connect(daemon):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(10)
    client.connect(str(daemon.control))
    return client


def answer_to(daemon, data):
    """What comes back until the daemon closes, or until it has said something."""
    with connect(daemon) as client:
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it closed before it had read all: its right with too much
        got = b""
        try:
            while more := client.recv(65536):
                got += more
        except ConnectionResetError:
            pass
        return got


def test_malformed_requests_get_an_error_and_nobody_else_notices(world):
    world.pair()
    daemon = world.settled()
    for data in (b"\n", b"nonsense\n", b"{\n", b"[]\n", b"{}\n", b'{"command": 7}\n', b'{"command": "no-such"}\n',
                 b"\x00\xff\xfe\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b'{"command": "status"', b"[" * 5000 + b"\n"):
        got = answer_to(daemon, data)
        assert b"error" in got or got == b"", (data[:40], got[:200])
        assert daemon.status() == "ok"


def test_too_long_a_request_is_refused_and_not_collected(world):
    world.pair()
    daemon = world.settled()

    def resident():
        with open(f"/proc/{daemon.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * 4096

    answer_to(daemon, b"x" * (1 << 20))
    before = resident()
    for _ in range(3):
        answer_to(daemon, b"x" * (64 << 20))
    if SLOW == 1:  # a sanitizer keeps what was freed
        assert resident() - before < 32 << 20
    assert daemon.status() == "ok"


def test_silent_and_many_clients_do_not_keep_others_out(world):
    world.pair()
    daemon = world.settled()
    idle = []
    try:
        for _ in range(200):
            try:
                idle.append(connect(daemon))
            except OSError:
                break
        # Whatever its limit is, the daemon goes on probing and answering, and has room again when they are gone.
        always("DNS answers", lambda: daemon.serves() == [world.primary], INTERVAL)
    finally:
        for client in idle:
            client.close()
    wait_until("there is room again", lambda: daemon.ctl("status").returncode == 0)


def test_many_at_once_are_all_answered(world):
    world.pair()
    daemon = world.settled()
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(daemon.ctl("show", NAME, timeout=30).returncode))
               for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0] * 16


def test_a_socket_left_by_a_killed_daemon_is_taken_over(world):
    world.pair()
    daemon = world.settled()
    daemon.kill()
    assert daemon.control.exists()
    daemon.start()
    daemon.wait_status("ok")
