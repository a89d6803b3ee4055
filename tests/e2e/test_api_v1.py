"""/api/v1: who may, what it answers, what is refused, and that the pages about it tell the truth."""

import concurrent.futures
import copy
import json
import re
import socket
import subprocess
import time

import jsonschema
import pytest
import yaml

import harness
from harness import NAME, ROOT, run, wait_until
from http_client import OPS, PASSWORD, READER, ROBOT, Api, api_section, credentials, hash_of

OPENAPI = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())
SERVICE = f"/api/v1/services/{NAME}"


def resolved(thing):
    """A schema of the OpenAPI file with its references replaced; none of them is recursive."""
    if isinstance(thing, dict):
        if "$ref" in thing:
            found = OPENAPI
            for part in thing["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            return resolved(found)
        return {key: resolved(value) for key, value in thing.items()}
    return [resolved(value) for value in thing] if isinstance(thing, list) else thing


def operations():
    for path, item in OPENAPI["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield method.upper(), path.replace("{fqdn}", NAME), resolved(operation)


def checked(answer, operation):
    """The answer has the shape that the file promises for it."""
    described = operation["responses"].get(str(answer.status)) or operation["responses"]["default"]
    kind = answer.headers["Content-Type"].split(";")[0]
    assert kind in described["content"], (answer, kind)
    if kind.endswith("json"):
        jsonschema.validate(answer.json(), described["content"][kind]["schema"],
                            jsonschema.Draft202012Validator)
    return answer


def problem(answer, status, code):
    schema = resolved({"$ref": "#/components/schemas/Problem"})
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    jsonschema.validate(answer.json(), schema, jsonschema.Draft202012Validator)
    assert answer.json()["status"] == status and answer.json()["code"] == code, answer
    return answer.json()


def test_every_documented_call_answers_as_documented(world):
    world.pair()
    world.settled(api=api_section(world))
    api = Api(world)
    seen = 0
    for method, path, operation in operations():
        if path == "/api/v1/events":
            continue  # has no end: see below
        is_open = operation.get("security") == [{}]
        refused = api.call(method, path, None, {} if method == "POST" else None)
        if is_open:
            assert refused.status == 200, refused
            continue
        problem(refused, 401, "unauthorized")
        assert sorted(word.split()[0] for word in refused.headers.get_all("WWW-Authenticate")) == ["Basic", "Bearer"]
        checked(refused, operation)
        for who, may in ((OPS, True), (ROBOT, True), (READER, operation["x-scope"] == "read")):
            answer = checked(api.call(method, path, who, {} if method == "POST" else None), operation)
            assert answer.status == (200 if may else 403), (method, path, answer)
            if path.endswith("/deactivate") and may:
                assert api.post(f"{SERVICE}/activate").status == 200
            for header, value in (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
                                  ("X-Frame-Options", "DENY")):
                assert answer.headers[header] == value, (path, header)
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]
            seen += 1
        if method == "GET":
            head = api.call("HEAD", path)
            assert head.status == 200 and head.body == b"" and int(head.headers["Content-Length"]) > 0
        wrong = api.call("DELETE", path)
        problem(wrong, 405, "method_not_allowed")
        assert method in wrong.headers["Allow"]
    assert seen > 20


def test_it_shows_what_hotswapctl_shows(world):
    world.pair()
    daemon = world.settled(api=api_section(world))
    api = Api(world)

    def same(path, *words):
        """Two looks at a thing that changes every second: one of some pairs agrees."""
        def agree():
            mine, its = api.get(path), json.loads(daemon.ctl_ok(*words, "--json"))
            return mine.status == 200 and mine.json() == its
        wait_until(f"{path} is {words}", agree)

    same("/api/v1/services", "status")
    same(SERVICE, "show", NAME)
    same(f"/api/v1/services/{NAME.upper()}.", "show", NAME)
    same(f"{SERVICE}/explain", "explain", NAME)
    same(f"{SERVICE}/history?limit=20", "history", NAME)
    assert len(api.get(f"{SERVICE}/history?limit=1").json()["entries"]) == 1


def test_the_operators_commands(world):
    world.pair()
    daemon = world.settled(api=api_section(world))
    api = Api(world)
    done = api.post(f"{SERVICE}/force-failover", {"reason": "new rack\u202e on Tuesday"})
    assert done.status == 200 and NAME in done.json()["text"], done
    daemon.wait_serves(world.backup)
    assert api.get(SERVICE).json()["forced"] == "failover"
    told = api.get(f"{SERVICE}/history").body.decode()
    assert "new rack\\\\xe2\\\\x80\\\\xae on Tuesday" in told and "ops (acme)" in told, told
    assert api.post(f"{SERVICE}/recover", {"reason": None}, ROBOT).status == 200
    daemon.wait_serves(world.primary)
    daemon.wait_status("ok")
    assert "token robot" in api.get(f"{SERVICE}/history").body.decode()
    assert api.post(f"{SERVICE}/force-failover", {"for_ms": 1500}).status == 200
    daemon.wait_serves(world.backup)
    daemon.wait_serves(world.primary)
    assert api.post(f"{SERVICE}/deactivate").status == 200
    assert api.get(SERVICE).json()["active"] is False
    assert api.post(f"{SERVICE}/activate").status == 200
    daemon.wait_status("ok")


def test_a_bad_request_is_refused_and_changes_nothing(world):
    world.pair()
    daemon = world.settled(api=api_section(world))
    api = Api(world)
    force = f"{SERVICE}/force-failover"
    json_type = {"Content-Type": "application/json"}
    for body, headers, status, code in (
            ("{", json_type, 400, "invalid_argument"),
            ("[]", json_type, 400, "invalid_argument"),
            ("{}{}", json_type, 400, "invalid_argument"),
            (b"\xff\xfe{}", json_type, 400, "invalid_argument"),
            ("[" * 100_000, json_type, 400, "invalid_argument"),
            ('{"raison": "x"}', json_type, 400, "invalid_argument"),
            ('{"fqdn": "other.example.com"}', json_type, 400, "invalid_argument"),
            ('{"reason": 7}', json_type, 400, "invalid_argument"),
            ('{"for_ms": 0}', json_type, 400, "invalid_argument"),
            ('{"for_ms": -1}', json_type, 400, "invalid_argument"),
            ('{"for_ms": 1e300}', json_type, 400, "invalid_argument"),
            ('{"for_ms": "10s"}', json_type, 400, "invalid_argument"),
            ("{}", {}, 415, "unsupported_media_type"),
            ("{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
            ("a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
            ("{}", {**json_type, "Host": "evil.example"}, 421, "misdirected"),
            ("{}", {**json_type, "Host": ""}, 421, "misdirected")):
        problem(api.post(force, body, headers=headers), status, code)
    large = {**json_type, "Content-Length": "1048577"}  # it is refused before it comes
    assert api.post(force, "{", headers=large).status == 413
    for path, status in ((f"{SERVICE}/nothing", 404), ("/api/v1", 404), ("/api/v2/services", 404), ("/nowhere", 404),
                         ("/api/v1/services/nowhere.example.com", 404), (f"{SERVICE}/history?limit=0", 400),
                         (f"{SERVICE}/history?limit=10001", 400), (f"{SERVICE}?x=1", 400),
                         ("/api/v1/services/%00", 404), ("/api/v1/services/..%2f..%2fetc", 404),
                         ("/api/v1/services/" + "x" * 10_000, 404)):
        problem(api.get(path), status, {404: "not_found", 400: "invalid_argument"}[status])
    for authorization in ("Basic", "Basic !!!", "Bearer", "Digest x", "Basic " + "A" * 8000, "Bearer " + "x" * 8000):
        problem(api.get(SERVICE, None, Authorization=authorization), 401, "unauthorized")
    assert daemon.service()["forced"] is None and daemon.serves() == [world.primary]


def test_names_by_which_it_may_be_asked(world):
    world.pair()
    daemon = world.settled(api=api_section(world, host_names=["hotswap.example.net"]))
    api = Api(world)
    for host in (world.api_address, f"{world.api_address}:1", "localhost", "hotswap.example.net:8053"):
        assert api.get("/api/v1/services", Host=host).status == 200, host
    for host in ("evil.example", "127.0.0.1", "hotswap.example.net.evil.example", "[::1]"):
        problem(api.get("/api/v1/services", Host=host), 421, "misdirected")
        problem(api.get("/api/v1/events", Host=host), 421, "misdirected")
    assert api.get("/healthz", None, Host="evil.example").status == 200
    with socket.create_connection((api.address, api.port), 10) as client:
        lines = [f"GET {SERVICE} HTTP/1.1", f"Host: {world.api_address}", "Host: evil.example", "Connection: close",
                 f"Authorization: Bearer {READER}"]
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        assert client.recv(4096).split()[1] in (b"421", b"400")
    assert daemon.status() == "ok"


def test_failed_log_ins_are_limited_and_what_was_right_goes_on(world):
    world.pair()
    daemon = world.settled(api=api_section(world))
    api = Api(world)
    assert api.get(SERVICE).status == 200
    assert api.get(SERVICE, ("acme/ops", PASSWORD)).status == 200
    for number in range(30):
        who = (("ops", f"guess {number}"), ("nobody", PASSWORD), ("other/ops", PASSWORD))[number % 3]
        problem(api.get(SERVICE, who), 401, "unauthorized")
    limited = api.get(SERVICE, ("ops", "one more"))
    problem(limited, 429, "too_many_failures")
    assert 1 <= int(limited.headers["Retry-After"]) <= 60
    assert api.get(SERVICE).status == 200, "it was right a moment ago"
    assert api.get(SERVICE, READER).status == 200, "a token is no password"
    assert api.get("/healthz", None).status == 200
    problem(api.get(SERVICE, ("ops", "and one")), 429, "too_many_failures")
    daemon.logged("HS1024")
    assert len(re.findall(r"HS1024 .*address=127\.0\.0\.1$", daemon.log(), re.M)) == 1
    for secret in ("guess 3", PASSWORD, READER):
        assert secret not in daemon.log()


def test_what_a_log_in_costs_is_not_the_loops(world):
    """Sixty-four clients at once with passwords that cost a tenth of a second each: the probes stay on time."""
    world.pair()
    slow = hash_of(PASSWORD, rounds=150_000)
    users = [{"customer": "acme", "user": f"user{i}", "password_hash": slow} for i in range(64)]
    daemon = world.settled(api=api_section(world, users=users))
    api = Api(world)
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda i: api.get(SERVICE, (f"user{i}", PASSWORD)), range(64)))
    with concurrent.futures.ThreadPoolExecutor(60) as pool:  # of one user, who is known to nobody yet
        same = list(pool.map(lambda i: api.get(SERVICE, ("acme/user0", PASSWORD)), range(60)))
    assert {answer.status for answer in same} == {200}, same
    statuses = [answer.status for answer in answers]
    assert set(statuses) <= {200, 503} and statuses.count(200) >= 8, statuses
    for answer in answers:
        if answer.status == 503:
            problem(answer, 503, "busy")
            assert int(answer.headers["Retry-After"]) >= 1
    assert daemon.service()["status"] == "ok"
    began = time.monotonic()
    assert api.get("/healthz", None).status == 200
    assert time.monotonic() - began < 1 * harness.SLOW


def test_the_rate_limit_counts_each_by_himself(world):
    world.pair()
    world.settled(api=api_section(world, rate_limit={"per_second": 1000, "per_minute": 4}))
    api = Api(world)
    for _ in range(4):
        assert api.get("/api/v1/services", READER).status == 200
    limited = api.get("/api/v1/services", READER)
    problem(limited, 429, "rate_limited")
    assert 1 <= int(limited.headers["Retry-After"]) <= 60
    problem(api.get("/metrics", READER), 429, "rate_limited")
    assert api.get("/api/v1/services", ROBOT).status == 200
    assert api.get("/api/v1/services", OPS).status == 200
    assert api.get("/healthz", None).status == 200


def test_a_reload_changes_who_may(world):
    world.pair()
    daemon = world.settled(api=api_section(world))
    api = Api(world)
    assert api.get(SERVICE).status == 200
    config = copy.deepcopy(daemon.config)
    config["api"]["users"] = [{"customer": "acme", "user": "ops", "password_hash": hash_of("another")}]
    config["api"]["tokens"] = [{"name": "new", "token": "a-new-token-0123456789", "scope": "read"}]
    config["api"]["anonymous_read"] = True
    config["api"]["host_names"] = ["new.example.net"]
    config["api"]["rate_limit"] = {"per_second": 1000, "per_minute": 8}
    assert api.get("/metrics", None).status == 401
    daemon.write(config)
    changes = api.post("/api/v1/config/check")
    assert changes.status == 200 and changes.json()["restart_needed"] == [], changes
    assert changes.json()["global"] == [f"api.{key}" for key in ("users", "tokens", "rate_limit", "host_names",
                                                                  "anonymous_read")]
    assert api.get(SERVICE).status == 200, "a check changes nothing"
    done = api.post("/api/v1/config/reload")
    assert done.status == 200 and done.json() == changes.json()
    problem(api.get(SERVICE), 401, "unauthorized")
    problem(api.get(SERVICE, READER), 401, "unauthorized")
    assert api.get(SERVICE, ("ops", "another")).status == 200
    assert api.get(SERVICE, "a-new-token-0123456789", Host="new.example.net").status == 200
    assert api.get("/metrics", None).status == 200
    problem(api.get(SERVICE, None), 401, "unauthorized")
    assert 429 in [api.get(SERVICE, "a-new-token-0123456789", Host="new.example.net").status for _ in range(9)]

    config["services"][0]["address"] = "nonsense address"
    daemon.write(config)
    wrong = problem(api.post("/api/v1/config/check", who=("ops", "another")), 400, "invalid_argument")
    assert any(re.search(r"hotswapd\.yaml:\d+:\d+: error: services\[0\]\.address", line) for line in wrong["errors"])
    problem(api.post("/api/v1/config/reload", who=("ops", "another")), 400, "invalid_argument")
    assert daemon.status() == "ok"


class Follower:
    """A client of the events, read line by line."""

    def __init__(self, api, who=OPS, last=None, read=True):
        self.socket = socket.create_connection((api.address, api.port), 20)
        lines = ["GET /api/v1/events HTTP/1.1", f"Host: {api.address}"]
        lines += [f"{name}: {value}" for name, value in credentials(who).items()]
        lines += [f"Last-Event-ID: {last}"] if last else []
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.stream = self.socket.makefile("r", encoding="utf-8", newline="\n")
        if read:
            self.head = [line.rstrip("\r\n") for line in iter(self.stream.readline, "\r\n")]

    def next(self):
        """(event type, id, data) of the next event, comments left out; None at the end."""
        kind, number, data = "message", None, None
        for line in self.stream:
            line = line.rstrip("\n")
            if line == "" and data is not None:
                return kind, number, json.loads(data)
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                number = value
            elif name == "data":
                data = value
        return None

    def until(self, check):
        seen = []
        while (event := self.next()) is not None:
            seen.append(event)
            if check(event[2]):
                return seen
        raise AssertionError(f"the stream ended: {seen}")

    def close(self):
        self.stream.close()
        self.socket.close()


def test_events_follow_and_who_comes_back_misses_nothing(world):
    primary, _ = world.pair()
    daemon = world.settled(api=api_section(world))
    api = Api(world)
    first = Follower(api, READER)
    assert first.head[0] == "HTTP/1.1 200 OK" and "Content-Type: text/event-stream" in first.head, first.head
    api.post(f"{SERVICE}/force-failover", {"reason": "see it"})
    seen = first.until(lambda data: "see it" in data.get("text", ""))
    schema = resolved({"$ref": "#/components/schemas/Event"})
    for _, number, data in seen:
        assert re.fullmatch(r"[0-9a-f]{8}-\d+", number)
        jsonschema.validate(data, schema)
        assert data["fqdn"] == NAME
    last = seen[-1][1]
    first.close()
    daemon.wait_serves(world.backup)
    api.post(f"{SERVICE}/recover", {"reason": "seen"})
    daemon.wait_serves(world.primary)
    back = Follower(api, OPS, last)
    missed = back.until(lambda data: "seen" in data.get("text", ""))
    numbers = [int(number.split("-")[1]) for _, number, _ in missed]
    assert numbers == list(range(int(last.split("-")[1]) + 1, numbers[-1] + 1)), "all that came meanwhile, in order"

    strange = Follower(api, OPS, "00000000-7")
    assert strange.next() == ("dropped", None, {"dropped": None})

    config = copy.deepcopy(daemon.config)
    config["api"]["tokens"] = []
    daemon.write(config)
    daemon.ctl_ok("reload")
    while strange.next() is not None:  # a reload that changes `api` ends the streams
        pass
    back.close()
    strange.close()
    refused = Follower(api, READER)
    assert refused.head[0].startswith("HTTP/1.1 401")
    refused.close()


def test_many_followers_and_one_that_does_not_read(world):
    world.pair()
    daemon = world.settled(api=api_section(world))
    api = Api(world)
    # One address may have 64 connections: that is as many as may follow.
    deaf = [Follower(api, read=False) for _ in range(60)]
    reader = Follower(api)
    assert reader.head[0] == "HTTP/1.1 200 OK", reader.head
    api.post(f"{SERVICE}/force-failover", {"reason": "x" * 250})
    reader.until(lambda data: "xxx" in data.get("text", ""))
    assert daemon.status() in ("ok", "failover")
    for follower in [*deaf, reader]:
        follower.close()
    daemon.stop(10)


def test_slow_requests_end(world):
    world.pair()
    daemon = world.settled(api=api_section(world))
    api = Api(world)
    slow = [socket.create_connection((api.address, api.port), 20) for _ in range(8)]
    for number, client in enumerate(slow):
        client.sendall([b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST /api/v1/config/reload HTTP/1.1\r\nHost: x\r\n"
                        b"Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{", b""][number % 4])
    assert api.get(SERVICE).status == 200
    for client in slow:
        client.settimeout(25 * harness.SLOW)
        try:
            while client.recv(4096):
                pass
        except ConnectionError:
            pass
        client.close()
    assert api.get(SERVICE).status == 200 and daemon.status() == "ok"


# -- the pages about it ------------------------------------------------------------------------------------------------

def examples():
    """Each `$ curl ...` line of docs/api.md."""
    lines = (ROOT / "docs/api.md").read_text().splitlines()
    return [line.removeprefix("    $ ") for line in lines if line.startswith("    $ curl ")]


def test_every_call_has_an_example():
    text = "\n".join(examples()).replace("www.example.com", "{fqdn}")
    for path, item in OPENAPI["paths"].items():
        assert re.search(re.escape(f"http://127.0.0.1:8053{path}") + r"(['? \n]|$)", text), path
        assert set(item) - {"parameters"} in ({"get"}, {"post"})


def test_the_examples_work_as_they_stand(world, tmp_path):
    assert NAME == "www.example.com"
    world.pair()
    made = run([harness.BIN / "hotswapctl", "passwd"], input="secret\n")
    assert made.returncode == 0 and made.stdout.startswith("$y$"), made
    (tmp_path / "ops.hash").write_text(made.stdout)
    (tmp_path / "ci.token").write_text("f00d" * 16 + "\n")
    for name in ("ops.hash", "ci.token"):
        (tmp_path / name).chmod(0o600)
    config = yaml.safe_load(re.search(r"```yaml\n(api:.*?)```", (ROOT / "docs/api.md").read_text(), re.S)[1])["api"]
    assert set(config) == {"listen", "users", "tokens"}
    config["listen"] = f"{world.api_address}:{world.api_port}"
    config["users"][0]["password_hash_file"] = str(tmp_path / "ops.hash")
    for token in config["tokens"]:
        token["token_file"] = str(tmp_path / "ci.token")
    config["tokens"] = config["tokens"][:1]
    daemon = world.settled(api=config)
    check = run([harness.BIN / "hotswapd", "--check", "--config", daemon.config_path])
    assert check.returncode == 0 and "not built" not in check.stdout + check.stderr, check
    for line in examples():
        command = line.replace("127.0.0.1:8053", f"{world.api_address}:{world.api_port}")
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30,
                              env={"PATH": "/usr/bin:/bin", "TOKEN": "f00d" * 16})
        expected = 28 if " -m 2 " in line else 0  # events have no end
        assert done.returncode == expected, (line, done)
        assert done.stdout, line
        if "/nowhere" in line:
            assert json.loads(done.stdout)["code"] == "not_found"
    daemon.wait_status("ok")


@pytest.mark.parametrize("key, word", [("scope", "events")])
def test_what_is_not_built_is_said(world, key, word):
    world.pair()
    daemon = world.prepared(api=api_section(world, tokens=[{"name": "eb", "token": "x" * 30, key: word}]))
    check = run([harness.BIN / "hotswapd", "--check", "--config", daemon.config_path])
    assert f"api.tokens[0].{key}: not built yet" in check.stdout + check.stderr, check
