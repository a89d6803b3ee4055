"""hotswapctl probe against a real nginx, and against targets that behave as badly as targets can."""

import shutil
import socket
import subprocess

import pytest
from harness import BIN, NAME, SLOW, free_port, run, wait_until
from probing import ADDRESS, FAULTS, TIMEOUT, assert_at_deadline, probe, verdict


@pytest.fixture(scope="module")
def odd_certificates(certificates, tmp_path_factory):
    """Beside the right one: an expired one of the same CA, and a self-signed one."""
    folder = tmp_path_factory.mktemp("odd")
    ca = certificates["ca.pem"]
    (folder / "ca.cnf").write_text(f"""
[ca]
default_ca = own
[own]
database = {folder}/index
new_certs_dir = {folder}
serial = {folder}/serial
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
""")
    (folder / "index").write_text("")
    (folder / "serial").write_text("1000\n")

    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=folder, timeout=60)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={NAME}",
           "-addext", f"subjectAltName=DNS:{NAME}"]
    openssl("req", *key, "-keyout", "expired.key", "-out", "expired.csr")
    openssl("ca", "-batch", "-config", "ca.cnf", "-cert", ca, "-keyfile", ca.replace(".pem", ".key"), "-in", "expired.csr",
            "-out", "expired.pem", "-notext", "-startdate", "20260101000000Z", "-enddate", "20260131120000Z")
    openssl("req", "-x509", *key, "-keyout", "self.key", "-out", "self.pem", "-days", "30")
    return {name: str(folder / name) for name in ("expired.pem", "expired.key", "self.pem", "self.key")}


