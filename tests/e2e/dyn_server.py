"""A Dyn style REST API that judges its client: each request's shape is checked, each session's changes are kept apart
until they are published, and records are renumbered by every publication. It fails where a test tells it to."""

import contextlib
import copy
import http.server
import itertools
import json
import re
import secrets
import socket
import threading
import time
import urllib.parse

CUSTOMER, USER, PASSWORD = "acme", "ops", "pass\"word & more"
RDATA = {"A": {"address"}, "AAAA": {"address"}, "CNAME": {"cname"}, "TXT": {"txtdata"}}


class Refused(Exception):
    job = None  # of an answer that says: not yet

    def __init__(self, code, info, status=400, more=()):
        self.status = status
        self.messages = [message(info, code, "ERROR"), *(message(text) for text in more)]


def message(info, code=None, level="INFO"):
    return {"INFO": info, "SOURCE": "BLL", "ERR_CD": code, "LVL": level}


class Session:
    def __init__(self):
        self.pending = {}  # zone -> [operation]
        self.busy = threading.Lock()


class Zone:
    def __init__(self):
        self.serial = 1
        self.records = {}  # (name, kind) -> [{"ttl", "rdata", "record_id"}]

    def view(self, operations):
        seen = copy.deepcopy(self.records)
        for operation in operations:
            operation(seen)
        return {key: records for key, records in seen.items() if records}


