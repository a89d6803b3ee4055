"""Network namespaces of a test's own. One lives as long as a thread, a process or a socket in it. Needs root."""

import ctypes
import os
import queue
import subprocess
import threading

import pytest

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace of its own needs root")


def checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def ip(*words):
    """ip(8) in the namespace of the thread that calls."""
    done = subprocess.run(["ip", *map(str, words)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, f"ip {' '.join(map(str, words))}: {done.stderr}"


def sysctl(name, value):
    with open("/proc/sys/" + name, "w") as file:
        file.write(str(value))


class Alone:
    """Moves the calling thread, and all that it starts from now on, to a new namespace where only lo is."""

    def __init__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        checked(libc.unshare(CLONE_NEWNET))
        ip("link", "set", "lo", "up")

    def close(self):
        checked(libc.setns(self.home, CLONE_NEWNET))
        os.close(self.home)


class Elsewhere:
    """Another namespace: call() does something there, in a thread that lives in it until close()."""

    def __init__(self):
        self.work, self.results = queue.Queue(), queue.Queue()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.call(lambda: checked(libc.unshare(CLONE_NEWNET)))
        self.call(ip, "link", "set", "lo", "up")

    def _run(self):
        for function, words, how in iter(self.work.get, None):
            try:
                self.results.put((function(*words, **how), None))
            except BaseException as error:  # told to the thread that asked
                self.results.put((None, error))

    def call(self, function, *words, **how):
        self.work.put((function, words, how))
        result, error = self.results.get(timeout=60)
        if error is not None:
            raise error
        return result

    def close(self):
        self.work.put(None)
        self.thread.join(10)
