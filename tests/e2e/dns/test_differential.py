"""The same packet to the embedded DNS, NSD and Knot: where they differ, the difference is one we chose and wrote down."""

import struct

import cases
import pytest

SILENCE = "silence"
FORMERR_HEADER = {"rcode": 1, "flags": "qr", "qd": 0, "an": 0, "ns": 0, "ar": 0, "opt": False, "do": False}


def summary(raw):
    """What is compared: extended rcode, flags, counts (the OPT record apart), OPT and its DO bit."""
    if raw is None:
        return SILENCE
    ident, flags, *counts = struct.unpack("!6H", raw[:12])
    assert ident == 0x1234
    at = 12

    def skip_name(position):
        while raw[position] != 0:
            if raw[position] >= 0xC0:
                return position + 2
            position += raw[position] + 1
        return position + 1

    for _ in range(counts[0]):
        at = skip_name(at) + 4
    opt = None
    records = [0, 0, 0]
    for section in range(3):
        for _ in range(counts[section + 1]):
            at = skip_name(at)
            kind, _klass, ttl, length = struct.unpack("!HHIH", raw[at:at + 10])
            at += 10 + length
            if kind == 41:
                opt = ttl
            else:
                records[section] += 1
    assert at == len(raw), "bytes behind the message"
    names = [("qr", 0x8000), ("aa", 0x400), ("tc", 0x200), ("rd", 0x100), ("ra", 0x80), ("z", 0x40), ("ad", 0x20),
             ("cd", 0x10)]
    return {"rcode": (flags & 15) | ((opt >> 24) << 4 if opt is not None else 0),
            "flags": " ".join(name for name, bit in names if flags & bit),
            "qd": counts[0], "an": records[0], "ns": records[1], "ar": records[2],
            "opt": opt is not None, "do": opt is not None and bool(opt & 0x8000)}


