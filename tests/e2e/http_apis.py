"""PowerDNS by its HTTP API, a Cloudflare of our own, and a relay that loses what it is told to lose."""

import http.client
import http.server
import json
import os
import pathlib
import socket
import subprocess
import threading

import harness
from name_servers import Caller, Powerdns

API_KEY = "the-api-key-of-the-test"


class PowerdnsApi(Powerdns):
    """The same server, changed by HTTP."""

    kind = "powerdns-api"

    def __init__(self, *args, **how):
        super().__init__(*args, **how)
        self.api_port = harness.free_port(self.address)
        with open(self.dir / "pdns.conf", "a") as conf:
            conf.write(f"api=yes\napi-key={API_KEY}\nwebserver=yes\nwebserver-address={self.address}\n"
                       f"webserver-port={self.api_port}\nwebserver-allow-from=127.0.0.0/8\n")
        subprocess.run(["pdnsutil", f"--config-dir={self.dir}", "set-meta", harness.ZONE, "SOA-EDIT-API", "INCREASE"],
                       check=True, capture_output=True, timeout=30)

    @property
    def url(self):
        return f"http://{self.address}:{self.api_port}"

    def listens(self):
        with socket.socket() as client:
            client.settimeout(1)
            return super().listens() and client.connect_ex((self.address, self.api_port)) == 0

    def provider(self, **more):
        return {"type": "powerdns", "url": self.url, "api_key": API_KEY, "name_servers": [self.at], **more}

    def api(self, method, body=None, path=""):
        """Somebody else's call; status and body."""
        link = http.client.HTTPConnection(self.address, self.api_port, timeout=10)
        link.request(method, f"/api/v1/servers/localhost/zones/{harness.ZONE}.{path}",
                     body=json.dumps(body) if body else None, headers={"X-API-Key": API_KEY})
        answer = link.getresponse()
        text = answer.read()
        link.close()
        return answer.status, text

    def put(self, name, kind, *records, ttl=30):
        """Replaces a set by API; a record may be (content, disabled)."""
        made = [{"content": r, "disabled": False} if isinstance(r, str) else {"content": r[0], "disabled": r[1]}
                for r in records]
        status, text = self.api("PATCH", {"rrsets": [{"name": f"{name}.", "type": kind, "ttl": ttl,
                                                      "changetype": "REPLACE" if made else "DELETE",
                                                      "records": made}]})
        assert status == 204, (status, text)


class HttpWire:
    """An HTTP relay in front of an API: keeps each request that passed, and loses what it is told to lose."""

    def __init__(self, address, to_address, to_port):
        self.lose_answers = 0    # the next so many answers to writes never come back
        self.stall = False       # nothing passes
        self.instead = None      # (status, headers, body) for every write, which then does not pass
        self.requests = []       # (method, target, body)
        wire = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                wire.requests.append((self.command, self.path, body))
                writes = self.command != "GET"
                if wire.stall:
                    self.close_connection = True
                    self.connection.recv(1)
                    return
                if writes and wire.instead:
                    return self.answer(*wire.instead)
                link = http.client.HTTPConnection(to_address, to_port, timeout=30)
                try:
                    # "http://host/path" where it is somebody's proxy.
                    target = "/" + self.path.split("/", 3)[3] if self.path.startswith("http://") else self.path
                    link.request(self.command, target, body=body or None,
                                 headers={k: v for k, v in self.headers.items() if k.lower() != "content-length"})
                    got = link.getresponse()
                    text = got.read()
                except OSError:
                    self.close_connection = True
                    return
                finally:
                    link.close()
                if writes and wire.lose_answers:
                    wire.lose_answers -= 1
                    self.close_connection = True
                    return
                self.answer(got.status, {}, text)

            def answer(self, status, headers, text):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_PATCH = do_POST = do_PUT = do_DELETE = handle_one

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://{address}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def writes(self):
        return [request for request in self.requests if request[0] != "GET"]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class ApiCaller(Caller):
    """A provider of an HTTP API without the daemon around it."""

    def __init__(self, kind, url, secret, id, name_servers=(), ca=None):
        words = [str(pathlib.Path(harness.BIN).parent / "tests" / "api_call"), f"--{kind}", url,
                 "--secret", secret, "--id", id]
        words += ["--ca", ca] if ca else []
        for server in name_servers:
            words += ["--name-server", server if isinstance(server, str) else server.at]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                        env={**os.environ, "LC_ALL": "C"})


__all__ = ["API_KEY", "ApiCaller", "HttpWire", "PowerdnsApi"]
