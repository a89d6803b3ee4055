"""The witness, and processes that did not run: our own trouble is never the target's."""

import signal
import socket
import threading
import time

from harness import SLOW, always, wait_until


class Witness:
    """A TCP port that accepts; closed, it refuses."""

    def __init__(self, address):
        self.address = address
        self.port = 0
        self.open()

    def open(self):
        self.socket = socket.create_server((self.address, self.port), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.socket,), daemon=True).start()

    @staticmethod
    def _accept(listener):
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def test_a_failure_counts_only_when_the_witness_answers(world):
    primary, _ = world.pair()
    witness = Witness(world.address(6))
    world.closing.append(witness)
    daemon = world.settled(witness={"targets": [f"tcp://{witness.address}:{witness.port}"]})
    witness.close()
    primary.behaviour = 503
    daemon.logged(r"HS1122 .*witness does not answer")
    always("traffic stays", lambda: daemon.serves() == [world.primary], 3)
    assert daemon.status() != "failover"
    assert "witness does not answer" in daemon.ctl_ok("explain", "www.example.com")

    witness.open()
    began = time.monotonic()
    daemon.wait_serves(world.backup)
    daemon.logged(r"HS1123 ")
    assert time.monotonic() - began < 4 * SLOW


def test_with_a_witness_that_answers_a_dead_primary_is_left_at_once(world):
    primary, _ = world.pair()
    witness = Witness(world.address(6))
    world.closing.append(witness)
    daemon = world.settled(witness={"targets": [f"tcp://{witness.address}:{witness.port}"]})
    primary.behaviour = 503
    began = time.monotonic()
    daemon.wait_serves(world.backup)
    assert time.monotonic() - began < 2.5 * SLOW


def test_a_process_that_was_stopped_blames_nobody(world):
    """What the sites said while we did not run is stale: a closed connection is no failure of theirs."""
    primary, backup = world.pair()
    primary.behaviour = backup.behaviour = "silent"
    daemon = world.prepared(world.service(monitor={"timeout": 2, "interval": "2s"}))
    primary.behaviour = backup.behaviour = "ok"
    daemon.start()
    daemon.wait_status("ok")
    for _ in range(3):
        seen = primary.count()
        primary.behaviour = backup.behaviour = "silent"
        wait_until("an attempt hangs", lambda: primary.count() > seen, every=0.002)
        daemon.signal(signal.SIGSTOP)
        primary.behaviour = backup.behaviour = "ok"
        time.sleep(3)  # longer than the attempt may take
        daemon.signal(signal.SIGCONT)
        always("nothing moves", lambda: daemon.serves() == [world.primary], 0.5)
        daemon.wait_status("ok")
    assert "HS1203" not in daemon.log(), "no swap began"
    assert "is down" not in daemon.log()
