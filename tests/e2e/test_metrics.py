"""/metrics: clean for promtool, true, bounded, and there only for those who may."""

import collections
import re
import shutil
import subprocess

import pytest

from harness import NAME, ROOT, ZONE, wait_until
from http_client import OPS, READER, ROBOT, Api, api_section

LINE = re.compile(r'^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def scrape(api):
    answer = api.get("/metrics")
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.body.decode()


def parsed(text):
    """{name: {(label, value)...: number}}"""
    found = collections.defaultdict(dict)
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = LINE.match(line).groups()
        found[name][frozenset(LABEL.findall(labels or ""))] = float(value)
    return found


def value(figures, name, **labels):
    return figures[name].get(frozenset(labels.items()), 0)


def promtool():
    if shutil.which("promtool") is None:
        pytest.skip("promtool (Debian: prometheus) is not installed")
    return "promtool"


def test_it_is_clean_and_tells_the_truth(world):
    primary, _ = world.pair()
    daemon = world.settled(api=api_section(world))
    api = Api(world)
    before = parsed(scrape(api))
    assert value(before, "hotswapd_ready") == 1
    assert value(before, "hotswapd_services", status="ok") == 1
    assert value(before, "hotswapd_service_status", zone=ZONE, fqdn=NAME) == 1
    assert value(before, "hotswapd_dns_answers_total", rcode="NOERROR") >= 1

    requests = primary.count()
    wait_until("some rounds", lambda: primary.count() >= requests + 3)
    primary.stop()
    daemon.wait_serves(world.backup)

    def proved():
        figures = parsed(scrape(api))
        return figures if value(figures, "hotswapd_swap_proof_seconds_count", provider="here") == 1 else None

    after = wait_until("the swap is proved", proved)
    assert value(after, "hotswapd_swaps_total", provider="here", outcome="committed") == 1
    assert value(after, "hotswapd_service_status", zone=ZONE, fqdn=NAME) == 3
    assert value(after, "hotswapd_services", status="ok") == 0
    assert value(after, "hotswapd_probes_total", protocol="HTTP", verdict="fail", **{"class": "connect"}) >= 1
    passed = value(after, "hotswapd_probes_total", protocol="HTTP", verdict="pass", **{"class": "none"})
    assert passed >= 4
    assert value(after, "hotswapd_probe_duration_seconds_count", protocol="HTTP") >= 4
    assert value(after, "hotswapd_probe_duration_seconds_bucket", protocol="HTTP", le="+Inf") == \
        value(after, "hotswapd_probe_duration_seconds_count", protocol="HTTP")
    assert value(after, "hotswapd_round_lateness_seconds_count") >= 3
    assert value(after, "process_open_fds") > 5
    assert value(after, "process_resident_memory_bytes") > 1e6
    loops = {dict(labels)["loop"] for labels in after["hotswapd_loop_lag_seconds"]}
    assert "main" in loops and "probes-0" in loops
    for name, series in before.items():  # counters never fall
        if name.endswith(("_total", "_count")):
            for labels, number in series.items():
                assert after[name][labels] >= number, (name, labels)
    # Every loop is asked: the lag is that of a loop that works.
    assert all(lag < 1 for lag in after["hotswapd_loop_lag_seconds"].values())

    documented = set(re.findall(r"`((?:hotswapd|process)_[a-z_]+)`", (ROOT / "docs/metrics.md").read_text()))
    families = set(re.findall(r"^# TYPE (\S+)", scrape(api), re.M))
    assert families <= documented, families - documented
    assert documented - families <= {"hotswapd_alarms", "hotswapd_swaps_not_proved_total"}

    text = scrape(api)
    done = subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), done


def test_the_rules_of_the_page_are_rules(tmp_path):
    page = (ROOT / "docs/metrics.md").read_text()
    rules = tmp_path / "rules.yaml"
    rules.write_text(re.search(r"```yaml\n(groups:.*?)```", page, re.S)[1])
    done = subprocess.run([promtool(), "check", "rules", str(rules)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "6 rules found" in done.stdout, done


def test_only_for_those_who_may_read(world):
    world.pair()
    world.settled(api=api_section(world))
    api = Api(world)
    for who, status in ((None, 401), (OPS, 200), (READER, 200), (ROBOT, 200), ("wrong", 401)):
        assert api.get("/metrics", who).status == status, who
    assert api.call("POST", "/metrics", OPS, {}).status == 405
    head = api.call("HEAD", "/metrics")
    assert head.status == 200 and head.body == b""


def test_open_to_everybody_where_the_operator_says_so(world):
    world.pair()
    world.settled(api={"listen": f"{world.api_address}:{world.api_port}", "anonymous_read": True})
    api = Api(world)
    assert api.get("/metrics", None).status == 200
    assert api.get("/api/v1/services", None).status == 401


def test_nothing_that_a_peer_says_becomes_a_label(world):
    primary, _ = world.pair()
    primary.body, primary.behaviour, primary.reason = 'evil"} 1\nevil_metric 7\n', 500, "evil"
    daemon = world.daemon(api=api_section(world))
    daemon.wait_status("failover")
    figures = parsed(scrape(Api(world)))
    assert value(figures, "hotswapd_probes_total", protocol="HTTP", verdict="fail", **{"class": "content"}) >= 1
    labels = {word for series in figures.values() for labels in series for _, word in labels}
    assert not [word for word in labels if "evil" in word]
