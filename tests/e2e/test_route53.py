"""The provider route53 against a stand-in for AWS that boto3 accepts, and the chain of keys behind it."""

import json
import os
import pathlib
import subprocess
import time

import boto3
import botocore.config
import botocore.exceptions
import pytest

import harness
from aws_double import ACCOUNT, KEY_ID, NEVER_SHOWN, REGION, SECRET, ZONE_ID, Aws, Refusal
from harness import NAME, ZONE, wait_until
from name_servers import record

OLD, NEW, THIRD = "192.0.2.10", "198.51.100.10", "203.0.113.10"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/hotswapd"
MARK = f"_hotswap.{NAME}"


@pytest.fixture
def closing():
    things = []
    yield lambda thing: things.append(thing) or thing
    for thing in reversed(things):
        thing.close()


@pytest.fixture
def aws(world, closing):
    double = closing(Aws(world.address(6), ZONE))
    double.put(NAME, "A", OLD)
    return double


class Caller:
    """The provider without the daemon around it: tests/route53_call of the build. Nothing secret ever comes out, and of
    the keys only those that are given go in."""

    def __init__(self, aws, *words, keys=(KEY_ID, SECRET), zone=ZONE_ID, env=None):
        tool = pathlib.Path(harness.BIN).parent / "tests" / "route53_call"
        line = [str(tool), "--zone", zone, "--region", REGION, "--endpoint", aws.url, *words]
        if keys:
            line += ["--key-id", keys[0], "--secret", keys[1]]
        ours = {name: value for name, value in os.environ.items()
                if not name.upper().startswith("AWS_") and not name.lower().endswith("_proxy")}
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                        env={**ours, "LC_ALL": "C", "HOME": "/nonexistent", **(env or {})})

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(20 * harness.SLOW)
        self.process.stdout.close()
        assert code == 0, f"route53_call ended with {code}"

    def call(self, what, name=NAME, **more):
        self.process.stdin.write(json.dumps({"do": what, "zone": ZONE, "fqdn": name, **more}) + "\n")
        line = self.process.stdout.readline()
        assert line, "route53_call ended"
        assert NEVER_SHOWN not in line
        return json.loads(line)

    def read(self, name=NAME, **more):
        return self.call("read", name, **more)

    def apply(self, expect, want, generation, expect_generation=None, op=None, name=NAME, **more):
        return self.call("apply", name, expect=expect, want=want, generation=generation,
                         expect_generation=expect_generation, op=op or f"op{generation}", **more)

    def prove(self, want, name=NAME, **more):
        return self.call("prove", name, want=want, **more)["evidence"]


def swapped(call):
    """First contact, then a swap: generation 2, NEW."""
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    done = call.apply(record(OLD), record(NEW), 2, 1)
    assert done["outcome"] == "applied", done
    return done


# The stand-in itself.

def official(aws, secret=SECRET):
    config = botocore.config.Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=5)
    return boto3.client("route53", endpoint_url=aws.url, aws_access_key_id=KEY_ID, aws_secret_access_key=secret,
                        region_name="us-east-1", config=config)


def batch(*changes):
    return {"Changes": [{"Action": action, "ResourceRecordSet": {
        "Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": value} for value in values]}}
        for action, name, kind, ttl, *values in changes]}


