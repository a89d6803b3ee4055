"""A stand-in for Route 53, STS, the metadata service and a container's agent. Judge of every request: botocore's signer
and botocore's models of the services."""

import datetime
import http.server
import json
import re
import socket
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session
import botocore.validate

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
ZONE_ID = "Z0HOTSWAP"
ACCOUNT = "123456789012"
KEY_ID, SECRET = "AKIDHOTSWAP", "never/seen+SECRETwJalrXUtnFEMI"
REGION = "eu-west-1"
NEVER_SHOWN = "SECRET"  # part of every secret that is given out here

_session = botocore.session.Session()
_models = {name: _session.get_service_model(name) for name in ("route53", "sts")}


class Refusal(Exception):
    def __init__(self, status, code, *messages, headers=()):
        super().__init__(code)
        self.status, self.code, self.messages, self.headers = status, code, messages, dict(headers)


def plain(name):
    """As names are kept: lower case, without final dot, escapes undone."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), name).rstrip(".").lower()


def shown(name):
    """As Route 53 gives names out."""
    return re.sub(r"[^a-z0-9_.-]", lambda found: f"\\{ord(found[0]):03o}", name) + "."


def order(key):
    name, kind, identifier = key
    return list(reversed(name.split("."))), kind, identifier


class Aws:
    """Serves on `address`; `url` is the endpoint of everything. A zone's records: (name, type, set identifier) -> dict."""

    def __init__(self, address, zone, keys=None):
        self.zone = zone
        self.sets = {(zone, "NS", ""): {"ttl": 172800, "values": [f"ns1.{zone}."]},
                     (zone, "SOA", ""): {"ttl": 900, "values": [f"ns1.{zone}. hostmaster.{zone}. 1 7200 900 1209600 86400"]}}
        self.keys = {KEY_ID: SECRET} if keys is None else keys
        self.tokens = {}        # access key -> session token
        self.expired = set()    # access keys that have run out
        self.requests = []      # dicts: operation, key, at (monotonic), and what it carried
        self.effects = []       # the batches that were made
        self.faults = []        # (operation, what): taken in order by the requests they are for
        self.clock = 0          # seconds that AWS's clock is ahead of this one's
        self.skew_code = "SignatureDoesNotMatch"
        self.old_errors = False
        self.in_sync_at = {}    # change id -> monotonic
        self.sync_after = 0
        self.roles = {}         # arn -> required external id, or None
        self.lifetime = 3600
        self.agent_token = None
        self.role_name = None   # of the machine; None: there is no metadata service
        self.metadata_tokens = set()
        self.on_change = lambda changes: None
        self.lock = threading.RLock()
        self.minted = 0
        self.wrong = []         # what no client of AWS may do
        self.server = http.server.ThreadingHTTPServer((address, 0), type("Handler", (Handler,), {"aws": self}))
        self.server.daemon_threads = True
        self.address, self.port = self.server.server_address[:2]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://{self.address}:{self.port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        assert not self.wrong, self.wrong

    def put(self, name, kind, *values, ttl=30, identifier="", **more):
        with self.lock:
            self.sets[name, kind, identifier] = {"ttl": ttl, "values": list(values), **more}

    def values(self, name, kind="A"):
        with self.lock:
            return list(self.sets.get((name, kind, ""), {"values": []})["values"])

    def generation(self, name):
        found = re.match(r'"gen=(\d+)', "".join(self.values(f"_hotswap.{name}", "TXT")))
        return int(found[1]) if found else None

    def said(self, operation):
        with self.lock:
            return [request for request in self.requests if request["operation"] == operation]

    def mint(self):
        with self.lock:
            self.minted += 1
            key = f"ASIAMINTED{self.minted:06}"
            self.keys[key] = f"minted/{NEVER_SHOWN}{self.minted:06}"
            self.tokens[key] = f"token/{NEVER_SHOWN}//{self.minted:06}=="
        ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.lifetime + self.clock)
        return key, self.keys[key], self.tokens[key], ends.strftime("%Y-%m-%dT%H:%M:%SZ")

    # What every signed request goes through.

    def signer_of(self, service, region, method, target, headers, body):
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
                             r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})", headers.get("Authorization", ""))
        if not found:
            raise Refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        key, day, signed_region, signed_service, names, signature = found.groups()
        if (signed_region, signed_service) != (region, service):
            raise Refusal(403, "SignatureDoesNotMatch", f"Credential should be scoped to {region}/{service}")
        if key not in self.keys:
            raise Refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        names = names.split(";")
        needed = {"host", "x-amz-date"} | {name.lower() for name in headers
                                            if name.lower().startswith("x-amz-") or name.lower() == "content-type"}
        assert needed <= set(names), f"not signed: {needed - set(names)}"
        assert not {"authorization", "user-agent", "content-length"} & set(names), names
        date = headers["X-Amz-Date"]
        assert date[:8] == day
        request = botocore.awsrequest.AWSRequest(method, f"http://{headers['Host']}{target}", data=body)
        for name in names:
            for value in headers.get_all(name):
                request.headers.add_header(name, value)
        request.context["timestamp"] = date
        auth = botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, self.keys[key]), service, region)
        canonical = auth.canonical_request(request)
        if auth.signature(auth.string_to_sign(request, canonical), request) != signature:
            raise Refusal(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature "
                          "you provided. Check your AWS Secret Access Key and signing method.\n\nThe Canonical String "
                          f"for this request should have been\n'{canonical}'")
        if headers.get("X-Amz-Security-Token") != self.tokens.get(key):
            raise Refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        if key in self.expired:
            raise Refusal(403, "ExpiredToken", "The security token included in the request is expired")
        at = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
        if abs(at - time.time() - self.clock) > 300:
            raise Refusal(403, self.skew_code, f"Signature expired: {date}")
        return key

    # Route 53

    def list_sets(self, arguments):
        def after(key):
            if "name" not in arguments:
                return True
            start = plain(arguments["name"])
            return order(key) >= order((start, arguments.get("type", ""), arguments.get("identifier", "")))

        most = int(arguments.get("maxitems", 300))
        with self.lock:
            found = sorted((key for key in self.sets if after(key)), key=order)
            out = "".join(self.shown_set(key) for key in found[:most])
        more = f"<IsTruncated>{str(len(found) > most).lower()}</IsTruncated>"
        if len(found) > most:
            name, kind, identifier = found[most]
            more += f"<NextRecordName>{shown(name)}</NextRecordName><NextRecordType>{kind}</NextRecordType>"
            more += f"<NextRecordIdentifier>{identifier}</NextRecordIdentifier>" if identifier else ""
        return (f'<ListResourceRecordSetsResponse xmlns="{NAMESPACE}"><ResourceRecordSets>{out}</ResourceRecordSets>'
                f"{more}<MaxItems>{most}</MaxItems></ListResourceRecordSetsResponse>")

    def shown_set(self, key):
        name, kind, identifier = key
        held = self.sets[key]
        out = f"<ResourceRecordSet><Name>{shown(name)}</Name><Type>{kind}</Type>"
        if identifier:
            out += f"<SetIdentifier>{identifier}</SetIdentifier><Weight>1</Weight>"
        if "alias" in held:
            return (out + f"<AliasTarget><HostedZoneId>Z2</HostedZoneId><DNSName>{held['alias']}</DNSName>"
                    "<EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget></ResourceRecordSet>")
        values = "".join(f"<ResourceRecord><Value>{escape(value)}</Value></ResourceRecord>" for value in held["values"])
        return out + f"<TTL>{held['ttl']}</TTL><ResourceRecords>{values}</ResourceRecords></ResourceRecordSet>"

    def change(self, batch):
        with self.lock:
            sets = {key: dict(value) for key, value in self.sets.items()}
            wrong, touched = [], []
            for change in batch["Changes"]:
                wanted = change["ResourceRecordSet"]
                name, kind = plain(wanted["Name"]), wanted["Type"]
                key = (name, kind, wanted.get("SetIdentifier", ""))
                where = f"resource record set [name='{shown(name)}', type='{kind}']"
                new = {"ttl": wanted.get("TTL"), "values": [one["Value"] for one in wanted.get("ResourceRecords", [])]}
                if name != self.zone and not name.endswith("." + self.zone):
                    wrong.append(f"RRSet with DNS name {shown(name)} is not permitted in zone {self.zone}.")
                elif change["Action"] == "DELETE":
                    if key not in sets:
                        wrong.append(f"Tried to delete {where} but it was not found")
                    elif (sets[key]["ttl"], sorted(sets[key]["values"])) != (new["ttl"], sorted(new["values"])):
                        wrong.append(f"Tried to delete {where} but the values provided do not match the current values")
                    else:
                        del sets[key]
                elif change["Action"] == "CREATE" and key in sets:
                    wrong.append(f"Tried to create {where} but it already exists")
                else:
                    sets[key] = new
                touched.append(key)
            for name, kind, _ in touched:
                kinds = {key[1] for key in sets if key[0] == name}
                if "CNAME" in kinds and len(kinds) > 1:
                    wrong.append(f"RRSet of type CNAME with DNS name {shown(name)} is not permitted as it conflicts with "
                                 f"other records with the same DNS name in zone {self.zone}.")
            if wrong:
                raise Refusal(400, "InvalidChangeBatch", *dict.fromkeys(wrong))
            self.sets = sets
            self.effects.append(batch)
            change_id = f"C{len(self.effects):04}"
            self.in_sync_at[change_id] = time.monotonic() + self.sync_after
            self.on_change([(change["Action"], plain(change["ResourceRecordSet"]["Name"]),
                             change["ResourceRecordSet"]) for change in batch["Changes"]])
        return self.shown_change("ChangeResourceRecordSetsResponse", change_id)

    def shown_change(self, root, change_id):
        status = "INSYNC" if time.monotonic() >= self.in_sync_at[change_id] else "PENDING"
        return (f'<{root} xmlns="{NAMESPACE}"><ChangeInfo><Id>/change/{change_id}</Id><Status>{status}</Status>'
                f"<SubmittedAt>2026-11-21T09:25:45.035Z</SubmittedAt></ChangeInfo></{root}>")

    def route53(self, method, path, query, headers, body):
        operation, label = match_operation("route53", method, path)
        model = _models["route53"].operation_model(operation)
        record = self.record(operation, headers)
        arguments = dict(urllib.parse.parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
        known = {shape.serialization["name"] for shape in model.input_shape.members.values()
                 if shape.serialization.get("location") == "querystring"}
        if not set(arguments) <= known:
            raise Refusal(400, "InvalidInput", f"unknown: {set(arguments) - known}")
        if operation == "GetChange":
            if label not in self.in_sync_at:
                raise Refusal(404, "NoSuchChange", "A change with the specified change ID does not exist.")
            return self.shown_change("GetChangeResponse", label)
        if label != ZONE_ID:
            raise Refusal(404, "NoSuchHostedZone", f"No hosted zone found with ID: {label}")
        if operation == "ListResourceRecordSets":
            return self.list_sets(arguments)
        assert headers.get("Content-Type", "text/xml") in ("text/xml", "application/xml"), headers["Content-Type"]
        record["batch"] = parse_xml(model.input_shape, body)
        return self.change(record["batch"]["ChangeBatch"])

    # STS

    def sts(self, headers, body):
        arguments = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
        assert headers["Content-Type"].startswith("application/x-www-form-urlencoded"), headers["Content-Type"]
        assert arguments.pop("Version") == "2011-06-15"
        operation = arguments.pop("Action")
        record = self.record(operation, headers)
        shape = _models["sts"].operation_model(operation).input_shape
        typed = {name: int(value) if shape.members[name].type_name == "integer" else value
                 for name, value in arguments.items()}
        problems = botocore.validate.ParamValidator().validate(typed, shape)
        if problems.has_errors():
            raise Refusal(400, "ValidationError", problems.generate_report())
        record["arguments"] = typed
        if operation == "GetCallerIdentity":
            inner = f"<Arn>arn:aws:iam::{ACCOUNT}:user/x</Arn><UserId>U</UserId><Account>{ACCOUNT}</Account>"
        else:
            arn = typed["RoleArn"]
            if arn not in self.roles or self.roles[arn] != typed.get("ExternalId"):
                raise Refusal(403, "AccessDenied", f"not authorized to perform: sts:AssumeRole on resource: {arn}")
            key, secret, token, ends = self.mint()
            record["given"] = key
            inner = (f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>"
                     f"<SessionToken>{token}</SessionToken><Expiration>{ends}</Expiration></Credentials>"
                     f"<AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>A:b</AssumedRoleId></AssumedRoleUser>")
        return (f'<{operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{operation}Result>{inner}'
                f"</{operation}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{operation}Response>")

    # Those who need no signature.

    def agent(self, method, path, headers):
        record = self.record(f"{method} {path}", headers)
        if path.startswith("/v2/credentials"):
            if headers.get("Authorization") != self.agent_token:
                raise Refusal(401, "Unauthorized")
        elif self.role_name is None:
            raise Refusal(404, "NotFound")
        elif path == "/latest/api/token":
            if method != "PUT" or headers.get("X-aws-ec2-metadata-token-ttl-seconds") != "21600":
                raise Refusal(400, "BadRequest")
            self.metadata_tokens.add(f"metadata-{len(self.metadata_tokens)}")
            return f"metadata-{len(self.metadata_tokens) - 1}"
        elif headers.get("X-aws-ec2-metadata-token") not in self.metadata_tokens:
            raise Refusal(401, "Unauthorized")
        elif path == "/latest/meta-data/iam/security-credentials/":
            return self.role_name
        elif path != f"/latest/meta-data/iam/security-credentials/{self.role_name}":
            raise Refusal(404, "NotFound")
        key, secret, token, ends = self.mint()
        record["given"] = key
        return json.dumps({"Code": "Success", "AccessKeyId": key, "SecretAccessKey": secret, "Token": token,
                           "Expiration": ends})

    def record(self, operation, headers):
        found = re.search(r"Credential=([^/]+)/", headers.get("Authorization", ""))
        record = {"operation": operation, "key": found[1] if found else None, "at": time.monotonic()}
        with self.lock:
            self.requests.append(record)
        return record

    def fault(self, operation):
        with self.lock:
            for place, (wanted, what) in enumerate(self.faults):
                if wanted == operation:
                    return self.faults.pop(place)[1]
        return None

    def answer(self, method, target, headers, body):
        path, _, query = target.partition("?")
        if path.startswith(("/latest/", "/v2/credentials")):
            return "text/plain", self.agent(method, path, headers)
        if path == "/" and method == "POST":
            if b"AssumeRoleWithWebIdentity" in body:
                assert "Authorization" not in headers
            else:
                self.signer_of("sts", REGION, method, target, headers, body)
            return "text/xml", self.sts(headers, body)
        self.signer_of("route53", "us-east-1", method, target, headers, body)
        operation, _ = match_operation("route53", method, path)
        what = self.fault(operation)
        if isinstance(what, Refusal):
            self.record(operation, headers)
            raise what
        if callable(what):
            what()
        out = self.route53(method, path, query, headers, body)
        if what == "lose":
            raise ConnectionAbortedError
        if what == "fail afterwards":
            raise Refusal(500, "InternalFailure", "We encountered an internal error")
        return "text/xml", out

    def refusal(self, refused):
        if refused.code == "InvalidChangeBatch" and self.old_errors:
            inner = "".join(f"<Message>{escape(message)}</Message>" for message in refused.messages)
            return f'<InvalidChangeBatch xmlns="{NAMESPACE}"><Messages>{inner}</Messages></InvalidChangeBatch>'
        text = ", ".join(refused.messages)
        text = f"[{text}]" if refused.code == "InvalidChangeBatch" else text
        return (f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{refused.code}</Code>'
                f"<Message>{escape(text)}</Message></Error><RequestId>req-{len(self.requests)}</RequestId></ErrorResponse>")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes
    aws = None

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, headers = 200, {}
        try:
            assert "Transfer-Encoding" not in self.headers and "Expect" not in self.headers, dict(self.headers)
            headers["Content-Type"], text = self.aws.answer(self.command, self.path, self.headers, body)
        except Refusal as refused:
            status, text = refused.status, self.aws.refusal(refused)
            headers = {"Content-Type": "text/xml", **refused.headers}
        except ConnectionAbortedError:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        except Exception as defect:
            self.aws.wrong.append(f"{self.command} {self.path}: {defect!r}")
            raise
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def date_time_string(self, timestamp=None):
        return super().date_time_string((timestamp or time.time()) + self.aws.clock)

    def log_message(self, *words):
        pass


def match_operation(service, method, path):
    """The operation of the model that this request is, and its only label."""
    for operation in ("ListResourceRecordSets", "ChangeResourceRecordSets", "GetChange"):
        model = _models[service].operation_model(operation).http
        pattern = re.escape(model["requestUri"]).replace(r"\{Id\}", "([^/]+)")
        found = re.fullmatch(pattern, path)
        if found and model["method"] == method:
            return operation, urllib.parse.unquote(found[1])
    raise Refusal(404, "UnknownOperationException", f"{method} {path}")


def parse_xml(shape, body):
    """The body as parameters, if it is what the model says: root, namespace, elements, their order and their limits."""
    root = ET.fromstring(body)
    expected = f"{{{shape.serialization['xmlNamespace']['uri']}}}{shape.serialization['name']}"
    if root.tag != expected:
        raise Refusal(400, "MalformedInput", f"is not valid, expected {expected}")
    out = structure(shape, root)
    whole = {"HostedZoneId": ZONE_ID, **out}
    problems = botocore.validate.ParamValidator().validate(whole, shape)
    if problems.has_errors():
        raise Refusal(400, "InvalidInput", problems.generate_report())
    return out


def structure(shape, element):
    names = {member.serialization.get("name", name): (place, name, member)
             for place, (name, member) in enumerate(shape.members.items())}
    out, last = {}, -1
    for child in element:
        tag = child.tag.removeprefix(f"{{{NAMESPACE}}}")
        if tag not in names or names[tag][0] <= last:
            raise Refusal(400, "InvalidInput", f"Invalid XML ; {tag} is not expected here")
        last, name, member = names[tag]
        out[name] = value_of(member, child)
    return out


def value_of(shape, element):
    if shape.type_name == "structure":
        return structure(shape, element)
    if shape.type_name == "list":
        tag = shape.member.serialization.get("name", "member")
        if any(child.tag != f"{{{NAMESPACE}}}{tag}" for child in element):
            raise Refusal(400, "InvalidInput", f"Invalid XML ; only {tag} is expected here")
        return [value_of(shape.member, child) for child in element]
    if shape.type_name in ("integer", "long"):
        return int(element.text)
    if shape.type_name == "boolean":
        return element.text == "true"
    text = element.text or ""
    if getattr(shape, "enum", None) and text not in shape.enum:
        raise Refusal(400, "InvalidInput", f"Invalid XML ; {text} is none of {shape.enum}")
    return text
