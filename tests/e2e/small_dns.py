"""An authoritative name server in a few lines: answers with what a function says is there, by UDP and TCP."""

import socket
import threading

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

import harness
from name_servers import receive, send


class SmallDns:
    """lookup(name) gives {"type", "ttl", "values"} or None, soa() the zone and its serial. As a resolver it names one
    NS, ns.example.net."""

    def __init__(self, address, lookup, soa=None):
        self.lookup, self.soa = lookup, soa
        self.address, self.port = address, harness.free_port(address)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, self.port))
        self.tcp = socket.create_server((address, self.port))
        for work in (self._datagrams, self._connections):
            threading.Thread(target=work, daemon=True).start()

    @property
    def at(self):
        return f"{self.address}:{self.port}"

    def answer(self, wire):
        query = dns.message.from_wire(wire)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        if kind == "NS" and query.flags & dns.flags.RD:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "NS", "ns.example.net."))
        zone, serial = self.soa() if self.soa else (None, None)
        if kind == "SOA" and name == zone:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "SOA",
                                                     f"ns1.{zone}. hostmaster.{zone}. {serial} 60 60 60 30"))
        found = self.lookup(name)
        if found and found["type"] in (kind, "CNAME"):
            values = [f"{v.rstrip('.')}." if found["type"] == "CNAME" else v for v in found["values"]]
            answer.answer.append(dns.rrset.from_text(question.name, found["ttl"], "IN", found["type"], *values))
        return answer.to_wire()

    def _datagrams(self):
        try:
            while True:
                wire, peer = self.udp.recvfrom(4096)
                if len(wire) >= 12:
                    self.udp.sendto(self.answer(wire), peer)
        except OSError:
            pass

    def _connections(self):
        while True:
            try:
                link, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._stream, args=(link,), daemon=True).start()

    def _stream(self, link):
        with link:
            link.settimeout(5)
            try:
                while True:
                    send(link, self.answer(receive(link)))
            except (OSError, EOFError):
                pass

    def close(self):
        self.tcp.shutdown(socket.SHUT_RDWR)
        self.tcp.close()
        self.udp.close()
