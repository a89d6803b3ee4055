#!/usr/bin/python3
"""How long the daemon takes from its start to serving, with many services.

    bench/start_bench.py [SERVICES] [BUILD]      (10000, build/release)

Starts it twice on a fresh state directory: the second start finds what the first one stored.
"""
import os
import socket
import subprocess
import sys
import tempfile
import time


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def query(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00\x01\x00\x01"


def answered(sock, address, packet):
    sock.sendto(packet, address)
    try:
        answer = sock.recv(512)
    except OSError:
        return False
    return answer[3] & 0x0F == 0 and answer[7] == 1


def config(directory, port, services):
    lines = [f"state_dir: {directory}/state", f"control_socket: {directory}/control.sock", f"dns_listen: [127.0.0.1:{port}]",
             "providers: {here: {type: embedded, zones: {example.com: {ns: [ns1.example.com]}}}}", "services:"]
    for i in range(services):
        a, b = divmod(i, 250)
        lines.append(f"  - {{zone: example.com, fqdn: s{i}.example.com, address: 127.1.{a}.{b + 1}, failover_mode: ip, "
                     f"failover_data: 127.2.{a}.{b + 1}, monitor: {{protocol: TCP, interval: 60s, port: 9, retries: 0, timeout: 1s}}}}")
    return "\n".join(lines) + "\n"


def main():
    services = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    build = sys.argv[2] if len(sys.argv) > 2 else "build/release"
    with tempfile.TemporaryDirectory(prefix="hotswapd-start-") as directory:
        os.mkdir(f"{directory}/state")
        port = free_port(socket.SOCK_DGRAM)
        with open(f"{directory}/hotswapd.yaml", "w") as f:
            f.write(config(directory, port, services))
        for start in ("first start", "second start"):
            notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            notify.bind(f"{directory}/notify")
            notify.settimeout(30)
            began = time.monotonic()
            daemon = subprocess.Popen([f"{build}/bin/hotswapd", "--config", f"{directory}/hotswapd.yaml"],
                                      env={**os.environ, "NOTIFY_SOCKET": f"{directory}/notify"}, stderr=subprocess.DEVNULL)
            try:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    sock.settimeout(0.01)
                    packet = query(f"s{services - 1}.example.com")
                    while not answered(sock, ("127.0.0.1", port), packet):
                        if time.monotonic() - began > 30 or daemon.poll() is not None:
                            sys.exit("start_bench: the daemon does not answer")
                        time.sleep(0.002)
                serving = time.monotonic() - began
                while b"READY=1" not in notify.recv(4096):
                    pass
                ready = time.monotonic() - began
                print(f"{start}: {services} services, answering after {serving:.2f} s, ready after {ready:.2f} s", flush=True)
                time.sleep(3)  # the first rounds, so that there is something to find again
            finally:
                daemon.terminate()
                daemon.wait(15)
                notify.close()
                os.unlink(f"{directory}/notify")


main()
