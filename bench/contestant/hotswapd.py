"""hotswapd as a contestant of a harness that measures probers side by side: how it is configured, started and asked.

The harness is not part of this repository. It calls prepare(directory, protocol, endpoints, interval), which writes a
configuration and returns the argv of a process that stays in the foreground; prepare_detect(directory, protocol, endpoints),
the same for the quickest detection; driver(...), here nothing; wait(directory, endpoint, up, deadline), which blocks till
hotswapd shows that state of the endpoint and returns the monotonic time of it, or None. HOTSWAPD is the path of the daemon.

Endpoints are taken in pairs, a service each: the first is the primary, the second its backup, and both are probed. One shard,
and the embedded DNS as it would run. Its answer is the sign of a change.
"""
import os
import random
import socket
import struct
import time

DNS_PORT = 15353


def address_of(name):
    """The A record that our DNS serves now, or None."""
    query = struct.pack(">HHHHHH", random.randrange(65536), 0x0100, 1, 0, 0, 0)
    query += b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dns:
        dns.settimeout(0.5)
        dns.sendto(query, ("127.0.0.1", DNS_PORT))
        try:
            answer = dns.recv(4096)
        except OSError:
            return None
    return socket.inet_ntoa(answer[-4:]) if struct.unpack(">H", answer[6:8])[0] else None


class Hotswapd:
    protos = ("http", "https", "httpsv", "tcp", "smtp", "icmp")
    min_interval = 1
    env = {}
    ports = {"http": 18080, "https": 18443, "httpsv": 18443, "tcp": 18007, "smtp": 18025}
    ca_file = "/tmp/hotswap-bench/ca.pem"  # where the harness keeps its CA; `httpsv` verifies with it

    def prepare(self, directory, proto, endpoints, interval):
        web = "path: /, host: probe.test"
        keys = {"http": f"protocol: HTTP, {web}", "https": f"protocol: HTTPS, {web}, tls: {{verify: false}}",
                "httpsv": f"protocol: HTTPS, {web}, tls: {{ca_file: {self.ca_file}}}", "tcp": "protocol: TCP",
                "smtp": "protocol: SMTP", "icmp": "protocol: PING"}[proto]
        port = f", port: {self.ports[proto]}" if proto in self.ports else ""
        milliseconds = int(interval * 1000)
        monitor = f"{{{keys}{port}, interval: {milliseconds}ms, timeout: {min(5000, milliseconds)}ms, retries: 0}}"
        os.makedirs(f"{directory}/state", exist_ok=True)
        with open(f"{directory}/hotswapd.yaml", "w") as file:
            file.write(f"state_dir: {directory}/state\ncontrol_socket: {directory}/control.sock\nshards: 1\n"
                       f"dns_listen: [127.0.0.1:{DNS_PORT}]\n"
                       "providers: {here: {type: embedded, zones: {probe.test: {ns: [ns1.example.com]}}}}\nservices:\n")
            for primary, backup in zip(endpoints[::2], endpoints[1::2]):
                file.write(f"- {{zone: probe.test, fqdn: r{primary}.probe.test, address: {primary}, failover_mode: ip, "
                           f"failover_data: {backup}, monitor: {monitor}}}\n")
        return [os.environ["HOTSWAPD"], "--config", f"{directory}/hotswapd.yaml"]

    def prepare_detect(self, directory, proto, endpoints):
        return self.prepare(directory, proto, endpoints, self.min_interval)

    def driver(self, directory, proto, endpoints, interval):
        return None

    def wait(self, directory, endpoint, up, deadline):
        while time.monotonic() < deadline:
            served = address_of(f"r{endpoint}.probe.test")
            if served is not None and (served == endpoint) == up:
                return time.monotonic()
            time.sleep(0.002)
        return None