def error_of(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        call(**arguments)
    return raised.value.response["Error"]


def test_the_official_client_accepts_the_stand_in(aws):
    client = official(aws)
    aws.put(f"*.{ZONE}", "TXT", '"a"')
    sets = client.list_resource_record_sets(HostedZoneId=ZONE_ID, StartRecordName=NAME, MaxItems="1")
    assert sets["IsTruncated"] is False
    [only] = sets["ResourceRecordSets"]
    assert only == {"Name": f"{NAME}.", "Type": "A", "TTL": 30, "ResourceRecords": [{"Value": OLD}]}
    first = client.list_resource_record_sets(HostedZoneId=ZONE_ID, MaxItems="1")
    assert first["IsTruncated"] and first["NextRecordType"] == "SOA"
    everything = [one for page in client.get_paginator("list_resource_record_sets").paginate(
        HostedZoneId=ZONE_ID, PaginationConfig={"PageSize": 1}) for one in page["ResourceRecordSets"]]
    assert [one["Name"] for one in everything] == [f"{ZONE}.", f"{ZONE}.", f"\\052.{ZONE}.", f"{NAME}."]
    done = client.change_resource_record_sets(HostedZoneId=ZONE_ID, ChangeBatch=batch(
        ("DELETE", NAME, "A", 30, OLD), ("CREATE", NAME, "A", 5, NEW)))
    assert aws.values(NAME) == [NEW]
    assert client.get_change(Id=done["ChangeInfo"]["Id"])["ChangeInfo"]["Status"] == "INSYNC"
    change = client.change_resource_record_sets
    error = error_of(change, HostedZoneId=ZONE_ID, ChangeBatch=batch(("DELETE", NAME, "A", 30, OLD)))
    assert error["Code"] == "InvalidChangeBatch" and "do not match" in error["Message"]
    error = error_of(change, HostedZoneId=ZONE_ID, ChangeBatch=batch(("CREATE", NAME, "CNAME", 5, "a.example.")))
    assert "not permitted" in error["Message"]
    assert error_of(change, HostedZoneId="ZNONE", ChangeBatch=batch(("CREATE", NAME, "A", 5, OLD)))["Code"] == \
        "NoSuchHostedZone"
    assert error_of(client.get_change, Id="CNONE")["Code"] == "NoSuchChange"
    assert error_of(official(aws, "wrong").get_change, Id="CNONE")["Code"] == "SignatureDoesNotMatch"
    aws.faults.append(("GetChange", Refusal(400, "Throttling", "Rate exceeded")))
    assert error_of(client.get_change, Id="C0001")["Code"] == "Throttling"


def test_the_official_client_takes_keys_from_the_stand_in(aws):
    aws.roles[ROLE] = "ext"
    sts = boto3.client("sts", endpoint_url=aws.url, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET,
                       region_name=REGION)
    assert sts.get_caller_identity()["Account"] == ACCOUNT
    given = sts.assume_role(RoleArn=ROLE, RoleSessionName="x1", ExternalId="ext")["Credentials"]
    client = boto3.client("route53", endpoint_url=aws.url, aws_access_key_id=given["AccessKeyId"],
                          aws_secret_access_key=given["SecretAccessKey"], aws_session_token=given["SessionToken"],
                          region_name="us-east-1")
    assert client.list_resource_record_sets(HostedZoneId=ZONE_ID)["ResourceRecordSets"]
    assert error_of(sts.assume_role, RoleArn=ROLE, RoleSessionName="x1")["Code"] == "AccessDenied"


# The provider.

def test_reads_swaps_and_reads_back(aws, closing):
    call = closing(Caller(aws))
    assert call.read() == {"set": record(OLD), "generation": None, "op": "", "serial": 0}
    done = swapped(call)
    assert done["detail"] == "Route 53 accepted the change C0002, PENDING" or "INSYNC" in done["detail"]
    assert call.read() == {"set": record(NEW), "generation": 2, "op": "op2", "serial": 0}
    assert aws.values(NAME) == [NEW] and aws.generation(NAME) == 2
    # One batch each, DELETE before CREATE, never a name without records.
    actions = [[(one["Action"], one["ResourceRecordSet"]["Type"]) for one in batch["Changes"]] for batch in aws.effects]
    assert actions == [[("DELETE", "A"), ("CREATE", "A"), ("CREATE", "TXT")],
                       [("DELETE", "A"), ("DELETE", "TXT"), ("CREATE", "A"), ("CREATE", "TXT")]]


def test_makes_a_record_where_there_is_none_and_only_there(aws, closing):
    call = closing(Caller(aws))
    del aws.sets[NAME, "A", ""]
    assert call.read()["set"] is None
    assert call.apply(None, record(NEW, "198.51.100.11"), 1)["outcome"] == "applied"
    assert aws.values(NAME) == [NEW, "198.51.100.11"]
    assert call.apply(None, record(OLD), 2, 1)["outcome"] == "conflict"
    assert len(aws.effects) == 1


def test_changes_between_an_address_and_a_name_in_one_batch(aws, closing):
    call = closing(Caller(aws))
    assert call.apply(record(OLD), record("backup.example.net"), 1)["outcome"] == "applied"
    assert aws.values(NAME, "CNAME") == ["backup.example.net."] and aws.values(NAME) == []
    assert call.read()["set"] == record("backup.example.net")
    assert call.apply(record("backup.example.net"), record("2001:db8::10"), 2, 1)["outcome"] == "applied"
    assert aws.values(NAME, "AAAA") == ["2001:db8::10"] and aws.values(NAME, "CNAME") == []
    apex = call.apply(None, record("backup.example.net"), 1, name=ZONE)
    assert apex["outcome"] == "refused" and "top of a zone" in apex["detail"]
    aws.put(NAME, "MX", "10 mx.example.net.")
    beside = call.apply(record("2001:db8::10"), record("backup.example.net"), 3, 2)
    assert beside["outcome"] == "refused" and "conflicts with other records" in beside["detail"]
    assert len(aws.effects) == 2


def test_repeats_what_stands_there_to_the_letter(aws, closing):
    call = closing(Caller(aws))
    aws.put(NAME, "AAAA", "2001:DB8:0:0::10", ttl=77)
    del aws.sets[NAME, "A", ""]
    assert call.apply(record("2001:db8::10", ttl=30), record("2001:db8::20"), 1)["outcome"] == "applied"
    assert aws.values(NAME, "AAAA") == ["2001:db8::20"]


def test_never_overwrites_what_somebody_else_wrote(aws, closing):
    call = closing(Caller(aws))
    swapped(call)
    aws.put(NAME, "A", THIRD)
    lost = call.apply(record(NEW), record(OLD), 3, 2)
    assert lost["outcome"] == "conflict", lost
    assert call.read() == {"set": record(THIRD), "generation": 2, "op": "", "serial": 0}
    for expected in (None, 1, 3):
        assert call.apply(record(THIRD), record(OLD), 9, expected)["outcome"] == "conflict"
    assert aws.values(NAME) == [THIRD] and aws.generation(NAME) == 2 and len(aws.effects) == 2


@pytest.mark.parametrize("old_errors", [False, True], ids=["today", "before 2024"])
def test_loses_a_race_between_its_reading_and_its_writing(aws, closing, old_errors):
    call = closing(Caller(aws))
    swapped(call)
    aws.old_errors = old_errors
    aws.faults.append(("ChangeResourceRecordSets", lambda: aws.put(NAME, "A", THIRD)))
    lost = call.apply(record(NEW), record(OLD), 3, 2)
    assert lost["outcome"] == "conflict" and "do not match" in lost["detail"], lost
    aws.put(NAME, "A", NEW)
    aws.faults.append(("ChangeResourceRecordSets", lambda: aws.put(MARK, "TXT", '"gen=7;id=other"')))
    lost = call.apply(record(NEW), record(OLD), 3, 2)
    assert lost["outcome"] == "conflict", lost
    assert aws.values(NAME) == [NEW] and len(aws.effects) == 2


def test_what_is_no_simple_record_is_drift(aws, closing):
    call = closing(Caller(aws))
    cases = {"alias": ("A", {"alias": "lb.example.net."}), "routing policy": ("A", {"identifier": "one"}),
             "AAAA": ("AAAA", {})}
    for word, (kind, more) in cases.items():
        aws.sets = {key: value for key, value in aws.sets.items() if key[0] != NAME}
        if kind == "AAAA":
            aws.put(NAME, "A", OLD)
        aws.put(NAME, kind, "2001:db8::1" if kind == "AAAA" else OLD, **more)
        got = call.read()
        assert got["code"] == "conflict" and word in got["error"], got
        tried = call.apply(record(OLD), record(NEW), 1)
        assert tried["outcome"] == "conflict", tried
    assert aws.effects == []


@pytest.mark.parametrize("what", ["lose", "fail afterwards"])
def test_an_answer_that_never_came_is_told_by_the_read_back(aws, closing, what):
    call = closing(Caller(aws))
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    aws.faults.append(("ChangeResourceRecordSets", what))
    assert call.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "unknown"
    assert call.read() == {"set": record(NEW), "generation": 2, "op": "op2", "serial": 0}
    assert call.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "already"
    assert len(aws.effects) == 2 and len(aws.said("ChangeResourceRecordSets")) == 2


def test_waits_where_it_is_told_to_and_says_how_long(aws, closing):
    call = closing(Caller(aws))
    aws.faults += [("ChangeResourceRecordSets", Refusal(400, "PriorRequestNotComplete", "still at it")),
                   ("ListResourceRecordSets", Refusal(400, "Throttling", "Rate exceeded"))]
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    aws.faults.append(("ChangeResourceRecordSets", Refusal(400, "Throttling", "Rate exceeded",
                                                           headers={"Retry-After": "300"})))
    slowed = call.apply(record(OLD), record(NEW), 2, 1)
    assert slowed["outcome"] == "failed" and slowed["hurdle"] == "throttled", slowed
    assert "Rate exceeded" in slowed["detail"] and len(aws.effects) == 1


def test_a_server_that_is_ill_is_read_again_and_never_written_again(aws, closing):
    call = closing(Caller(aws))
    aws.faults += [("ListResourceRecordSets", Refusal(503, "ServiceUnavailable", "ill"))] * 2
    assert call.read(within=20000)["set"] == record(OLD)
    aws.faults.append(("ChangeResourceRecordSets", Refusal(503, "ServiceUnavailable", "ill")))
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "unknown"
    assert len(aws.said("ChangeResourceRecordSets")) == 1


def test_wrong_keys_zones_and_rights_are_the_configurations(aws, closing):
    wrong = closing(Caller(aws, keys=(KEY_ID, f"{NEVER_SHOWN}-wrong")))
    got = wrong.read()
    assert got["code"] == "refused" and "SignatureDoesNotMatch" in got["error"], got
    stranger = closing(Caller(aws, keys=("AKIDSTRANGER", SECRET)))
    assert "InvalidClientTokenId" in stranger.read()["error"]
    elsewhere = closing(Caller(aws, zone="ZNONE"))
    tried = elsewhere.apply(record(OLD), record(NEW), 1)
    assert tried["outcome"] == "refused" and "NoSuchHostedZone" in tried["detail"], tried
    call = closing(Caller(aws))
    aws.faults.append(("ChangeResourceRecordSets", Refusal(403, "AccessDenied", "User: x is not authorized")))
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "refused"
    nobody = closing(Caller(aws, keys=None, env={"AWS_EC2_METADATA_DISABLED": "true"}))
    got = nobody.read()
    assert got["code"] == "refused" and "there are no keys" in got["error"], got
    assert aws.effects == []


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "RequestTimeTooSkewed"])
@pytest.mark.parametrize("ahead", [600, -600, 7200])
def test_a_clock_that_is_off_is_corrected(aws, closing, code, ahead):
    aws.clock, aws.skew_code = ahead, code
    call = closing(Caller(aws))
    assert call.read()["set"] == record(OLD)
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "applied"
    # Learnt once: of the requests that followed none was refused.
    assert len(aws.said("ListResourceRecordSets")) == 2


