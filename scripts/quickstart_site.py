"""A small web site for the quickstart: says its name on every path, on one address, until it is stopped."""

import http.server
import sys


class Site(http.server.BaseHTTPRequestHandler):
    name = "?"

    def do_GET(self):
        body = f"this is the {self.name} site\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # a probe leaves as soon as it has its verdict

    def log_message(self, *_):
        pass


def main():
    Site.name, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    http.server.ThreadingHTTPServer.daemon_threads = True
    try:
        http.server.ThreadingHTTPServer((address, port), Site).serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
