"""Prints tests/unit/dns/tsig_vectors.inc: messages that dnspython signed, for every algorithm.

A request (a query, an update), its answer, the answer with BADTIME; the key's bytes; the time. dnspython shares no line
with the product.
"""

import base64

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.tsig
import dns.update

NOW = 1_700_000_000
ALGORITHMS = {"hmac_sha1": dns.tsig.HMAC_SHA1, "hmac_sha224": dns.tsig.HMAC_SHA224,
              "hmac_sha256": dns.tsig.HMAC_SHA256, "hmac_sha384": dns.tsig.HMAC_SHA384,
              "hmac_sha512": dns.tsig.HMAC_SHA512}


class Clock:
    @staticmethod
    def time():
        return NOW


dns.message.time = Clock  # what stamps the signatures


def literal(data):
    return '"' + data.hex() + '"'


def signed_answer(request, key, error):
    answer = dns.message.make_response(request)
    answer.use_tsig(key, original_id=request.id, tsig_error=error,
                    other_data=(NOW + 600).to_bytes(6, "big") if error == dns.rcode.BADTIME else b"")
    answer.request_mac = request.mac
    if error:
        answer.set_rcode(dns.rcode.NOTAUTH)
    return answer.to_wire()


def update():
    message = dns.update.UpdateMessage("example.com")
    message.id = 0x1234
    message.present("www", "A", "192.0.2.10")
    message.replace("www", 30, "A", "198.51.100.10")
    return message


def query():
    message = dns.message.make_query("WWW.example.com", "A", flags=0, use_edns=False)
    message.id = 0xFFFE
    return message


print("// Made by make_tsig_vectors.py.")
for label, algorithm in ALGORITHMS.items():
    for make in (query, update):
        secret = bytes(range(7, 7 + 40))
        key = dns.tsig.Key("Key.One", secret, algorithm)
        plain = make().to_wire()
        request = make()
        request.use_tsig(key, fudge=300)
        wire = request.to_wire()
        print(f"{{MacAlgorithm::{label},", literal(secret) + ",", literal(plain) + ",", literal(wire) + ",",
              literal(signed_answer(request, key, 0)) + ",", literal(signed_answer(request, key, dns.rcode.BADTIME)) + "},")
