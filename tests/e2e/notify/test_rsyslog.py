"""The real rsyslogd parses our frames: every facility and severity, ident, text, and nothing that forges a message."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

FACILITIES = {"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8,
              "cron": 9, "authpriv": 10, "ftp": 11, "ntp": 12, "security": 13, "console": 14,
              **{f"local{n}": 16 + n for n in range(8)}}
SEVERITIES = {"up": 6, "ok": 6, "trouble": 4, "down": 3, "failover": 3, "unk": 5}
SAY = pathlib.Path(os.environ.get("HOTSWAPD_BIN", "build/release/bin")).parent / "tests" / "syslog_say"


def wait_for(what, check, process, seconds=30):
    end = time.monotonic() + seconds * float(os.environ.get("HOTSWAPD_TEST_SLOWNESS", "1"))
    while not check():
        assert process.poll() is None, "rsyslogd ended"
        assert time.monotonic() < end, what
        time.sleep(0.02)


@pytest.fixture(scope="module")
def collector(tmp_path_factory):
    """An rsyslogd of our own on a free UDP port; gives say(LINES) -> what it wrote for them, as JSON objects."""
    if shutil.which("rsyslogd") is None:
        pytest.fail("rsyslogd is not installed: scripts/install-deps --test")
    folder = tmp_path_factory.mktemp("rsyslog")
    written = folder / "messages"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    fields = {"facility": "syslogfacility", "severity": "syslogseverity", "tag": "syslogtag", "host": "hostname",
              "stamp": "timereported", "text": "msg"}
    parts = ""
    for i, (name, source) in enumerate(fields.items()):
        opening = ("{" if i == 0 else ",") + f'\\"{name}\\":\\"'
        date = ' dateFormat="rfc3339"' if name == "stamp" else ""
        parts += f'constant(value="{opening}") property(name="{source}" format="json"{date}) constant(value="\\"") '
    (folder / "rsyslog.conf").write_text(f"""\
global(workDirectory="{folder}" localHostname="judge")
module(load="imudp")
template(name="line" type="list") {{ {parts} constant(value="}}\\n") }}
ruleset(name="all") {{ action(type="omfile" file="{written}" template="line") }}
input(type="imudp" address="127.0.0.1" port="{port}" ruleset="all")
""")
    with open(folder / "out", "wb") as out:
        process = subprocess.Popen(["rsyslogd", "-n", "-iNONE", "-f", folder / "rsyslog.conf"], stdout=out, stderr=out)

    def lines():
        text = written.read_text() if written.exists() else ""
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def send(messages):
        text = "".join(json.dumps(message) + "\n" for message in messages)
        done = subprocess.run([SAY, "127.0.0.1", str(port)], input=text, text=True, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr

    def message(**more):
        return {"facility": 3, "ident": "dynect", "kind": "status", "state": "ok", "format": "%msg", "message": "",
                **more}

    def say(messages):
        before = len(lines())
        send([message(**m) for m in messages])
        wait_for("all of them are written", lambda: len(lines()) >= before + len(messages), process)
        return lines()[before:]

    def listens():
        send([message(message="are you there")])
        return bool(lines())

    try:
        wait_for("rsyslogd listens", listens, process)
        send([message(message="the last of the knocking")])
        wait_for("all of it is in", lambda: "the last" in lines()[-1]["text"], process)
        yield say
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_facility_and_severity_are_ours(collector):
    wanted = [(name, number, state) for name, number in FACILITIES.items() for state in SEVERITIES]
    got = collector([{"facility": number, "state": state, "format": f"{name} %sta"} for name, number, state in wanted])
    assert len(got) == len(wanted)
    for (name, number, state), line in zip(wanted, got):
        assert (line["facility"], line["severity"]) == (str(number), str(SEVERITIES[state])), (name, state)
        assert line["text"] == f" {name} {state}"


def test_ident_host_text_and_stamp_are_parsed(collector):
    before = time.time()
    line, = collector([{"ident": "my-ident_32", "kind": "probe", "state": "down", "format": "%hos %sta: %msg",
                        "message": "HTTP 503 <b>&\"\\ Zürich"}])
    assert line["tag"] == "my-ident_32:"
    assert line["host"] == "gw1"
    assert line["text"] == ' www.example.com down: HTTP 503 <b>&"\\ Zürich'
    stamp = time.mktime(time.strptime(line["stamp"][:19], "%Y-%m-%dT%H:%M:%S"))
    assert before - 2 <= stamp <= time.time() + 1


def test_text_from_outside_forges_nothing(collector):
    got = collector([{"message": "x\n<0>Jan  1 00:00:00 evil su: root\r\nmore\x00\x1b[2J"}, {"message": "next"}])
    assert [line["text"] for line in got] == [" x <0>Jan  1 00:00:00 evil su: root  more  [2J", " next"]
    assert {(line["facility"], line["severity"], line["tag"]) for line in got} == {("3", "6", "dynect:")}


def test_long_texts_arrive_cut_between_characters(collector):
    line, = collector([{"message": "é" * 3000}])
    assert set(line["text"][1:]) == {"é"}
    assert 480 <= len(line["text"]) <= 512
