"""PowerDNS by its HTTP API, a Cloudflare of our own, and a relay that loses what it is told to lose."""

import http.client
import json
import os
import pathlib
import socket
import subprocess

import harness
from http_peer import HttpPeer
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
        subprocess.run(["pdnsutil", f"--config-dir={self.dir}", "set-meta", self.zone, "SOA-EDIT-API", "INCREASE"],
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
        link.request(method, f"/api/v1/servers/localhost/zones/{self.zone}.{path}",
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


class HttpWire(HttpPeer):
    """An HTTP relay in front of an API, or its proxy."""

    def __init__(self, address, to_address, to_port):
        super().__init__(address)
        self.to = to_address, to_port
        self.url = self.base

    def reply(self, method, target, headers, body):
        link = http.client.HTTPConnection(*self.to, timeout=30)
        try:
            # "http://host/path" where it is somebody's proxy.
            path = "/" + target.split("/", 3)[3] if target.startswith("http://") else target
            link.request(method, path, body=body or None,
                         headers={k: v for k, v in headers.items() if k.lower() != "content-length"})
            got = link.getresponse()
            return got.status, {}, got.read()
        finally:
            link.close()


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
