"""Drives the real programs through a failover and a recovery on loopback; every wait ends, and a missed one is an error.

Run by ./quickstart. Uses the standard library, dig, and the two programs of the build; stops only what it started.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

NAME = "www.example.com"
PRIMARY, BACKUP = "127.0.0.10", "127.0.0.20"
HERE = pathlib.Path(__file__).resolve().parent

CONFIG = """\
state_dir: {dir}/state
control_socket: {dir}/control.sock
dns_listen: ["127.0.0.1:{dns_port}"]
providers:
  here:
    type: embedded
    zones:
      example.com: {{ns: [ns1.example.com], rname: hostmaster@example.com}}
services:
  - zone: example.com
    fqdn: {name}
    address: {primary}
    failover_mode: ip
    failover_data: {backup}
    ttl: 1
    recovery_delay: 2
    monitor: {{protocol: HTTP, port: {http_port}, path: /, interval: 2s, retries: 1, timeout: 1}}
"""


class Failed(Exception):
    """Something that should have happened did not, in its time."""


def bold(text):
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text


def say(text):
    print(bold(text), flush=True)


def free_port(addresses, kinds=(socket.SOCK_STREAM,)):
    """A port that is free on all `addresses` for all `kinds` of socket."""
    for _ in range(100):
        opened = []
        try:
            port = 0
            for address in addresses:
                for kind in kinds:
                    s = socket.socket(socket.AF_INET, kind)
                    opened.append(s)
                    s.bind((address, port))
                    port = s.getsockname()[1]
            return port
        except OSError:
            continue
        finally:
            for s in opened:
                s.close()
    raise Failed("no free port on loopback")


def wait_until(what, seconds, check):
    """Polls until check() gives something true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.1)


