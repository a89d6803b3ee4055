"""Controllable sites: an HTTP(S) or bare TCP peer on one address, whose behaviour a test changes while it runs."""

import socket
import ssl
import threading
import time


class Site:
    """Answers every request by `behaviour`, and remembers when each request came.

    behaviour: "ok" (200), a number (that status), "silent" (never answers), "reset" (closes at once). `script` is a list
    of behaviours for the next requests; when it is used up, `behaviour` holds again. stop() refuses connections.
    """

    def __init__(self, address, port=0, body="hello from a site\n", tls=None, talk=True):
        self.address, self.body, self.talk = address, body, talk
        self.behaviour, self.script = "ok", []
        self.reason = "said"
        self.requests = []  # (monotonic, request head)
        self.lock = threading.Lock()
        self.context = None
        if tls is not None:
            self.use_certificate(*tls)
        self.port = port
        self.listener = None
        self.open = set()
        self.start()

    # -- life ------------------------------------------------------------------------------------------------------
    def start(self):
        assert self.listener is None
        listener = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address, self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self.listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self

    def stop(self):
        """From now on connections are refused, and those that are open are gone."""
        listener, self.listener = self.listener, None
        if listener is not None:
            # shutdown() wakes the thread in accept(); close() alone would let it take one more.
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self.lock:
            connections, self.open = self.open, set()
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    close = stop

    def use_certificate(self, certificate, key):
        """From the next connection on; in a new context, so that no ticket of the old one is worth anything."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.context = context

    # -- what was seen ---------------------------------------------------------------------------------------------
    def count(self):
        return len(self.requests)

    def times(self):
        with self.lock:
            return [at for at, _ in self.requests]

    # -- serving ---------------------------------------------------------------------------------------------------
    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                if self.listener is not listener:
                    connection.close()
                    return
                self.open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        stream = connection
        try:
            connection.settimeout(30)
            context = self.context
            if context:
                with self.lock:
                    self.open.discard(connection)
                    # Takes the descriptor over; the handshake comes later, so that stop() can reach it.
                    stream = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                    self.open.add(stream)
                stream.do_handshake()
            self._exchange(stream)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(stream)
            stream.close()

    def _exchange(self, stream):
        if not self.talk:
            self._remember("")
            stream.recv(1)
            return
        head = b""
        while b"\r\n\r\n" not in head:
            more = stream.recv(4096)
            if not more:
                return
            head += more
        behaviour = self._remember(head.decode("latin-1"))
        if behaviour == "silent":
            stream.recv(1)  # until the other side gives up
        elif behaviour != "reset":
            status = 200 if behaviour == "ok" else behaviour
            body = self.body.encode()
            stream.sendall(f"HTTP/1.1 {status} {self.reason}\r\nContent-Length: {len(body)}\r\n"
                           "Connection: close\r\n\r\n".encode() + body)
        if isinstance(stream, ssl.SSLSocket):
            stream.unwrap()

    def _remember(self, head):
        with self.lock:
            self.requests.append((time.monotonic(), head))
            return self.script.pop(0) if self.script else self.behaviour
