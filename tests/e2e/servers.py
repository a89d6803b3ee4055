"""Real servers in private instances, each on one address: unbound, nginx, postfix, sshd. stop() ends what start() began."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

import harness
from harness import wait_until

NOBODY = 65534


def program(name):
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert found, f"{name} is missing: scripts/install-deps --test"
    return found


class Server:
    """A server in the foreground, in a session of its own; start() returns when its port is open."""

    def __init__(self, address, port):
        self.address, self.port = address, port
        # Not in the world's folder, which is closed to the users that these servers change to.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hs-server-"))
        self.dir.chmod(0o755)
        self.process = None

    def command(self):
        raise NotImplementedError

    def start(self, **how):
        assert self.process is None
        with open(self.dir / "output", "ab") as output:
            self.process = subprocess.Popen([*map(str, self.command())], stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, start_new_session=True, **how)
        wait_until(f"{type(self).__name__} listens", self.listens)
        return self

    def listens(self):
        assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.output()}"
        with socket.socket() as client:
            client.settimeout(1)
            return client.connect_ex((self.address, self.port)) == 0

    def output(self):
        return "".join(path.read_text(errors="replace") for path in (self.dir / "output", self.dir / "log")
                       if path.exists())[-4000:]

    def stop(self):
        """Returns when it has ended and its port is closed."""
        process, self.process = self.process, None
        if process is None:
            return
        self.end(process)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{type(self).__name__} did not obey SIGTERM") from None

    def end(self, process):
        process.terminate()

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)


class Unbound(Server):
    """A resolver: answers by itself for names.test what start() gives it, and asks `stubs`, {zone: "address@port" or a
    list of them}, for the rest."""

    def __init__(self, address, port, stubs=None):
        super().__init__(address, port)
        self.stubs = stubs or {}

    def start(self, *records):
        self.stop()
        data = "".join(f'  local-data: "{record}"\n' for record in records)
        stubs = ""
        for zone, servers in self.stubs.items():
            stubs += f"stub-zone:\n  name: {zone}\n"
            stubs += "".join(f"  stub-addr: {server}\n" for server in ([servers] if isinstance(servers, str) else servers))
        (self.dir / "unbound.conf").write_text(f"""
server:
  interface: {self.address}@{self.port}
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  username: ""
  chroot: ""
  directory: "{self.dir}"
  pidfile: "{self.dir}/pid"
  do-daemonize: no
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  use-caps-for-id: yes
  qname-minimisation-strict: yes
  local-zone: "names.test." static
{data}
remote-control:
  control-enable: no
{stubs}""")
        return super().start()

    def command(self):
        return [program("unbound"), "-d", "-c", self.dir / "unbound.conf"]

    def ask(self, name, kind, timeout=5):
        query = dns.message.make_query(name, kind)
        return dns.query.udp(query, self.address, port=self.port, timeout=timeout)

    def listens(self):
        assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.output()}"
        try:
            self.ask("names.test", "SOA", timeout=0.2)
        except (OSError, dns.exception.Timeout):
            return False
        return True

    def values(self, kind="A", name=harness.NAME):
        """What it resolves the name to, sorted; what it says instead of an answer."""
        answer = self.ask(name, kind)
        if answer.rcode() != dns.rcode.NOERROR:
            return [dns.rcode.to_text(answer.rcode())]
        return sorted(item.to_text() for rrset in answer.answer for item in rrset
                      if rrset.rdtype == dns.rdatatype.from_text(kind))


class Nginx(Server):
    """Answers 200 with a text; with a certificate, over TLS."""

    def __init__(self, address, port, tls=None):
        super().__init__(address, port)
        secure = f"ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]};" if tls else ""
        temporary = "".join(f"{kind}_temp_path {self.dir}/{kind};\n" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.dir / "nginx.conf").write_text(f"""
daemon off; pid {self.dir}/pid; error_log {self.dir}/log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off;
  {temporary}
  server {{
    listen {address}:{port}{" ssl" if tls else ""};
    {secure}
    location = /healthz {{ return 200 "all is well\n"; }}
  }}
}}
""")

    def command(self):
        return [program("nginx"), "-p", self.dir, "-c", self.dir / "nginx.conf", "-e", self.dir / "log"]


class Postfix(Server):
    """Greets with its own name. Needs root."""

    def __init__(self, address, port):
        super().__init__(address, port)
        etc = self.dir / "etc"
        for folder in ("etc", "data", "queue"):
            (self.dir / folder).mkdir(mode=0o755)
        shutil.chown(self.dir / "data", "postfix")
        (etc / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {self.dir}/queue
data_directory = {self.dir}/data
maillog_file = {self.dir}/log
maillog_file_prefixes = {self.dir}
myhostname = mail.example.com
mydestination = example.com
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
mailbox_transport = discard
""")
        (etc / "master.cf").write_text(f"""
{address}:{port} inet n - n - - smtpd
pickup    unix  n - n 60  1 pickup
cleanup   unix  n - n -   0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n -   - trivial-rewrite
bounce    unix  - - n -   0 bounce
defer     unix  - - n -   0 bounce
trace     unix  - - n -   0 bounce
proxymap  unix  - - n -   - proxymap
error     unix  - - n -   - error
discard   unix  - - n -   - discard
anvil     unix  - - n -   1 anvil
scache    unix  - - n -   1 scache
postlog   unix-dgram n - n - 1 postlogd
""")

    def command(self):
        return [program("postfix"), "-c", self.dir / "etc", "start-fg"]

    def end(self, process):
        # What we started is the shell that waits for master(8).
        os.kill(int((self.dir / "queue/pid/master.pid").read_text()), signal.SIGTERM)


class Sshd(Server):
    """Listens and greets. Under root it is started as nobody, and so asks nothing of the system's folders."""

    def __init__(self, address, port):
        super().__init__(address, port)
        key = self.dir / "key"
        subprocess.run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=30)
        (self.dir / "sshd_config").write_text(f"""
ListenAddress {address}:{port}
HostKey {key}
PidFile none
UsePAM no
PasswordAuthentication no
""")
        if os.geteuid() == 0:
            for path in (self.dir, key):
                os.chown(path, NOBODY, NOBODY)

    def command(self):
        return [program("sshd"), "-D", "-e", "-f", self.dir / "sshd_config"]

    def start(self):
        drop = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        return super().start(**drop)
