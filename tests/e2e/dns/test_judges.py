"""dig, kdig, drill, delv, dnspython and a strict resolver above us get right answers from the embedded DNS."""

import re
import subprocess

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import peers
import pytest

MANY = sorted(f"192.0.2.{i}" for i in range(1, 61))


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=20 * peers.SLOW,
                          env=peers.clean_environment())
    assert done.returncode == 0, (words, done.returncode, done.stdout, done.stderr)
    assert "malformed" not in done.stdout.lower() and "WARNING: Messag" not in done.stdout, done.stdout
    return done.stdout


def dig(server, *words):
    return run("dig", "@127.0.0.1", "-p", server.port, "+norec", "+tries=1", *words)


def kdig(server, *words):
    return run("kdig", "@127.0.0.1", "-p", server.port, "+norec", "+retry=0", *words)


def status(text):
    return re.search(r"status: (\w+)", text).group(1)


def ask(server, name, kind, how=dns.query.udp, **rest):
    query = dns.message.make_query(name, kind, flags=0, **rest)
    return how(query, "127.0.0.1", port=server.port, timeout=10)


@pytest.mark.parametrize("options", [[], ["+tcp"], ["+noedns"], ["+bufsize=512"], ["+ednsopt=10:0123456789abcdef"],
                                     ["+dnssec"], ["+nsid", "+subnet=192.0.2.0/24", "+cookie"]])
def test_dig(ours, options):
    assert dig(ours, "+short", *options, "www.fo.test", "A").split() == ["192.0.2.10"]
    assert dig(ours, "+short", *options, "alias.fo.test", "A").split() == ["www.fo.test.", "192.0.2.10"]
    assert sorted(dig(ours, "+short", *options, "many.fo.test", "A").split()) == MANY
    assert dig(ours, "+short", *options, "six.fo.test", "AAAA").split() == ["2001:db8::1"]
    missing = dig(ours, *options, "nope.fo.test", "A")
    assert status(missing) == "NXDOMAIN" and " aa" in missing and "SOA" in missing
    assert status(dig(ours, *options, "www.fo.test", "TXT")) == "NOERROR"
    assert status(dig(ours, *options, "www.example.org", "A")) == "REFUSED"
    assert 'HINFO\t"RFC8482" ""' in dig(ours, *options, "+notcp" if "+tcp" not in options else "+tcp", "www.fo.test", "ANY")


def test_dig_over_ipv6(ours):
    port = ours.endpoints[1].rsplit(":", 1)[1]
    for how in ("+notcp", "+tcp"):
        assert run("dig", "@::1", "-p", port, "+norec", "+short", how, "www.fo.test", "A").split() == ["192.0.2.10"]


def test_dig_is_refused_a_transfer(ours):
    assert "Transfer failed" in dig(ours, "fo.test", "AXFR")
    assert "Transfer failed" in dig(ours, "fo.test", "IXFR=1")


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_kdig(ours, transport):
    assert kdig(ours, transport, "+short", "www.fo.test", "A").split() == ["192.0.2.10"]
    assert sorted(kdig(ours, transport, "+bufsize=4096", "+short", "many.fo.test", "A").split()) == MANY
    assert status(kdig(ours, transport, "+ednsopt=65001:abcd", "www.fo.test", "A")) == "NOERROR"
    newer = kdig(ours, transport, "+edns=1", "www.fo.test", "A")
    assert status(newer) == "BADVERS" and "ANSWER: 0" in newer
    assert "ext-rcode: BADVERS" in newer or "BADVERS" in newer


def test_kdig_keeps_a_connection(ours):
    out = run("kdig", "@127.0.0.1", "-p", ours.port, "+tcp", "+keepopen", "+short", "www.fo.test", "A", "multi.fo.test",
              "A", "six.fo.test", "AAAA")
    assert sorted(out.split()) == ["192.0.2.10", "192.0.2.10", "192.0.2.11", "2001:db8::1"]