class Demo:
    def __init__(self, bin_dir):
        self.bin = bin_dir
        self.dir = tempfile.mkdtemp(prefix="hotswapd-quickstart-")
        self.running = {}
        self.dns_port = free_port(["127.0.0.1"], (socket.SOCK_DGRAM, socket.SOCK_STREAM))
        self.http_port = free_port([PRIMARY, BACKUP])

    # -- processes -------------------------------------------------------------------------------------------------
    def start(self, name, command, **how):
        # A session of its own: Ctrl-C reaches us alone, and we stop them in order.
        self.running[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **how)

    def stop(self, name):
        process = self.running.pop(name, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self):
        for name in list(self.running):
            self.stop(name)
        shutil.rmtree(self.dir, ignore_errors=True)

    def site(self, name, address):
        self.start(name, [sys.executable, str(HERE / "quickstart_site.py"), name, address, str(self.http_port)])
        wait_until(f"the {name} site answers", 10, lambda: self.connects(address))

    def connects(self, address):
        try:
            socket.create_connection((address, self.http_port), 1).close()
            return True
        except OSError:
            return False

    def daemon(self):
        os.mkdir(f"{self.dir}/state", 0o700)
        config = pathlib.Path(self.dir, "hotswapd.yaml")
        config.write_text(CONFIG.format(dir=self.dir, dns_port=self.dns_port, http_port=self.http_port, name=NAME,
                                        primary=PRIMARY, backup=BACKUP))
        self.log = open(f"{self.dir}/hotswapd.log", "wb")
        self.start("hotswapd", [f"{self.bin}/hotswapd", "--config", str(config)], stderr=self.log, stdout=self.log)

    def check_alive(self):
        code = self.running["hotswapd"].poll()
        if code is not None:
            log = pathlib.Path(self.dir, "hotswapd.log").read_text(errors="replace")
            raise Failed(f"hotswapd ended with status {code}:\n{log}")

    # -- questions -------------------------------------------------------------------------------------------------
    def dig_line(self):
        return f"dig @127.0.0.1 -p {self.dns_port} {NAME} A +short"

    def dns(self):
        self.check_alive()
        command = self.dig_line().split() + ["+time=1", "+tries=1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5)
        return [line for line in done.stdout.split() if not line.startswith(";")] if done.returncode == 0 else []

    def ctl(self, *words):
        command = [f"{self.bin}/hotswapctl", "--socket", f"{self.dir}/control.sock", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=10)

    def status(self):
        self.check_alive()
        done = self.ctl("status", "--json")
        if done.returncode != 0:
            return None
        return {s["fqdn"]: s for s in json.loads(done.stdout)["services"]}.get(NAME)

    def is_status(self, word):
        status = self.status()
        return status is not None and status["status"] == word

    # -- what is shown ---------------------------------------------------------------------------------------------
    def show(self, line, output):
        print(f"  $ {line}")
        for text in output.rstrip().splitlines():
            print(f"    {text}")
        print(flush=True)

    def show_dns(self):
        self.show(self.dig_line(), "\n".join(self.dns()))

    def show_ctl(self, *words):
        done = self.ctl(*words)
        self.show("hotswapctl " + " ".join(words), done.stdout + done.stderr)
        if done.returncode != 0:
            raise Failed(f"hotswapctl {' '.join(words)} ended with status {done.returncode}")

    def run(self):
        self.site("primary", PRIMARY)
        self.site("backup", BACKUP)
        self.daemon()
        say(f"Two web sites are up, {PRIMARY} (primary) and {BACKUP} (backup); hotswapd watches them every 2 s.")
        wait_until("DNS serves the primary", 15, lambda: self.dns() == [PRIMARY])
        wait_until("the first round is done", 15, lambda: self.is_status("ok"))
        self.show_dns()
        self.show_ctl("status")

        say("Now the primary site is stopped.")
        began = time.monotonic()
        self.stop("primary")
        wait_until("DNS serves the backup", 15, lambda: self.dns() == [BACKUP])
        say(f"DNS serves the backup, {time.monotonic() - began:.1f} s later. Why, and how it was proved:")
        wait_until("the swap is committed", 15, lambda: self.is_status("failover"))
        self.show_dns()
        self.show_ctl("explain", NAME)

        say("The primary site comes back; it is trusted again after two good rounds in sequence (recovery_delay: 2).")
        began = time.monotonic()
        self.site("primary", PRIMARY)
        wait_until("DNS serves the primary again", 30, lambda: self.dns() == [PRIMARY])
        say(f"DNS serves the primary again, {time.monotonic() - began:.1f} s later.")
        wait_until("the recovery is committed", 15, lambda: self.is_status("ok"))
        self.show_dns()
        self.show_ctl("history", NAME)

    def play(self):
        ctl = f"{self.bin}/hotswapctl --socket {self.dir}/control.sock"
        say("It stays up for you to play with. In another terminal:")
        for line in (self.dig_line(),
                     f"{ctl} status",
                     f"{ctl} watch",
                     f"{ctl} explain {NAME}",
                     f"{ctl} force-failover {NAME} --reason 'trying it out' --for 1m",
                     f"{ctl} recover {NAME}",
                     f"kill {self.running['backup'].pid}      # takes the backup site away",
                     f"kill {self.running['primary'].pid}      # takes the primary site away; and this brings it back:",
                     f"python3 {HERE}/quickstart_site.py primary {PRIMARY} {self.http_port}",
                     f"less {self.dir}/hotswapd.yaml"):
            print(f"    {line}")
        print(bold("\nCtrl-C stops everything."), flush=True)
        while True:
            self.check_alive()
            time.sleep(0.5)


def stop_by_signal(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, stop_by_signal)

    demo = Demo(os.path.abspath(options.bin))
    try:
        demo.run()
        if not options.once:
            demo.play()
        say("Done.")
        return 0
    except Failed as failure:
        print(f"\nquickstart: {failure}", file=sys.stderr)
        log = pathlib.Path(demo.dir, "hotswapd.log")
        if log.exists():
            print("the daemon's log:\n" + log.read_text(errors="replace"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopping", flush=True)
        return 0 if not options.once else 130
    finally:
        demo.close()


if __name__ == "__main__":
    sys.exit(main())
