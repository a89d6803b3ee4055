"""An HTTP server for the tests, with the faults that providers' APIs have: what it answers is for those who derive."""

import http.server
import threading
import time


class HttpPeer:
    """Keeps every request as (method, target, body), with the time it came in `times`.

    reply(method, target, headers, body) makes (status, headers, body) of a request; an OSError ends the connection.
    """

    def __init__(self, address):
        self.stall = False        # nothing passes: requests are read and kept
        self.keep_writes = 0      # the next so many writes go no further
        self.lose_answers = 0     # the next so many writes are done, and the connection ends
        self.hush_answers = 0     # the next so many writes are done, and nobody says so
        self.then_stall = False   # as soon as a write has been answered, nothing passes any more
        self.instead = None       # (status, headers, body) for every write, which then is not done
        self.afterwards = None    # (status, headers, body) for the next write, which is done
        self.before = None        # called with (method, target) before anything is done
        self.requests, self.times = [], []
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes

            def handle_one(self):
                peer._serve(self)

            do_GET = do_PATCH = do_POST = do_PUT = do_DELETE = handle_one

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://{address}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def reply(self, method, target, headers, body):
        raise NotImplementedError

    @property
    def writes(self):
        return [request for request in self.requests if request[0] != "GET"]

    def is_well(self):
        self.stall = self.then_stall = False
        self.keep_writes = self.lose_answers = self.hush_answers = 0
        self.instead = self.afterwards = None

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _serve(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        method, target = request.command, request.path
        self.times.append(time.monotonic())
        self.requests.append((method, target, body))
        writes = method != "GET"
        if self.stall:
            return self._silence(request)
        if self.before:
            self.before(method, target)
        if writes and self.keep_writes:
            self.keep_writes -= 1
            return self._silence(request)
        if writes and self.instead:
            return self._answer(request, *self.instead)
        try:
            status, headers, text = self.reply(method, target, request.headers, body)
        except OSError:
            request.close_connection = True
            return None
        if writes and self.lose_answers:
            self.lose_answers -= 1
            request.close_connection = True
            return None
        if writes and self.hush_answers:
            self.hush_answers -= 1
            return self._silence(request)
        if writes and self.afterwards:
            (status, headers, text), self.afterwards = self.afterwards, None
        if writes and self.then_stall:
            self.stall = True
        return self._answer(request, status, headers, text)

    @staticmethod
    def _silence(request):
        """Until the other side gives up."""
        request.close_connection = True
        try:
            request.connection.recv(1)
        except OSError:
            pass

    @staticmethod
    def _answer(request, status, headers, text):
        try:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            if status != 204:
                request.send_header("Content-Length", str(len(text)))
            request.end_headers()
            request.wfile.write(text)
        except OSError:
            request.close_connection = True