# Why we differ -> server -> {case: {field: (ours, theirs)}}; a case asked by TCP is named "tcp CASE".
CHOSEN = {
    "our answers are minimal; NSD adds NS and their addresses to positive ones": {
        "nsd": {case: {"ns": (0, 1), "ar": (0, 1)} for case in [
            "a", "a-rd", "a-mixed-case", "a-two", "aaaa", "cname", "cname-chased", "cname-chased-twice", "apex-soa",
            "edns", "edns-do", "edns-z-bits", "edns-size-0", "edns-unknown-option", "edns-big-answer",
            "tcp a", "tcp truncated", "tcp edns-big-answer"]} | {"glue": {"ns": (0, 1)}},
    },
    "flags that a query has no use for are ignored; NSD takes TC in a query for an error": {
        "nsd": {"a-all-flags": {"rcode": (0, 1), "flags": ("qr aa rd", "qr rd"), "qd": (1, 0), "an": (1, 0)}},
    },
    "class ANY is answered as IN, with authority": {
        "nsd": {"class-any": {"flags": ("qr aa", "qr")}},
    },
    "we do not say who we are (CH) unless told to": {
        "nsd": {"class-ch-version": {"rcode": (5, 0), "an": (0, 1)}, "class-ch-id": {"rcode": (5, 0), "an": (0, 1)}},
        "knot": {"class-ch-version": {"rcode": (5, 0), "an": (0, 1)}, "class-ch-id": {"rcode": (5, 0), "an": (0, 1)}},
    },
    "REFUSED repeats the question whatever its class": {
        "nsd": {"class-4": {"qd": (1, 0)}},
    },
    "ANY is one HINFO (RFC 8482)": {
        "nsd": {"any-many": {"an": (1, 2)}},
        "knot": {"any-many": {"an": (1, 2)}, "any-apex": {"ar": (0, 1)}},
    },
    "transfers are REFUSED, by either transport": {
        "nsd": {"axfr-udp": {"rcode": (5, 4)}},
        "knot": {"axfr-udp": {"rcode": (5, 4)}, "ixfr-udp": {"rcode": (5, 9)}, "tcp axfr-udp": {"rcode": (5, 9)},
                 "tcp ixfr-udp": {"rcode": (5, 9)}},
    },
    "every opcode but QUERY is NOTIMP": {
        "nsd": {"notify": {"rcode": (4, 5)}},
        "knot": {"notify": {"rcode": (4, 9), "qd": (0, 1)}, "update": {"rcode": (4, 9), "qd": (0, 1)},
                 "tcp update": {"rcode": (4, 9), "qd": (0, 1)}},
    },
    "NOTIMP and FORMERR are the header alone": {
        "knot": {"iquery": {"qd": (0, 1)}, "status": {"qd": (0, 1)}, "opcode-15": {"qd": (0, 1)},
                 "edns-broken-option": {"qd": (0, 1)}, "edns-twice": {"qd": (0, 1)},
                 "additional-missing": {"qd": (0, 1)}},
    },
    "records in a query's answer or authority section are FORMERR": {
        "knot": {"answer-section": {"rcode": (1, 0), "flags": ("qr", "qr aa"), "qd": (0, 1), "an": (0, 1)},
                 "authority-section": {"rcode": (1, 0), "flags": ("qr", "qr aa"), "qd": (0, 1), "an": (0, 1)}},
    },
    "other additional records are ignored": {
        "nsd": {"additional-record": {"rcode": (0, 1), "flags": ("qr aa", "qr"), "qd": (1, 0), "an": (1, 0)}},
    },
    "bytes behind the message are ignored": {
        "nsd": {"trailing-bytes": {"ns": (0, 1), "ar": (0, 1)}},  # it ignores them too; its answers are not minimal
        "knot": {"trailing-bytes": {"rcode": (0, 1), "flags": ("qr aa", "qr"), "an": (1, 0)}},
    },
    "an OPT record belongs to the root (RFC 6891 6.1.2)": {
        "knot": {"edns-with-a-name": {"rcode": (1, 0), "flags": ("qr", "qr aa"), "qd": (0, 1), "an": (0, 1),
                                      "opt": (False, True)}},
    },
    "a question that cannot be read is FORMERR; Knot (and NSD by TCP) are silent": {
        "nsd": {"tcp header-alone": SILENCE},
        "knot": {case: SILENCE for case in [
            "header-alone", "two-questions", "cut-name", "cut-class", "compressed-question", "pointer-behind-label",
            "label-type-01", "label-type-10", "name-too-long", "tcp header-alone"]},
    },
}

ALL = [(name, False) for name in cases.CASES] + [(name, True) for name in cases.BY_TCP]


def chosen(case, server):
    found = [servers[server][case] for servers in CHOSEN.values() if case in servers.get(server, {})]
    assert len(found) <= 1, f"{case} is explained twice for {server}"
    return found[0] if found else {}


@pytest.mark.parametrize("name,tcp", ALL, ids=[("tcp " if tcp else "") + name for name, tcp in ALL])
def test_differs_only_where_we_chose_to(name, tcp, ours, nsd, knot):
    case = ("tcp " if tcp else "") + name
    packet = cases.CASES[name]
    mine = summary(ours.ask_raw(packet, tcp))
    for server in (nsd, knot):
        theirs = summary(server.ask_raw(packet, tcp))
        expected = chosen(case, server.name)
        if expected == SILENCE:
            assert (mine, theirs) == (FORMERR_HEADER, SILENCE), f"{case}, {server.name}"
        elif SILENCE in (mine, theirs):
            assert mine == theirs, f"{case}, {server.name}"
        else:
            assert {field: (mine[field], theirs[field]) for field in mine if mine[field] != theirs[field]} == expected, (
                f"{case}, {server.name}")


def test_every_explained_case_is_asked():
    asked = {("tcp " if tcp else "") + name for name, tcp in ALL}
    explained = {case for servers in CHOSEN.values() for table in servers.values() for case in table}
    assert explained <= asked