def test_a_name_with_many_names_below_it(aws, closing):
    call = closing(Caller(aws))
    for number in range(150):
        aws.put(f"-{number:03}.{NAME}", "A", THIRD)
    swapped(call)
    assert call.read()["generation"] == 2
    assert aws.values(NAME) == [NEW] and aws.generation(NAME) == 2


def test_is_in_sync_when_route53_says_so(aws, closing, world):
    aws.sync_after = 3
    call = closing(Caller(aws, "--name-server", f"{world.address(7)}:9"))
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "applied"

    def line():
        server, change = call.prove(record(NEW), within=1500)
        assert not server["proved"] and change["server"] == "Route 53, change C0001"
        return change

    assert line() == {"server": "Route 53, change C0001", "proved": False, "detail": "PENDING", "serial": 0}
    wait_until("it is in sync", lambda: line()["proved"], 20)
    # Asked after 2 s, and again 4 s later.
    assert 1 <= len(aws.said("GetChange")) <= 3


def test_never_more_than_five_requests_a_second(aws, closing):
    call = closing(Caller(aws))
    answers = call.read(times=14, within=20000)
    assert [one["set"] for one in answers] == [record(OLD)] * 14
    at = [request["at"] for request in aws.said("ListResourceRecordSets")]
    assert len(at) == 14
    assert all(later - earlier > 0.9 for earlier, later in zip(at, at[5:]))