class Nginx:
    def __init__(self, folder, certificates):
        self.ports = {name: free_port(ADDRESS) for name in ("http", "right", "wrong", "expired", "self")}
        tls = "".join(
            f"""
  server {{
    listen {ADDRESS}:{self.ports[name]} ssl;
    ssl_certificate {certificates[name + '.pem']};
    ssl_certificate_key {certificates[name + '.key']};
    location / {{ return 200 "Example\\n"; }}
  }}""" for name in ("right", "wrong", "expired", "self"))
        temporary = "".join(f"  {kind}_temp_path {folder}/{kind};\n" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(f"""
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 128; }}
http {{
  access_log off;
{temporary}
  server {{
    listen {ADDRESS}:{self.ports['http']};
    location / {{ return 200 "Example\\n"; }}
    location /busy {{ return 503; }}
    location /asks {{ if ($http_x_token = s3cret) {{ return 204; }} return 403; }}
    location /named {{ if ($host = shop.example.com) {{ return 204; }} return 421; }}
    location /moved {{ return 301 /; }}
    location /secure {{ return 302 https://{NAME}:{self.ports['right']}/; }}
    location /loop {{ return 302 /pool; }}
    location /pool {{ return 302 /loop; }}
  }}{tls}
}}
""")
        self.process = subprocess.Popen([shutil.which("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")],
                                        stderr=subprocess.PIPE)
        wait_until("nginx answers", lambda: all(self.answers(port) for port in self.ports.values()))

    @staticmethod
    def answers(port):
        with socket.socket() as peer:
            return peer.connect_ex((ADDRESS, port)) == 0

    def close(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def nginx(certificates, odd_certificates, tmp_path_factory):
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    server = Nginx(tmp_path_factory.mktemp("nginx"), {**certificates, **odd_certificates})
    yield server
    server.close()


def test_http_against_nginx(nginx):
    at = [ADDRESS, "--port", nginx.ports["http"]]
    code, data, took = probe("HTTP", *at)
    assert (code, data["verdict"], data["class"], data["reason"]) == (0, "pass", "none", "HTTP 200")
    attempt = data["attempts"][0]
    assert 0 <= attempt["connect_ms"] <= attempt["first_byte_ms"] <= attempt["total_ms"] <= 1000 * took
    assert verdict("http", *at, "--path", "/busy") == "fail content HTTP 503, wanted 2xx"
    assert verdict("HTTP", *at, "--path", "/busy", "--status", "200-299,503") == "pass none HTTP 503"
    assert verdict("HTTP", *at, "--expected", "Example") == "pass none HTTP 200"
    assert verdict("HTTP", *at, "--expected", "Sample") == \
        'fail content HTTP 200 without the text "Sample" in the body'
    assert verdict("HTTP", *at, "--path", "/asks") == "fail content HTTP 403, wanted 2xx"
    assert verdict("HTTP", *at, "--path", "/asks", "--header", "Accept: text/plain",
                   "--header", "X-Token: s3cret") == "pass none HTTP 204"
    assert verdict("HTTP", *at, "--path", "/named") == "fail content HTTP 421, wanted 2xx"
    assert verdict("HTTP", *at, "--path", "/named", "--host", "shop.example.com") == "pass none HTTP 204"
    assert verdict("TCP", *at) == "pass none connected"


def test_redirects_of_nginx(nginx, certificates):
    port = nginx.ports["http"]
    at = [ADDRESS, "--port", port, "--host", NAME]
    assert verdict("HTTP", *at, "--path", "/moved") == "fail content HTTP 301, wanted 2xx"
    assert verdict("HTTP", *at, "--path", "/moved", "--redirects", "accept") == "pass none HTTP 301"
    # nginx makes an absolute URL of it, with the Host that it was given and its own port.
    assert verdict("HTTP", *at, "--path", "/moved", "--redirects", "follow", "--expected", "Example") == \
        f"pass none HTTP 200 (at http://{NAME}:{port}/ after 1 redirect)"
    secure = nginx.ports["right"]
    assert verdict("HTTP", *at, "--path", "/secure", "--redirects", "follow", "--tls-ca-file", certificates["ca.pem"]) == \
        f"pass none HTTP 200 (at https://{NAME}:{secure}/ after 1 redirect)"
    looped = verdict("HTTP", *at, "--path", "/loop", "--redirects", "follow")
    assert looped == f"fail content redirect loop: HTTP 302 back to http://{NAME}:{port}/loop"


def test_https_against_nginx(nginx, certificates):
    def https(name, *more):
        return verdict("HTTPS", ADDRESS, "--port", nginx.ports[name], "--host", NAME,
                       "--tls-ca-file", certificates["ca.pem"], *more)

    assert https("right", "--path", "/") == "pass none HTTP 200"
    assert https("wrong") == f"fail tls certificate is not for {NAME} but for other.example.com"
    assert https("expired") == "fail tls certificate expired on 2026-01-31 12:00 UTC"
    assert https("self") == "fail tls certificate is self-signed"
    assert https("http") == "fail protocol the answer is no TLS (a plain-text server on this port?)"
    _, data, _ = probe("HTTPS", ADDRESS, "--port", nginx.ports["right"], "--host", NAME,
                       "--tls-ca-file", certificates["ca.pem"])
    attempt = data["attempts"][0]
    assert attempt["connect_ms"] <= attempt["tls_ms"] <= attempt["first_byte_ms"] <= attempt["total_ms"]
    assert data["certificate_ends"]
    missing = verdict("HTTPS", ADDRESS, "--port", nginx.ports["right"], "--tls-ca-file", "/nonexistent.pem")
    assert missing.startswith("inconclusive local cannot read tls.ca_file /nonexistent.pem")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_hostile_targets(certificates, fault):
    with fault.start(certificates) as peer:
        code, data, took = probe(fault.protocol, ADDRESS, "--port", peer.port, "--timeout", f"{TIMEOUT * 1000:.0f}ms",
                                 *fault.options(certificates))
    assert f"{data['verdict']} {data['class']} {data['reason']}" == fault.wanted(peer.port)
    assert code == 1
    if fault.at_deadline:
        assert_at_deadline(data)
    else:
        assert data["attempts"][0]["total_ms"] / 1000 < TIMEOUT
    assert took < TIMEOUT + 2 * SLOW


def test_a_refused_connection_is_tried_again_as_often_as_asked():
    port = free_port(ADDRESS)
    code, data, _ = probe("TCP", ADDRESS, "--port", port, retries=2)
    assert code == 1
    assert [attempt["reason"] for attempt in data["attempts"]] == [f"connection refused by {ADDRESS} port {port}"] * 3
    page = run([BIN / "hotswapctl", "probe", "TCP", ADDRESS, "--port", port, "--retries", "0"])
    assert page.returncode == 1
    assert page.stdout.splitlines()[:2] == [
        f"TCP {ADDRESS} port {port}: fail (connect)", f"    1. fail (connect): connection refused by {ADDRESS} port {port}"]


def test_the_resolver_that_was_named_is_asked(nginx):
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind((ADDRESS, 0))
    code, data, _ = probe("HTTP", "nowhere.example.net", "--resolver", f"{ADDRESS}:{silent.getsockname()[1]}",
                          "--timeout", "500ms")
    assert code == 1
    assert data["verdict"] == "inconclusive" and data["class"] == "resolve", data
    assert silent.recv(512), "it was asked"
    silent.close()
    assert verdict("TCP", "localhost", "--port", free_port("127.0.0.1")).startswith("fail connect connection refused")


@pytest.mark.parametrize("words, wrong", [
    (["HTTP", ADDRESS, "--port", "99999"], "--port: "),
    (["HTTP", ADDRESS, "--timeout", "2x"], "--timeout: "),
    (["HTTP", ADDRESS, "--status", "200,abc"], "--status: "),
    (["HTTP", ADDRESS, "--header", "no colon"], "--header: "),
    (["HTTP", ADDRESS, "--redirects", "perhaps"], "--redirects: "),
    (["HTTP", ADDRESS, "--resolver", "ns.example.com"], "--resolver: "),
    (["GOPHER", ADDRESS], "PROTOCOL: "),
    (["NONE", ADDRESS], "PROTOCOL: "),
    (["HTTP", "no/name"], "ADDRESS: "),
    (["HTTP"], "ADDRESS"),
])
def test_wrong_usage(words, wrong):
    done = run([BIN / "hotswapctl", "probe", *words])
    assert done.returncode == 2
    assert wrong in done.stderr, done.stderr
    assert not done.stdout


def test_an_option_that_means_nothing_to_the_protocol_is_said():
    done = run([BIN / "hotswapctl", "probe", "TCP", ADDRESS, "--port", free_port(ADDRESS), "--path", "/x"])
    assert done.returncode == 1
    assert "warning: --path: path has no effect with TCP" in done.stderr