@pytest.mark.parametrize("options", [[], ["-t"], ["-b", "4096"]])
def test_drill(ours, options):
    def drill(*words):
        return run("drill", "-o", "rd", "-p", ours.port, *options, *words, "@127.0.0.1")

    answer = drill("www.fo.test", "A")
    assert "rcode: NOERROR" in answer and re.search(r"flags: qr aa ;", answer), answer
    assert "www.fo.test.\t30\tIN\tA\t192.0.2.10" in answer
    many = drill("many.fo.test", "A")  # drill has no EDNS unless told to, and does not come back by itself
    assert many.count("\tIN\tA\t") == (60 if options else 0)
    assert bool(re.search(r"flags: qr aa tc ;", many)) != bool(options)
    assert "rcode: NXDOMAIN" in drill("nope.fo.test", "A")
    assert "ns1.fo.test.\t3600\tIN\tA\t127.0.0.1" in drill("fo.test", "NS")


def test_delv(ours):
    out = run("delv", "+noroot", "@127.0.0.1", "-p", ours.port, "-i", "www.fo.test", "A")
    assert "192.0.2.10" in out


@pytest.mark.parametrize("how", [dns.query.udp, dns.query.tcp])
def test_dnspython(ours, how):
    answer = ask(ours, "wWw.Fo.tEsT", "A", how)
    assert answer.rcode() == dns.rcode.NOERROR and answer.flags & dns.flags.AA
    assert answer.question[0].name.to_text() == "wWw.Fo.tEsT."
    assert [rrset.to_text() for rrset in answer.answer] == ["wWw.Fo.tEsT. 30 IN A 192.0.2.10"]
    assert answer.edns == -1
    soa = ask(ours, "fo.test", "SOA", how).answer[0][0]
    assert (soa.mname.to_text(), soa.rname.to_text(), soa.minimum) == ("ns1.fo.test.", "hostmaster.fo.test.", 30)
    edns = ask(ours, "many.fo.test", "A", how, use_edns=0, payload=4096, want_dnssec=True)
    assert len(edns.answer[0]) == 60
    assert edns.edns == 0 and edns.payload == 1232 and edns.ednsflags & dns.flags.DO
    negative = ask(ours, "a.b.fo.test", "A", how)
    assert negative.rcode() == dns.rcode.NXDOMAIN
    assert negative.authority[0].ttl == 30
    assert ask(ours, "under.fo.test", "A", how).rcode() == dns.rcode.NOERROR


def test_dnspython_notify_and_update(ours):
    for opcode in (dns.opcode.NOTIFY, dns.opcode.UPDATE, dns.opcode.STATUS):
        query = dns.message.make_query("fo.test", "SOA")
        query.set_opcode(opcode)
        answer = dns.query.udp(query, "127.0.0.1", port=ours.port, timeout=10, ignore_unexpected=True)
        assert answer.rcode() == dns.rcode.NOTIMP


def test_resolver_with_random_case_and_strict_minimisation(unbound):
    def resolve(name, kind):
        query = dns.message.make_query(name, kind)
        answer, _ = dns.query.udp_with_fallback(query, "127.0.0.1", port=unbound.port, timeout=10)
        return answer

    def values(name, kind):
        answer = resolve(name, kind)
        assert answer.rcode() == dns.rcode.NOERROR, answer
        return sorted(item.to_text() for rrset in answer.answer for item in rrset)

    assert values("www.fo.test", "A") == ["192.0.2.10"]
    assert values("multi.fo.test", "A") == ["192.0.2.10", "192.0.2.11"]
    assert values("six.fo.test", "AAAA") == ["2001:db8::1"]
    assert values("alias2.fo.test", "A") == ["192.0.2.10", "alias.fo.test.", "www.fo.test."]
    assert values("many.fo.test", "A") == MANY
    assert values("deep.under.fo.test", "A") == ["192.0.2.12"], "through an empty non-terminal"
    assert values("fo.test", "NS") == ["ns1.fo.test."]
    assert values("www.fo.test", "TXT") == []
    for name in ("nope.fo.test", "a.b.c.fo.test", "x.www.fo.test"):
        assert resolve(name, "A").rcode() == dns.rcode.NXDOMAIN
