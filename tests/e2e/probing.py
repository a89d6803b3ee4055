"""hotswapctl probe as tests use it, and peers that behave as badly as targets can."""

import dataclasses
import json
import socket
import ssl
import threading
import time

from harness import BIN, NAME, SLOW, run

ADDRESS = "127.13.7.1"
TIMEOUT = 0.7  # of one attempt at a hostile peer
LATE = 0.25 * SLOW  # how much later than its deadline an attempt may end on a busy machine


def probe(*words, retries=0, wrapper=()):
    """(exit status, data, seconds)"""
    began = time.monotonic()
    done = run([*wrapper, BIN / "hotswapctl", "probe", *words, "--retries", retries, "--json"])
    took = time.monotonic() - began
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), took


def verdict(*words, **how):
    code, data, _ = probe(*words, **how)
    assert code == (0 if data["verdict"] == "pass" else 1)
    return f"{data['verdict']} {data['class']} {data['reason']}"


def page(*words):
    """What people read, however the lines are broken."""
    return " ".join(run([BIN / "hotswapctl", "probe", *words, "--retries", 0]).stdout.split())


def assert_at_deadline(data):
    total = data["attempts"][0]["total_ms"] / 1000
    assert TIMEOUT - 0.02 <= total <= TIMEOUT + 0.05 * SLOW + (LATE if SLOW > 1 else 0), data


class Hostile:
    """Says `opening` to whoever connects, then `more` every `pause` seconds until nobody listens.

    `tls` is a certificate and its key; `slow` are the seconds before the handshake, and again before the opening.
    """

    def __init__(self, opening=b"", more=b"", pause=0.0, tls=None, address=ADDRESS, slow=0.0):
        self.opening, self.more, self.pause, self.slow = opening, more, pause, slow
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            time.sleep(self.slow)
            if self.context:
                peer = self.context.wrap_socket(peer, server_side=True)
                time.sleep(self.slow)
            peer.sendall(self.opening)
            while self.more:
                peer.sendall(self.more)
                time.sleep(self.pause)
            while peer.recv(4096):
                pass
        except (OSError, ValueError):
            pass
        peer.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


HEAD = b"HTTP/1.1 200 OK\r\n"


@dataclasses.dataclass
class Fault:
    """What a peer does to a protocol, and what has to be said of it."""
    name: str
    protocol: str
    peer: dict
    want: str  # PORT in it is the peer's
    at_deadline: bool = False
    tls: bool = False
    more: dict = dataclasses.field(default_factory=dict)  # keys of the monitor

    def start(self, certificates, **where):
        pair = (certificates["right.pem"], certificates["right.key"]) if self.tls else None
        return Hostile(**self.peer, tls=pair, **where)

    def wanted(self, port):
        return self.want.replace("PORT", str(port))

    def monitor(self, certificates):
        """As in the configuration, but for the port and the timeout."""
        monitor = {"protocol": self.protocol}
        if self.protocol in ("HTTP", "HTTPS"):
            monitor |= {"path": "/", "host": NAME, "expected": "Example"}
        if self.protocol == "SMTP":
            monitor |= {"expected": "Example"}
        if self.protocol == "HTTPS":
            monitor |= {"tls": {"ca_file": certificates["ca.pem"]}}
        return monitor | self.more

    def options(self, certificates):
        """The same for hotswapctl probe."""
        words = []
        for key, value in self.monitor(certificates).items():
            if key == "tls":
                words += ["--tls-ca-file", value["ca_file"]]
            elif key != "protocol":
                words += [f"--{key}", value]
        return words


def late(what):
    return f"fail timeout no answer within {TIMEOUT * 1000:.0f} ms after connecting (waiting for {what})"


def on_http(protocol, tls):
    """What HTTP has to expect, over TLS too."""
    many = "b" * 1000
    rows = [
        ("silent", {}, late("the status line"), True),
        ("drip in the header", {"opening": HEAD, "more": b"X", "pause": 0.05}, late("the rest of the header"), True),
        ("drip in the body", {"opening": HEAD + b"\r\n", "more": b"x", "pause": 0.05}, late("the rest of the body"), True),
        ("endless body", {"opening": HEAD + b"\r\n", "more": b"x" * 65536},
         'fail content HTTP 200 without the text "Example" in the first 256 KiB of the body', False),
        ("header bomb", {"opening": HEAD, "more": f"X-Bomb: {many}\r\n".encode()},
         "fail protocol header block larger than 32 KiB", False),
        ("two lengths", {"opening": HEAD + b"Content-Length: 7\r\nContent-Length: 8\r\n\r\nExample"},
         "fail protocol differing Content-Lengths", False),
        ("1xx for ever", {"more": b"HTTP/1.1 100 Continue\r\n\r\n"}, "fail protocol more than 8 interim answers (1xx)", False),
        ("busy", {"opening": b"HTTP/1.1 503 Busy\r\n\r\n"}, "fail content HTTP 503, wanted 2xx", False),
        ("another page", {"opening": HEAD + b"Content-Length: 6\r\n\r\nSample"},
         'fail content HTTP 200 without the text "Example" in the body', False),
    ]
    loop = Fault(f"{protocol} redirect loop", protocol, {"opening": b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"},
                 f"fail content redirect loop: HTTP 302 back to {protocol.lower()}://{NAME}:PORT/", tls=tls,
                 more={"redirects": "follow"})
    chain = Fault(f"{protocol} redirects elsewhere", protocol,
                  {"opening": b"HTTP/1.1 302 Found\r\nLocation: gopher://old.example/\r\n\r\n"},
                  "fail content HTTP 302 to another scheme (gopher://old.example/)", tls=tls,
                  more={"redirects": "follow"})
    return [loop, chain, *(Fault(f"{protocol} {name}", protocol, peer, want, at_deadline, tls)
                           for name, peer, want, at_deadline in rows)]


FAULTS = [
    *on_http("HTTP", tls=False),
    Fault("HTTP no HTTP", "HTTP", {"opening": b"SSH-2.0-OpenSSH_9.2\r\n"},
          'fail protocol malformed status line "SSH-2.0-OpenSSH_9.2"'),
    *on_http("HTTPS", tls=True),
    Fault("HTTPS silent before the handshake", "HTTPS", {}, late("the TLS handshake"), True),
    Fault("HTTPS drip in the handshake", "HTTPS", {"opening": b"\x16\x03\x03\x10\x00", "more": b"\x02", "pause": 0.05},
          late("the TLS handshake"), True),
    Fault("HTTPS no TLS", "HTTPS", {"opening": HEAD},
          "fail protocol the answer is no TLS (a plain-text server on this port?)"),
    Fault("SMTP silent", "SMTP", {}, late("the SMTP greeting"), True),
    Fault("SMTP drip", "SMTP", {"opening": b"220-mx", "more": b"x", "pause": 0.05},
          late("the rest of the SMTP greeting"), True),
    Fault("SMTP endless line", "SMTP", {"opening": b"220 ", "more": b"x" * 65536},
          "fail protocol a line of the SMTP greeting is longer than 1024 bytes"),
    Fault("SMTP endless lines", "SMTP", {"more": b"220-more\r\n" * 100},
          "fail protocol the SMTP greeting has more than 100 lines"),
    Fault("SMTP busy", "SMTP", {"opening": b"421 mx too busy\r\n"}, 'fail content SMTP 421 "mx too busy", wanted 220'),
    Fault("SMTP another name", "SMTP", {"opening": b"220 mx ready\r\n"},
          'fail content SMTP 220 without the text "Example" in the greeting'),
]