# The chain of keys.

def test_a_role_is_assumed_once_for_all(aws, closing):
    aws.roles[ROLE] = "ext"
    call = closing(Caller(aws, "--role", ROLE, "--external-id", "ext"))
    answers = call.read(times=8, within=20000)
    assert [one["set"] for one in answers] == [record(OLD)] * 8
    [assumed] = aws.said("AssumeRole")
    assert assumed["key"] == KEY_ID and assumed["arguments"]["RoleSessionName"] == "hotswapd"
    assert {request["key"] for request in aws.said("ListResourceRecordSets")} == {assumed["given"]}
    denied = closing(Caller(aws, "--role", ROLE, "--external-id", "other"))
    got = denied.read()
    assert got["code"] == "refused" and "AccessDenied" in got["error"] and ROLE in got["error"], got


def test_keys_are_renewed_ahead_of_their_end(aws, closing):
    aws.roles[ROLE] = None
    aws.lifetime = 6
    call = closing(Caller(aws, "--role", ROLE))
    began = time.monotonic()

    def renewed():
        assert call.read()["set"] == record(OLD)
        return len(aws.said("AssumeRole")) >= 3

    wait_until("the keys were renewed twice", renewed, 30)
    times = [request["at"] for request in aws.said("AssumeRole")]
    # At two thirds of a short life, when half of what is left is not over yet.
    assert all(2.5 < later - earlier < 6 for earlier, later in zip(times, times[1:])), times
    assert time.monotonic() - began < 30


