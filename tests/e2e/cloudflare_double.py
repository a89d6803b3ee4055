"""Cloudflare's DNS records API v4 as its documentation has it, strict about shape and token, with name servers behind it.

It is itself proved by the official client (test_cloudflare.py). What it refuses, it refuses in the API's envelope:
{success, errors: [{code, message}], messages, result}.
"""

import ipaddress
import json
import re
import secrets
import threading
import urllib.parse

import harness
from http_peer import HttpPeer
from small_dns import SmallDns

TOKEN = "Sn3lZJTBX6kkg7OdcBUAxOO963GEIyGQ"
ZONE_ID = "023e105f4ecef8ad9ca31a8372d0c353"
WRITABLE = {"name", "type", "content", "ttl", "proxied", "comment", "tags", "settings"}
LONGEST_COMMENT = 100  # on the free plan


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Cloudflare(HttpPeer):
    """One zone."""

    def __init__(self, address, zone=harness.ZONE, page=100):
        self.zone, self.page = zone, page
        self.records = {}      # id -> record
        self.serial = 1        # of the database: one more with each transaction
        self.shares_zone = True  # the token may read the zone itself
        self.least_ttl = 60      # 30 on the largest plan
        self.lock = threading.Lock()
        super().__init__(address)
        self.url = f"{self.base}/client/v4"
        self.dns = SmallDns(address, self.lookup, soa=lambda: (self.zone, self.serial))
        self.at = self.dns.at

    def close(self):
        super().close()
        self.dns.close()

    def provider(self, **more):
        return {"type": "cloudflare", "url": self.url, "api_token": TOKEN, "zone_id": ZONE_ID,
                "name_servers": [self.at], **more}

    # What is there, and somebody else's hand on it.

    def put(self, name, kind, *values, **more):
        """Replaces what is at the name."""
        with self.lock:
            self.records = {id: r for id, r in self.records.items() if r["name"] != name}
            for value in values:
                self._add({"name": name, "type": kind, "content": value, "ttl": 60, "proxied": False, **more})
            self.serial += 1

    def values(self, kind="A", name=harness.NAME):
        with self.lock:
            return sorted(r["content"] for r in self.records.values() if (r["name"], r["type"]) == (name, kind))

    def lookup(self, name):
        """What its name servers answer."""
        with self.lock:
            found = [dict(r) for r in self.records.values() if r["name"] == name and r["type"] in ("A", "AAAA", "CNAME")]
        if not found:
            return None
        return {"type": found[0]["type"], "ttl": min(300 if r["ttl"] == 1 else r["ttl"] for r in found),
                "values": [r["content"] for r in found]}

    def comments(self, name=harness.NAME):
        with self.lock:
            return sorted({r.get("comment") or "" for r in self.records.values() if r["name"] == name})

    def generation(self, name=harness.NAME):
        found = [re.match(r"gen=(\d+)", comment) for comment in self.comments(name)]
        return int(found[0].group(1)) if len(found) == 1 and found[0] else None

    # The API.

    def reply(self, method, target, headers, body):
        status, envelope = self.serve(method, target, headers, body)
        return status, {"Content-Type": "application/json"}, json.dumps(envelope).encode()

    def serve(self, method, target, headers, body):
        try:
            if headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refused(403, 10000, "Authentication error")
            if body and not headers.get("Content-Type", "").startswith("application/json"):
                raise Refused(415, 10006, "Content-Type must be application/json")
            url = urllib.parse.urlsplit(target)
            found = re.fullmatch(r"/client/v4/zones/([0-9a-f]{32})(/dns_records(?:/([0-9a-z]+))?)?", url.path)
            if not found or found.group(1) != ZONE_ID:
                raise Refused(404, 7003, f"Could not route to {url.path}, perhaps your object identifier is invalid?")
            query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query)))
            result, info = self._route(method, found.group(2), found.group(3), query, body)
            out = {"success": True, "errors": [], "messages": [], "result": result}
            return 200, {**out, **({"result_info": info} if info else {})}
        except Refused as no:
            return no.status, {"success": False, "errors": [{"code": no.code, "message": no.message}], "messages": [],
                               "result": None}

    def _route(self, method, records, id, query, body):
        if not records:
            if method != "GET":
                raise Refused(405, 10405, "Method not allowed for this authentication scheme")
            if not self.shares_zone:
                raise Refused(403, 9109, "Unauthorized to access requested resource")
            return {"id": ZONE_ID, "name": self.zone, "status": "active", "name_servers": ["ns1." + self.zone]}, None
        given = json.loads(body) if body else None
        with self.lock:
            if id == "batch" and method == "POST":
                return self._batch(given), None
            if id is None and method == "GET":
                return self._list(query)
            before = {k: dict(v) for k, v in self.records.items()}
            try:
                result = self._one(method, id, given)
            except Refused:
                self.records = before
                raise
            if method != "GET":
                self.serial += 1
            return result, None

    def _one(self, method, id, given):
        if id is None:
            if method != "POST":
                raise Refused(405, 10405, "Method not allowed")
            return self._add(given)
        self._known(id)
        if method == "GET":
            return self.records[id]
        if method == "DELETE":
            del self.records[id]
            return {"id": id}
        return self._change(id, given, whole=method == "PUT")

    def _list(self, query):
        known = {"name.exact", "type", "page", "per_page", "order", "direction", "match"}
        if set(query) - known:
            raise Refused(400, 1004, f"unknown parameters {set(query) - known}")
        page, size = int(query.get("page", 1)), min(int(query.get("per_page", 100)), self.page)
        found = [r for r in self.records.values()
                 if query.get("name.exact", r["name"]).lower() == r["name"]
                 and query.get("type", r["type"]) == r["type"]]
        pages = max(1, -(-len(found) // size))
        part = found[(page - 1) * size:page * size]
        return part, {"page": page, "per_page": size, "count": len(part), "total_count": len(found),
                      "total_pages": pages}

    def _batch(self, given):
        if not isinstance(given, dict) or set(given) - {"deletes", "patches", "puts", "posts"} or not any(given.values()):
            raise Refused(400, 9207, "Content of the batch is not valid")
        before = {k: dict(v) for k, v in self.records.items()}
        out = {}
        try:
            for item in given.get("deletes", []):
                self._known(item.get("id"))
                out.setdefault("deletes", []).append(self.records.pop(item["id"]))
            for word, whole in (("patches", False), ("puts", True)):
                for item in given.get(word, []):
                    self._known(item.get("id"))
                    fields = {k: v for k, v in item.items() if k != "id"}
                    out.setdefault(word, []).append(self._change(item["id"], fields, whole))
            for item in given.get("posts", []):
                out.setdefault("posts", []).append(self._add(item))
        except Refused:
            self.records = before
            raise
        self.serial += 1
        return out

    def _known(self, id):
        if id not in self.records:
            raise Refused(404, 81044, "Record does not exist.")

    def _add(self, given):
        id = secrets.token_hex(16)
        return self._put(id, {"ttl": 1, "proxied": False, "comment": None, **self._shape(given)})

    def _change(self, id, given, whole):
        fields = self._shape(given, {"name", "type", "content"} if whole else set())
        base = {"ttl": 1, "proxied": False, "comment": None} if whole else self.records[id]
        return self._put(id, {**base, **fields})

    def _shape(self, given, needed=frozenset({"name", "type", "content"})):
        if not isinstance(given, dict) or set(given) - WRITABLE or needed - set(given):
            raise Refused(400, 9207, f"Request body is invalid: {given}")
        kinds = {"name": str, "type": str, "content": str, "ttl": int, "proxied": bool, "comment": (str, type(None))}
        for word, kind in kinds.items():
            if word in given and not isinstance(given[word], kind):
                raise Refused(400, 9207, f"{word} is invalid")
        return given

    def _put(self, id, made):
        name = made["name"].lower().rstrip(".")
        if name != self.zone and not name.endswith("." + self.zone):
            name = f"{name}.{self.zone}"  # as the real one does
        made = {**made, "id": id, "name": name}
        if made["type"] in ("A", "AAAA"):
            try:
                right = ipaddress.ip_address(made["content"]).version == (4 if made["type"] == "A" else 6)
            except ValueError:
                right = False
            if not right:
                raise Refused(400, 9005, f"Content for {made['type']} record must be a valid address.")
        if made["ttl"] != 1 and not self.least_ttl <= made["ttl"] <= 86400:
            raise Refused(400, 9021, f"Invalid TTL. Must be between {self.least_ttl} and 86400 seconds, or 1 for Automatic.")
        if len(made.get("comment") or "") > LONGEST_COMMENT:
            raise Refused(400, 9222, "The comment is too long")
        for other in self.records.values():
            if other["id"] == id or other["name"] != name:
                continue
            if (other["type"], other["content"]) == (made["type"], made["content"]):
                raise Refused(400, 81058, "An identical record already exists.")
            if "CNAME" in (other["type"], made["type"]):
                raise Refused(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")
        self.records[id] = made
        return made