class DynServer:
    """`violations` is what the client did wrong; `requests` is [(method, path, body)]; `writes` are the publications
    that changed something: [{(name, kind): [value]}]."""

    def __init__(self, address, set_form=True):
        self.lock = threading.RLock()
        self.sessions = {}
        self.zones = {}
        self.tasks = {}
        self.jobs = {}
        self.ids = itertools.count(4342593700)
        self.faults = []       # [(method, resource, what, how)], each used once; resource is a prefix: "Zone/"
        self.requests = []
        self.times = []
        self.log_ins = []      # (monotonic, granted)
        self.writes = []
        self.violations = []
        self.task_polls = 1    # a publication's task is running for so many looks
        self.set_form = set_form
        self.before_publish = None
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes

            def log_message(self, *_):
                pass

            def handle_any(self):
                server.handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.http = Server((address, 0), Handler)
        self.address, self.port = self.http.server_address[:2]
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://{self.address}:{self.port}/REST"

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    # -- what tests say and see ------------------------------------------------------------------------------------
    def zone(self, name, **records):
        """zone("example.com", www=("A", 30, "192.0.2.10"))"""
        self.zones[name] = Zone()
        for label, (kind, ttl, *values) in records.items():
            self.put(name, f"{label}.{name}", kind, ttl, *values)

    def put(self, zone, name, kind, ttl, *values):
        """By somebody else, published at once."""
        key = next(iter(RDATA[kind]))
        with self.lock:
            of = self.zones[zone]
            for other in ("A", "AAAA", "CNAME"):
                if kind != "TXT":
                    of.records.pop((name, other), None)
            of.records[(name, kind)] = [{"ttl": ttl, "rdata": {key: value}, "record_id": next(self.ids)}
                                        for value in values]
            of.serial += 1

    def values(self, zone, name, kind="A"):
        with self.lock:
            return sorted(next(iter(r["rdata"].values())) for r in self.zones[zone].records.get((name, kind), []))

    def lookup(self, name):
        """For small_dns: what is published."""
        with self.lock:
            for zone in self.zones.values():
                for kind in ("A", "AAAA", "CNAME"):
                    found = zone.records.get((name, kind))
                    if found:
                        return {"type": kind, "ttl": found[0]["ttl"],
                                "values": [next(iter(r["rdata"].values())) for r in found]}
        return None

    def generation(self, name, zone="example.com"):
        found = self.values(zone, f"_hotswap.{name}", "TXT")
        return int(re.match(r"gen=(\d+)", found[0]).group(1)) if found else None

    def serial(self, zone="example.com"):
        return self.zones[zone].serial

    def fault(self, method, resource, what, how=None):
        with self.lock:
            self.faults.append((method, resource, what, how))

    def forget_sessions(self):
        with self.lock:
            self.sessions.clear()

    def count(self, method, resource):
        with self.lock:
            return sum(m == method and p.startswith(resource) for m, p, _ in self.requests)

    # -- HTTP ------------------------------------------------------------------------------------------------------
    def wrong(self, what):
        self.violations.append(what)

    def handle(self, request):
        length = int(request.headers.get("Content-Length") or 0)
        raw = request.rfile.read(length)
        url = urllib.parse.urlsplit(request.path)
        if not url.path.startswith("/REST/"):
            self.wrong(f"path {request.path}")
        path = url.path.removeprefix("/REST/")
        body = self.body(request, raw)
        query = dict(urllib.parse.parse_qsl(url.query))
        with self.lock:
            self.requests.append((request.command, path, body))
            self.times.append(time.monotonic())
            what, how = self.take_fault(request.command, path)
        if request.headers.get("API-Version") != "current":
            self.wrong(f"API-Version: {request.headers.get('API-Version')}")
        if what == "close-before":
            return self.cut(request)
        if what == "hang-before":
            time.sleep(how)
            return self.cut(request)
        status, answer = self.answer(request.command, path, {**query, **body}, request.headers.get("Auth-Token"), what, how)
        if what == "close-after":
            return self.cut(request)
        if what == "hang-after":
            time.sleep(how)
            return self.cut(request)
        if what == "html":
            return self.send(request, 200, b"<html>gateway</html>")
        if what == "500":
            status, answer = 500, self.envelope("failure", {}, [message("it broke", "INTERNAL_ERROR", "ERROR")])
        headers = {}
        if what in ("job", "job-for-ever", "incomplete") or status == 307:
            job = answer["job_id"] if status == 307 else self.job(answer, 10 ** 9 if what == "job-for-ever" else 2)
            answer = {"status": "incomplete", "data": {}, "job_id": job, "msgs": []}
            status = 200 if what == "incomplete" else 307
            if status == 307:
                headers["Location"] = f"/REST/Job/{job}"
        if what == "throttle":
            headers["Retry-After"] = str(how)
        return self.send(request, status, json.dumps(answer).encode(), headers)

    def body(self, request, raw):
        if not raw:
            return {}
        if request.headers.get("Content-Type") != "application/json":
            self.wrong(f"Content-Type {request.headers.get('Content-Type')}")
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self.wrong(f"no JSON object: {raw!r}")
            return {}
        return body

    @staticmethod
    def send(request, status, body, headers=None):
        with contextlib.suppress(OSError):
            request.send_response(status)
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(body)

    @staticmethod
    def cut(request):
        with contextlib.suppress(OSError):
            request.connection.shutdown(socket.SHUT_RDWR)
        request.close_connection = True

    def take_fault(self, method, path):
        for i, (of, resource, what, how) in enumerate(self.faults):
            if of == method and path.startswith(resource):
                del self.faults[i]
                return what, how
        return None, None

    def envelope(self, status, data, messages, job=None):
        return {"status": status, "data": data, "job_id": job or next(self.ids), "msgs": messages}

    def job(self, answer, polls):
        with self.lock:
            self.jobs[str(answer["job_id"])] = [polls, answer]
            return answer["job_id"]

    # -- the API ---------------------------------------------------------------------------------------------------
    def answer(self, method, path, body, token, what, how):
        try:
            if what == "throttle":
                raise Refused("RATE_LIMIT_EXCEEDED", "Rate limit exceeded", 429)
            if what == "rate":
                raise Refused("RATE_LIMIT_EXCEEDED", "Rate limit exceeded", 200)
            if what == "blocked":
                task = self.task(how, blocking="Y")
                raise Refused("ILLEGAL_OPERATION", "zone: Operation blocked by current task", 400,
                              ("task_name: ProvisionZone", f"task_id: {task}"))
            if what == "busy":
                raise Refused("OPERATION_FAILED", "token: This session already has a job running", 200)
            if what == "refused":
                raise Refused(*how)
            if what == "forget":
                self.forget_sessions()
            with self.lock:
                data, info = self.dispatch(method, [urllib.parse.unquote(part) for part in path.split("/") if part],
                                           body, token)
            return 200, self.envelope("success", data, [message(info)])
        except Refused as refused:
            return refused.status, self.envelope("failure", {}, refused.messages, refused.job)

    def dispatch(self, method, parts, body, token):
        resource, rest = parts[0].lower(), parts[1:]
        if resource == "session" and method == "POST":
            return self.log_in(body)
        session = self.sessions.get(token)
        if session is None:
            raise Refused("INVALID_DATA", "login: Bad or expired credentials", 400,
                          ("login: There was a problem with your credentials",))
        if not session.busy.acquire(blocking=False):
            self.wrong(f"two requests of one session at a time: {method} {parts}")
            raise Refused("OPERATION_FAILED", "token: This session already has a job running")
        try:
            if resource == "session" and method == "DELETE":
                del self.sessions[token]
                return {}, "logout: Logout successful"
            if resource == "job":
                return self.poll_job(rest[0])
            if resource == "task":
                return self.poll_task(rest[0])
            if resource == "zonechanges" and method == "DELETE":
                self.find_zone(rest[0])
                dropped = session.pending.pop(rest[0], [])
                return {}, f"discard: {len(dropped)} zone changes discarded"
            if resource == "zone" and method == "PUT":
                return self.publish(session, rest[0], body)
            found = re.fullmatch(r"(any|a|aaaa|cname|txt)record", resource)
            if found:
                return self.record(session, method, found.group(1).upper(), rest, body)
        finally:
            session.busy.release()
        raise Refused("INVALID_REQUEST", "no such resource", 404)

    def log_in(self, body):
        if set(body) != {"customer_name", "user_name", "password"}:
            self.wrong(f"log-in with {sorted(body)}")
        granted = (body.get("customer_name"), body.get("user_name"), body.get("password")) == (CUSTOMER, USER, PASSWORD)
        self.log_ins.append((time.monotonic(), granted))
        if not granted:
            raise Refused("INVALID_DATA", "login: Credentials do not match", 400,
                          ("login: There was a problem with your credentials",))
        token = secrets.token_urlsafe(32)
        self.sessions[token] = Session()
        return {"token": token, "version": "3.7.13"}, "login: Login successful"

    def poll_job(self, job):
        if job not in self.jobs:
            raise Refused("NOT_FOUND", "job: No such job", 404)
        self.jobs[job][0] -= 1
        if self.jobs[job][0] > 0:
            raise Running(job)
        stored = self.jobs[job][1]
        if stored["status"] != "success":
            refused = Refused("", "", 200)
            refused.messages = stored["msgs"]
            raise refused
        return stored["data"], "job"

    def task(self, polls, blocking="N"):
        task = str(next(self.ids))
        self.tasks[task] = [polls, blocking]
        return task

    def poll_task(self, task):
        if task not in self.tasks:
            raise Refused("NOT_FOUND", "task: No such task", 404)
        self.tasks[task][0] -= 1
        over = self.tasks[task][0] <= 0
        return {"task_id": task, "name": "PublishZone", "status": "complete" if over else "running",
                "blocking": self.tasks[task][1], "step_count": 1, "total_steps": 1, "args": []}, "task"

    def find_zone(self, name):
        if name not in self.zones:
            raise Refused("NOT_FOUND", "zone: No such zone", 404)
        return self.zones[name]

    def publish(self, session, name, body):
        zone = self.find_zone(name)
        if body.get("publish") is not True or set(body) - {"publish", "notes"} or len(body.get("notes", "")) > 256:
            self.wrong(f"publish with {body}")
        if self.before_publish:
            self.before_publish()
        operations = session.pending.pop(name, [])
        if operations:
            before = {key: [r["rdata"] for r in records] for key, records in zone.records.items()}
            zone.records = zone.view(operations)
            zone.serial += 1
            for records in zone.records.values():
                for record in records:
                    record["record_id"] = next(self.ids)
            after = {key: [r["rdata"] for r in records] for key, records in zone.records.items()}
            self.writes.append({key: [next(iter(r.values())) for r in after.get(key, [])]
                                for key in before.keys() | after.keys() if before.get(key) != after.get(key)})
        return {"zone": name, "zone_type": "Primary", "serial_style": "increment", "serial": zone.serial,
                "task_id": self.task(self.task_polls)}, f"publish: {name} published"

    def shown(self, zone, name, kind, records):
        return [{"zone": zone, "fqdn": name, "record_type": kind, **copy.deepcopy(record)} for record in records]

    def record(self, session, method, kind, parts, body):
        zone_name, name = parts[0].rstrip(".").lower(), parts[1].rstrip(".").lower()
        record_id = parts[2] if len(parts) > 2 else None
        zone = self.find_zone(zone_name)
        operations = session.pending.setdefault(zone_name, [])
        view = zone.view(operations)
        here = {k: records for (n, k), records in view.items() if n == name}
        if kind == "ANY":
            if method != "GET" or body.get("detail") != "Y":
                self.wrong(f"ANYRecord {method} {body}")
            if not here:
                raise Refused("NOT_FOUND", "node: Node is not in the zone", 404, ("get_tree: Node name not found",))
            return {f"{k.lower()}_records": self.shown(zone_name, name, k, here.get(k, [])) for k in
                    ("A", "AAAA", "CNAME", "TXT", "MX", "NS", "SOA")}, "get: Found the records"
        mine = here.get(kind, [])
        if method == "GET":
            if not here:
                raise Refused("NOT_FOUND", "node: Node is not in the zone", 404)
            return self.shown(zone_name, name, kind, mine), "detail: Found records"
        if method == "DELETE":
            if not mine or (record_id and all(str(r["record_id"]) != record_id for r in mine)):
                raise Refused("NOT_FOUND", "record: not there", 404)
            keep = [r for r in mine if record_id and str(r["record_id"]) != record_id]
            self.stage(operations, name, kind, keep)
            return {}, "delete: Record will be deleted on zone publish"
        if method == "PUT" and record_id is None:
            if not self.set_form or f"{kind}Records" not in body:
                raise Refused("MISSING_DATA", "rdata: Required")
            if set(body) != {f"{kind}Records"} or not body[f"{kind}Records"]:
                self.wrong(f"set of {kind}: {body}")
            fresh = [self.checked(kind, one) for one in body[f"{kind}Records"]]
        else:
            one = self.checked(kind, body)
            if method == "POST":
                fresh = [*mine, one]
            else:
                if all(str(r["record_id"]) != record_id for r in mine):
                    raise Refused("NOT_FOUND", "record: not there", 404)
                fresh = [one if str(r["record_id"]) == record_id else r for r in mine]
        others = {k for k, records in here.items() if records and k != kind and "CNAME" in (k, kind)}
        if others or (kind == "CNAME" and len(fresh) > 1):
            raise Refused("ILLEGAL_OPERATION", f"add: {kind} cannot stand beside {sorted(others)}")
        self.stage(operations, name, kind, fresh)
        return self.shown(zone_name, name, kind, fresh), "add: Record added"

    def checked(self, kind, one):
        if set(one) != {"rdata", "ttl"} or set(one["rdata"]) != RDATA[kind] or not isinstance(one["ttl"], int):
            self.wrong(f"record of type {kind}: {one}")
        if kind == "CNAME" and not one["rdata"]["cname"].endswith("."):
            self.wrong(f"a host name without its final dot: {one}")
        rdata = {key: value.rstrip(".") if kind == "CNAME" else value for key, value in one["rdata"].items()}
        return {"ttl": one["ttl"], "rdata": rdata, "record_id": next(self.ids)}

    @staticmethod
    def stage(operations, name, kind, records):
        records = copy.deepcopy(records)
        operations.append(lambda view: view.__setitem__((name, kind), copy.deepcopy(records)))


class Running(Refused):
    """A job that has not ended: 307 again."""

    def __init__(self, job):
        super().__init__("", "", 307)
        self.job = job