def test_keys_that_have_run_out_are_replaced_once(aws, closing):
    aws.roles[ROLE] = None
    call = closing(Caller(aws, "--role", ROLE))
    assert call.read()["set"] == record(OLD)
    aws.expired.add(aws.said("AssumeRole")[0]["given"])
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "applied"
    assert len(aws.said("AssumeRole")) == 2


def test_what_aws_says_of_a_signature_shows_no_token(aws, closing):
    aws.roles[ROLE] = None
    call = closing(Caller(aws, "--role", ROLE))
    assert call.read()["set"] == record(OLD)
    aws.keys[aws.said("AssumeRole")[0]["given"]] = "another"
    got = call.read()
    assert got["code"] == "refused" and "we calculated does not match the signature you provided" in got["error"], got


def test_keys_of_another_account_are_not_used(aws, closing):
    call = closing(Caller(aws, "--account-id", "999999999999"))
    got = call.read()
    assert got["code"] == "refused" and ACCOUNT in got["error"], got
    assert aws.said("ListResourceRecordSets") == []
    right = closing(Caller(aws, "--account-id", ACCOUNT))
    assert right.read()["set"] == record(OLD) and right.read()["set"] == record(OLD)
    assert len(aws.said("GetCallerIdentity")) == 2


def test_keys_of_the_environment_and_of_the_shared_files(aws, closing, tmp_path):
    env = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
    assert closing(Caller(aws, keys=None, env=env)).read()["set"] == record(OLD)
    credentials, config = tmp_path / "credentials", tmp_path / "config"
    credentials.write_text(f"[base]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n")
    config.write_text(f"[profile ops]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = ext\n")
    aws.roles[ROLE] = "ext"
    files = {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_CONFIG_FILE": str(config)}
    assert closing(Caller(aws, "--profile", "ops", keys=None, env=files)).read()["set"] == record(OLD)
    assert aws.said("ListResourceRecordSets")[-1]["key"] == aws.said("AssumeRole")[0]["given"]
    got = closing(Caller(aws, "--profile", "nobody", keys=None, env=files)).read()
    assert got["code"] == "refused" and "no profile nobody" in got["error"], got
    credentials.write_text(f"[base]\n{SECRET}\n")
    got = closing(Caller(aws, "--profile", "base", keys=None, env=files)).read()
    assert got["code"] == "refused" and "line 2" in got["error"], got


def test_keys_for_a_web_identity(aws, closing, tmp_path):
    aws.roles[ROLE] = None
    token = tmp_path / "token"
    token.write_text("eyJhbGciOi.first.token\n")
    call = closing(Caller(aws, keys=None, env={"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": ROLE,
                                              "AWS_ROLE_SESSION_NAME": "pod"}))
    assert call.read()["set"] == record(OLD)
    [asked] = aws.said("AssumeRoleWithWebIdentity")
    assert asked["arguments"]["WebIdentityToken"] == "eyJhbGciOi.first.token"
    token.write_text("eyJhbGciOi.second.token\n")
    aws.expired.add(asked["given"])
    assert call.read()["set"] == record(OLD)
    assert aws.said("AssumeRoleWithWebIdentity")[1]["arguments"]["WebIdentityToken"] == "eyJhbGciOi.second.token"


def test_keys_of_a_container(aws, closing, tmp_path):
    aws.agent_token = "let me in"
    token = tmp_path / "token"
    token.write_text("let me in\n")
    env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{aws.url}/v2/credentials/x",
           "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)}
    assert closing(Caller(aws, keys=None, env=env)).read()["set"] == record(OLD)
    token.write_text("no\n")
    got = closing(Caller(aws, keys=None, env=env)).read()
    assert got["code"] == "refused" and "answers 401" in got["error"], got


def test_keys_of_the_machine(aws, closing):
    env = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": aws.url}
    got = closing(Caller(aws, keys=None, env=env)).read()
    assert got["code"] == "refused" and "no token" in got["error"], got
    aws.role_name = "my-role"
    call = closing(Caller(aws, keys=None, env=env))
    assert call.read()["set"] == record(OLD)
    assert [request["operation"] for request in aws.requests if " " in request["operation"]][-3:] == [
        "PUT /latest/api/token", "GET /latest/meta-data/iam/security-credentials/",
        "GET /latest/meta-data/iam/security-credentials/my-role"]
