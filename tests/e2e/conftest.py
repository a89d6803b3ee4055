"""The fixtures of the end-to-end tests."""

import subprocess

import pytest

import harness
import namespaces


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(90 * harness.SLOW))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the daemon's log; what a daemon left behind fails the test that left it."""
    outcome = yield
    report = outcome.get_result()
    world = item.funcargs.get("world") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and world is not None:
        for daemon in world.daemons:
            report.sections.append(("the daemon's log", daemon.log()[-20000:]))


@pytest.fixture
def world():
    made = harness.World()
    try:
        yield made
    finally:
        problems, logs = made.close()
    assert not problems, f"{problems}\n{logs[-20000:]}"


@pytest.fixture
def alone():
    """Before `world` among a test's arguments: all of that world is in a network namespace of its own. Needs root."""
    made = namespaces.Alone()
    yield made
    made.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A CA, and a certificate of it for www.example.com: {"ca": PATH, "cert": PATH, "key": PATH, "wrong": ..}."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=folder, timeout=60)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA")
    for name, host in (("right", harness.NAME), ("wrong", "other.example.com")):
        openssl("req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={host}",
                "-addext", f"subjectAltName=DNS:{host}", "-addext", "basicConstraints=CA:FALSE",
                "-CA", "ca.pem", "-CAkey", "ca.key")
    return {name: str(folder / name) for name in ("ca.pem", "right.pem", "right.key", "wrong.pem", "wrong.key")}
