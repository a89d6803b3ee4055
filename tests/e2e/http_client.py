"""A client of hotswapd's API as strict as can be: what it says and what it gets, byte for byte where that matters."""

import base64
import http.client
import json
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

PASSWORD = "correct horse"


def hash_of(password, method=crypt.METHOD_SHA512, rounds=1000):
    """A cheap one: the tests do not measure crypt(3)."""
    return crypt.crypt(password, crypt.mksalt(method, rounds=rounds))


def api_section(world, **more):
    """The configuration's `api`, with a user and a token of each kind."""
    return {"listen": f"{world.api_address}:{world.api_port}",
            "users": [{"customer": "acme", "user": "ops", "password_hash": hash_of(PASSWORD)}],
            "tokens": [{"name": "reader", "token": "token-that-reads-0123456789", "scope": "read"},
                       {"name": "robot", "token": "token-that-operates-0123456789", "scope": "operate"}],
            **more}


OPS = ("ops", PASSWORD)
READER = "token-that-reads-0123456789"
ROBOT = "token-that-operates-0123456789"


def credentials(who):
    """A pair logs in by Basic, a text is a token."""
    if who is None:
        return {}
    if isinstance(who, str):
        return {"Authorization": f"Bearer {who}"}
    return {"Authorization": "Basic " + base64.b64encode(":".join(who).encode()).decode()}


class Answer:
    def __init__(self, answer):
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Api:
    def __init__(self, world):
        self.address, self.port = world.api_address, world.api_port

    def call(self, method, path, who=OPS, body=None, headers=None):
        connection = http.client.HTTPConnection(self.address, self.port, timeout=20)
        try:
            said = {**credentials(who), **(headers or {})}
            if body is not None and not isinstance(body, (str, bytes)):
                body = json.dumps(body)
                said.setdefault("Content-Type", "application/json")
            connection.request(method, path, body, said)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, who=OPS, **headers):
        return self.call("GET", path, who, headers=headers)

    def post(self, path, body=None, who=OPS, headers=None):
        return self.call("POST", path, who, {} if body is None else body, headers)
