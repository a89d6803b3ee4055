"""The packets of the differential test: what is asked of the embedded DNS, Knot and NSD alike."""

import struct

IN, CH, ANY_CLASS = 1, 3, 255
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "OPT": 41, "DS": 43,
         "DNSKEY": 48, "HTTPS": 65, "IXFR": 251, "AXFR": 252, "ANY": 255, "TYPE65280": 65280}


def name(text):
    out = b""
    for label in text.rstrip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def header(flags=0, qd=1, an=0, ns=0, ar=0):
    return struct.pack("!6H", 0x1234, flags, qd, an, ns, ar)


def question(text="www.fo.test", kind="A", klass=IN):
    return name(text) + struct.pack("!HH", TYPES[kind], klass)


def opt(size=1232, version=0, flags=0, options=b"", owner=b"\0"):
    return owner + struct.pack("!HHBBHH", 41, size, 0, version, flags, len(options)) + options


def ask(text="www.fo.test", kind="A", klass=IN, flags=0, edns=None):
    return header(flags, ar=0 if edns is None else 1) + question(text, kind, klass) + (edns or b"")


SOA_RECORD = name("fo.test") + struct.pack("!HHIH", 6, 1, 0, 22) + b"\0\0" + struct.pack("!5I", 1, 0, 0, 0, 0)
A_RECORD = name("www.fo.test") + struct.pack("!HHIH", 1, 1, 0, 4) + b"\1\2\3\4"
LONG = ".".join(["a" * 50] * 4) + ".fo.test"

CASES = {
    # answers
    "a": ask(),
    "a-rd": ask(flags=0x0100),
    "a-all-flags": ask(flags=0x0100 | 0x0080 | 0x0040 | 0x0020 | 0x0010 | 0x0400 | 0x0200 | 0x000F),
    "a-mixed-case": ask("wWw.Fo.tEsT"),
    "a-two": ask("multi.fo.test"),
    "aaaa": ask("six.fo.test", "AAAA"),
    "cname": ask("alias.fo.test", "CNAME"),
    "cname-chased": ask("alias.fo.test"),
    "cname-chased-twice": ask("alias2.fo.test"),
    "cname-out-of-zone": ask("out.fo.test"),
    "cname-dangling": ask("dangling.fo.test"),
    "cname-nodata": ask("alias.fo.test", "TXT"),
    "apex-soa": ask("fo.test", "SOA"),
    "apex-ns": ask("fo.test", "NS"),
    "glue": ask("ns1.fo.test"),
    "class-any": ask(klass=ANY_CLASS),
    # nothing there
    "nodata": ask("www.fo.test", "AAAA"),
    "nodata-mx": ask("www.fo.test", "MX"),
    "nodata-https": ask("www.fo.test", "HTTPS"),
    "nodata-unknown-type": ask("www.fo.test", "TYPE65280"),
    "nodata-apex": ask("fo.test", "A"),
    "nodata-ds-apex": ask("fo.test", "DS"),
    "nodata-dnskey": ask("fo.test", "DNSKEY"),
    "empty-non-terminal": ask("under.fo.test"),
    "nxdomain": ask("nope.fo.test"),
    "nxdomain-deep": ask("a.b.c.d.fo.test"),
    "nxdomain-below-a-name": ask("x.www.fo.test"),
    "nxdomain-long": ask(LONG),
    # not ours
    "other-zone": ask("www.example.org"),
    "parent": ask("test"),
    "root-ns": ask(".", "NS"),
    "class-ch-version": ask("version.bind", "TXT", CH),
    "class-ch-id": ask("id.server", "TXT", CH),
    "class-4": ask(klass=4),
    # EDNS
    "edns": ask(edns=opt()),
    "edns-do": ask(edns=opt(flags=0x8000)),
    "edns-z-bits": ask(edns=opt(flags=0x7FFF)),
    "edns-size-0": ask(edns=opt(size=0)),
    "edns-nxdomain": ask("nope.fo.test", edns=opt()),
    "edns-refused": ask("www.example.org", edns=opt()),
    "edns-version-1": ask(edns=opt(version=1)),
    "edns-version-255": ask(edns=opt(version=255)),
    "edns-unknown-option": ask(edns=opt(options=struct.pack("!HH", 65001, 2) + b"ab")),
    "edns-broken-option": ask(edns=opt(options=struct.pack("!HH", 65001, 9) + b"ab")),
    "edns-twice": header(ar=2) + question() + opt() + opt(),
    "edns-with-a-name": header(ar=1) + question() + opt(owner=name("a")),
    "edns-big-answer": ask("many.fo.test", edns=opt(size=4096)),
    "edns-small-buffer": ask("many.fo.test", edns=opt(size=600)),
    "truncated": ask("many.fo.test"),
    # types with a meaning of their own
    "any": ask("www.fo.test", "ANY"),
    "any-many": ask("multi.fo.test", "ANY"),
    "any-apex": ask("fo.test", "ANY"),
    "any-missing": ask("nope.fo.test", "ANY"),
    "axfr-udp": ask("fo.test", "AXFR"),
    "ixfr-udp": header(ns=1) + question("fo.test", "IXFR") + SOA_RECORD,
    "qtype-opt": ask("www.fo.test", "OPT"),
    # malformed or not a query
    "empty": b"",
    "eleven-bytes": header()[:11],
    "header-alone": header(),
    "no-question": header(qd=0),
    "two-questions": header(qd=2) + question() + question("multi.fo.test"),
    "answer-section": header(an=1) + question() + A_RECORD,
    "authority-section": header(ns=1) + question() + SOA_RECORD,
    "additional-record": header(ar=1) + question() + A_RECORD,
    "additional-missing": header(ar=1) + question(),
    "an-answer": ask(flags=0x8000),
    "cut-name": header() + b"\3ww",
    "cut-class": ask()[:-1],
    "compressed-question": header() + b"\xc0\x0c" + struct.pack("!HH", 1, 1),
    "pointer-behind-label": header() + b"\3www\xc0\x0c" + struct.pack("!HH", 1, 1),
    "label-type-01": header() + b"\x43www\0" + struct.pack("!HH", 1, 1),
    "label-type-10": header() + b"\x83www\0" + struct.pack("!HH", 1, 1),
    "name-too-long": header() + b"\x3f" * 1 + b"a" * 63 + (b"\x3f" + b"a" * 63) * 3 + b"\0" + struct.pack("!HH", 1, 1),
    "trailing-bytes": ask() + b"\0\1\2\3",
    "notify": ask("fo.test", "SOA", flags=4 << 11),
    "update": header(5 << 11) + question("fo.test", "SOA"),
    "iquery": ask(flags=1 << 11),
    "status": ask(flags=2 << 11),
    "opcode-15": ask(flags=15 << 11),
}

# Asked by TCP as well.
BY_TCP = ["a", "nxdomain", "truncated", "any", "axfr-udp", "ixfr-udp", "edns-version-1", "header-alone", "update",
          "edns-big-answer", "other-zone"]
