"""Asks the daemon's DNS, as cheaply as Python can."""
import socket
import struct
import time


class Lookup:
    def __init__(self, port, timeout=1.0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(timeout)
        self.number = 0

    def address(self, name):
        """The A record, or None when nothing or something else was answered."""
        self.number = self.number + 1 & 0xffff
        query = struct.pack(">HHHHHH", self.number, 0x0100, 1, 0, 0, 0)
        query += b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0\0\1\0\1"
        try:
            self.socket.send(query)
            while True:
                answer = self.socket.recv(4096)
                if answer[:2] == query[:2]:
                    break
        except OSError:
            return None
        return socket.inet_ntoa(answer[-4:]) if struct.unpack(">H", answer[6:8])[0] else None

    def timed(self, name):
        """(seconds that the answer took, the address)"""
        began = time.monotonic()
        address = self.address(name)
        return time.monotonic() - began, address


def free_port():
    """A UDP port that is free for TCP too."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            udp.bind(("127.0.0.1", 0))
            try:
                tcp.bind(udp.getsockname())
            except OSError:
                continue
            return udp.getsockname()[1]
