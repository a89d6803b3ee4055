// Every row of the embedded DNS's behaviour table, packet by packet.
#include "dns/answerer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "dns/zone_editor.hpp"
#include "tests/unit/dns/messages.hpp"

namespace hotswapd {
namespace {

using test::bytes;
using test::Bytes;
using test::Message;
using test::operator+;
using test::QuerySpec;
using Lines = std::vector<std::string>;
namespace type = wire::type;
namespace klass = wire::klass;
using wire::Header;

const std::string soa_line = "example.com 20 SOA ns1.example.com hostmaster.example.com 7 20";
const std::string other_soa_line = "example.org 30 SOA ns.elsewhere.test admin.example.org 1 30";

std::shared_ptr<const ZoneSnapshot> zones() {
  ZoneEditor editor;
  EXPECT_TRUE(editor.put_zone(
      {"example.com",
       {{"ns1.example.com", {"192.0.2.53", "2001:db8::53"}}, {"ns.elsewhere.test", {}}},
       "hostmaster@example.com"},
      7));
  EXPECT_TRUE(
      editor.put_zone({"example.org", {{"ns.elsewhere.test", {}}}, "admin.example.org"}, 1));
  const auto add = [&](const char* zone, const char* fqdn, RecordType type, std::uint32_t ttl,
                       Lines values) {
    const auto ok = editor.put_record({zone, fqdn}, {type, ttl, std::move(values)});
    EXPECT_TRUE(ok) << (ok ? "" : ok.error().text);
  };
  add("example.com", "www.example.com", RecordType::a, 20, {"192.0.2.10"});
  add("example.com", "multi.example.com", RecordType::a, 30, {"192.0.2.10", "192.0.2.11"});
  add("example.com", "six.example.com", RecordType::aaaa, 30, {"2001:db8::1"});
  add("example.com", "deep.under.example.com", RecordType::a, 30, {"192.0.2.12"});
  add("example.com", "alias.example.com", RecordType::cname, 30, {"www.example.com"});
  add("example.com", "alias6.example.com", RecordType::cname, 30, {"alias.example.com"});
  add("example.com", "out.example.com", RecordType::cname, 30, {"www.elsewhere.test"});
  add("example.com", "across.example.com", RecordType::cname, 30, {"www.example.org"});
  add("example.com", "dangling.example.com", RecordType::cname, 30, {"nothing.example.org"});
  add("example.com", "toapex.example.com", RecordType::cname, 30, {"example.org"});
  add("example.com", "self.example.com", RecordType::cname, 30, {"self.example.com"});
  add("example.com", "ping.example.com", RecordType::cname, 30, {"pong.example.com"});
  add("example.com", "pong.example.com", RecordType::cname, 30, {"ping.example.com"});
  add("example.org", "www.example.org", RecordType::a, 30, {"198.51.100.1"});
  for (int i = 0; i < 12; ++i) {
    add("example.com", ("hop" + std::to_string(i) + ".example.com").c_str(), RecordType::cname, 30,
        {"hop" + std::to_string(i + 1) + ".example.com"});
  }
  Lines many;
  for (int i = 1; i <= 60; ++i) many.push_back("192.0.2." + std::to_string(i));
  add("example.com", "many.example.com", RecordType::a, 30, many);
  return editor.publish();
}

Bytes raw_answer(const Bytes& packet, DnsTransport transport = DnsTransport::udp,
                 const ChaosTexts& chaos = {}) {
  static const auto snapshot = zones();
  Bytes out(transport == DnsTransport::udp ? max_udp_answer : wire::max_message);
  const auto done = answer_packet(packet, transport, *snapshot, out, chaos);
  out.resize(done.size);
  return out;
}

Message ask(const QuerySpec& spec, DnsTransport transport = DnsTransport::udp,
            const ChaosTexts& chaos = {}) {
  return test::parse(raw_answer(test::query(spec), transport, chaos));
}

Message ask(const std::string& name, std::uint16_t type = type::a) {
  QuerySpec spec;
  spec.name = name;
  spec.type = type;
  return ask(spec);
}

constexpr unsigned code(wire::Rcode rcode) {
  return static_cast<unsigned>(rcode);
}

void expect_header_only(const Bytes& packet, wire::Rcode rcode, const char* what) {
  const auto raw = raw_answer(packet);
  ASSERT_EQ(raw.size(), 12U) << what;
  const auto message = test::parse(raw);
  EXPECT_EQ(message.rcode(), code(rcode)) << what;
  EXPECT_TRUE(message.header.has(Header::qr)) << what;
  EXPECT_FALSE(message.header.has(Header::aa)) << what;
  EXPECT_EQ(message.header.id, 0x1234) << what;
  EXPECT_EQ(message.header.opcode(), test::parse(raw).header.opcode());
}

TEST(Answerer, ShortPacketsAndAnswersGetSilence) {
  const auto good = test::query({});
  for (std::size_t size = 0; size < 12; ++size) {
    EXPECT_TRUE(
        raw_answer(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))).empty())
        << size;
  }
  QuerySpec answer;
  answer.flags = Header::qr;
  EXPECT_TRUE(raw_answer(test::query(answer)).empty());
  answer.flags = Header::qr | 5 << 11;
  EXPECT_TRUE(raw_answer(test::query(answer)).empty());
}

TEST(Answerer, OtherOpcodesAreNotImplemented) {
  for (unsigned opcode = 1; opcode < 16; ++opcode) {
    QuerySpec spec;
    spec.flags = static_cast<std::uint16_t>(opcode << 11 | Header::rd);
    spec.edns = wire::Edns{1232, 0, 0, false};
    const auto packet = test::query(spec);
    expect_header_only(packet, wire::Rcode::notimp, "opcode");
    const auto message = test::parse(raw_answer(packet));
    EXPECT_EQ(message.header.opcode(), opcode);
    EXPECT_TRUE(message.header.has(Header::rd));
    Bytes out(max_udp_answer);
    EXPECT_EQ(answer_packet(packet, DnsTransport::udp, ZoneSnapshot(), out).notify, opcode == 4);
  }
}

TEST(Answerer, MalformedQueriesAreFormerr) {
  const auto good = test::query({});
  const auto counts = [&](int section, int count) {
    auto packet = good;
    packet[static_cast<std::size_t>(5 + 2 * section)] = static_cast<std::byte>(count);
    return packet;
  };
  const Bytes header = bytes({0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0});
  const Bytes one_more = bytes({0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1});
  const Bytes two_more = bytes({0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2});
  const Bytes question = bytes({3, 'w', 'w', 'w', 0, 0, 1, 0, 1});
  const Bytes opt = bytes({0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0});
  struct Row {
    const char* what;
    Bytes packet;
  };
  const Row rows[] = {
      {"no question", counts(0, 0)},
      {"two questions", counts(0, 2)},
      {"an answer", counts(1, 1)},
      {"an authority", counts(2, 1)},
      {"header alone", header},
      {"cut name", header + bytes({3, 'w', 'w'})},
      {"no type", header + bytes({3, 'w', 'w', 'w', 0})},
      {"half a class", header + bytes({3, 'w', 'w', 'w', 0, 0, 1, 0})},
      {"pointer in the question", header + bytes({0xc0, 12, 0, 1, 0, 1})},
      {"pointer behind a label", header + bytes({1, 'a', 0xc0, 12, 0, 1, 0, 1})},
      {"label type 01", header + bytes({0x43, 'w', 'w', 'w', 0, 0, 1, 0, 1})},
      {"label type 10", header + bytes({0x83, 'w', 'w', 'w', 0, 0, 1, 0, 1})},
      {"two OPT", two_more + question + opt + opt},
      {"OPT that is promised and not there", one_more + question},
      {"cut OPT", one_more + question + bytes({0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0})},
      {"OPT with more RDATA than there is",
       one_more + question + bytes({0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 4})},
      {"OPT with a broken option",
       one_more + question + bytes({0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 4, 0, 3, 0, 9})},
      {"OPT with a name",
       one_more + question + bytes({1, 'a', 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0})},
  };
  for (const auto& row : rows) expect_header_only(row.packet, wire::Rcode::formerr, row.what);
}

TEST(Answerer, NameLongerThan255BytesIsFormerr) {
  Bytes packet = bytes({0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0});
  for (int i = 0; i < 128; ++i) packet = packet + bytes({1, 'a'});
  expect_header_only(packet + bytes({0, 0, 1, 0, 1}), wire::Rcode::formerr, "257 bytes");
}

TEST(Answerer, NewerEdnsIsBadvers) {
  QuerySpec spec;
  spec.edns = wire::Edns{4096, 0, 1, true};
  const auto message = ask(spec);
  EXPECT_EQ(message.rcode(), code(wire::Rcode::badvers));
  EXPECT_EQ(message.header.rcode(), 0);
  ASSERT_TRUE(message.edns.has_value());
  EXPECT_EQ(message.edns->extended_rcode, 1);
  EXPECT_EQ(message.edns->version, 0);
  EXPECT_TRUE(message.lines(0).empty());
  EXPECT_EQ(message.questions.size(), 1U);
}

TEST(Answerer, EdnsIsAnsweredInEveryAnswer) {
  struct Row {
    const char* name;
    std::uint16_t type;
    wire::Rcode rcode;
  };
  const Row rows[] = {{"www.example.com", type::a, wire::Rcode::noerror},
                      {"www.example.com", type::txt, wire::Rcode::noerror},
                      {"nope.example.com", type::a, wire::Rcode::nxdomain},
                      {"elsewhere.test", type::a, wire::Rcode::refused},
                      {"example.com", type::axfr, wire::Rcode::refused},
                      {"www.example.com", type::any, wire::Rcode::noerror}};
  for (const auto& row : rows) {
    for (const bool dnssec_ok : {false, true}) {
      QuerySpec spec;
      spec.name = row.name;
      spec.type = row.type;
      spec.edns = wire::Edns{4096, 0, 0, dnssec_ok};
      const auto message = ask(spec);
      EXPECT_EQ(message.rcode(), code(row.rcode)) << row.name;
      ASSERT_TRUE(message.edns.has_value()) << row.name;
      EXPECT_EQ(message.edns->size, 1232);
      EXPECT_EQ(message.edns->version, 0);
      EXPECT_EQ(message.edns->dnssec_ok, dnssec_ok);
      spec.edns.reset();
      EXPECT_FALSE(ask(spec).edns.has_value()) << row.name;
    }
  }
}

TEST(Answerer, UnknownEdnsOptionsAreIgnored) {
  auto packet = test::query({});
  packet[11] = std::byte{1};
  packet =
      packet + bytes({0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 10, 0, 10, 0, 2, 1, 2, 0xff, 0xff, 0, 0});
  const auto message = test::parse(raw_answer(packet));
  EXPECT_EQ(message.lines(0), Lines{"www.example.com 20 A 192.0.2.10"});
  EXPECT_TRUE(message.edns.has_value());
}

TEST(Answerer, OtherAdditionalRecordsAreIgnored) {
  auto packet = test::query({});
  packet[11] = std::byte{2};
  packet = packet + bytes({0xc0, 12, 0, 1, 0,  1, 0,    0, 0, 0, 0, 4, 1, 2,
                           3,    4,  0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0});
  const auto message = test::parse(raw_answer(packet));
  EXPECT_EQ(message.lines(0).size(), 1U);
  EXPECT_TRUE(message.edns.has_value());
}

TEST(Answerer, ClassesOtherThanInAreRefused) {
  for (const std::uint16_t k : {2, 3, 4, 254, 0, 999}) {
    QuerySpec spec;
    spec.klass = k;
    const auto message = ask(spec);
    EXPECT_EQ(message.rcode(), code(wire::Rcode::refused)) << k;
    EXPECT_FALSE(message.header.has(Header::aa));
    EXPECT_TRUE(message.lines(0).empty());
  }
  QuerySpec any;
  any.klass = klass::any;
  const auto message = ask(any);
  EXPECT_EQ(message.lines(0), Lines{"www.example.com 20 A 192.0.2.10"});
  EXPECT_EQ(message.sections[0][0].klass, klass::in);
  EXPECT_EQ(message.questions[0].klass, klass::any);
}

TEST(Answerer, ChaosIsRefusedUnlessTextsAreSet) {
  QuerySpec spec;
  spec.name = "VERSION.bind";
  spec.type = type::txt;
  spec.klass = klass::chaos;
  EXPECT_EQ(ask(spec).rcode(), code(wire::Rcode::refused));
  const ChaosTexts texts{"hotswapd", "ams1"};
  EXPECT_EQ(ask(spec, DnsTransport::udp, texts).lines(0), Lines{"VERSION.bind 0 TXT \"hotswapd\""});
  spec.name = "id.server";
  EXPECT_EQ(ask(spec, DnsTransport::udp, texts).lines(0), Lines{"id.server 0 TXT \"ams1\""});
  spec.name = "www.example.com";
  EXPECT_EQ(ask(spec, DnsTransport::udp, texts).rcode(), code(wire::Rcode::refused));
}

TEST(Answerer, ForeignNamesAreRefusedWithoutReferral) {
  for (const char* name : {"elsewhere.test", ".", "com", "notexample.com", "wwwexample.com",
                           "example.com.evil.test"}) {
    const auto message = ask(name);
    EXPECT_EQ(message.rcode(), code(wire::Rcode::refused)) << name;
    EXPECT_FALSE(message.header.has(Header::aa)) << name;
    for (int section = 0; section < 3; ++section)
      EXPECT_TRUE(message.lines(section).empty()) << name;
    EXPECT_EQ(message.questions.size(), 1U);
  }
}

TEST(Answerer, PositiveAnswersAreWholeSets) {
  const auto one = ask("www.example.com");
  EXPECT_EQ(one.lines(0), Lines{"www.example.com 20 A 192.0.2.10"});
  EXPECT_TRUE(one.header.has(Header::aa));
  EXPECT_TRUE(one.lines(1).empty());
  EXPECT_TRUE(one.lines(2).empty()) << "minimal";
  EXPECT_EQ(ask("multi.example.com").lines(0),
            (Lines{"multi.example.com 30 A 192.0.2.10", "multi.example.com 30 A 192.0.2.11"}));
  EXPECT_EQ(ask("six.example.com", type::aaaa).lines(0),
            Lines{"six.example.com 30 AAAA 2001:db8::1"});
}

TEST(Answerer, MissingTypeIsNodataWithSoa) {
  struct Row {
    const char* name;
    std::uint16_t type;
  };
  const Row rows[] = {{"www.example.com", type::aaaa}, {"www.example.com", type::txt},
                      {"www.example.com", type::soa},  {"www.example.com", type::ns},
                      {"www.example.com", 65535},      {"six.example.com", type::a},
                      {"under.example.com", type::a},  {"under.example.com", type::any},
                      {"example.com", type::a},        {"www.example.com", type::cname}};
  for (const auto& row : rows) {
    const auto message = ask(row.name, row.type);
    EXPECT_EQ(message.rcode(), 0U) << row.name;
    EXPECT_TRUE(message.header.has(Header::aa));
    EXPECT_TRUE(message.lines(0).empty()) << row.name << row.type;
    EXPECT_EQ(message.lines(1), Lines{soa_line}) << row.name;
  }
}

TEST(Answerer, MissingNameIsNxdomainWithSoa) {
  for (const char* name :
       {"nope.example.com", "a.b.c.example.com", "x.www.example.com", "x.deep.under.example.com"}) {
    for (const std::uint16_t t : {type::a, type::any, type::soa}) {
      const auto message = ask(name, t);
      EXPECT_EQ(message.rcode(), code(wire::Rcode::nxdomain)) << name;
      EXPECT_TRUE(message.header.has(Header::aa));
      EXPECT_TRUE(message.lines(0).empty());
      EXPECT_EQ(message.lines(1), Lines{soa_line});
    }
  }
}

TEST(Answerer, AnyIsOneHinfo) {
  for (const char* name :
       {"www.example.com", "alias.example.com", "many.example.com", "example.com"}) {
    const auto message = ask(name, type::any);
    EXPECT_EQ(message.lines(0), Lines{std::string(name) + " 3600 HINFO \"RFC8482\" \"\""});
    EXPECT_TRUE(message.header.has(Header::aa));
    EXPECT_EQ(message.rcode(), 0U);
  }
}

TEST(Answerer, CnameIsFollowedInOurZonesOnly) {
  EXPECT_EQ(ask("alias.example.com").lines(0), (Lines{"alias.example.com 30 CNAME www.example.com",
                                                      "www.example.com 20 A 192.0.2.10"}));
  EXPECT_EQ(ask("alias6.example.com").lines(0).size(), 3U);
  EXPECT_EQ(
      ask("across.example.com").lines(0),
      (Lines{"across.example.com 30 CNAME www.example.org", "www.example.org 30 A 198.51.100.1"}));
  const auto out = ask("out.example.com");
  EXPECT_EQ(out.lines(0), Lines{"out.example.com 30 CNAME www.elsewhere.test"});
  EXPECT_TRUE(out.lines(1).empty());
  EXPECT_EQ(out.rcode(), 0U);
  EXPECT_TRUE(out.header.has(Header::aa));
  EXPECT_EQ(ask("alias.example.com", type::cname).lines(0),
            Lines{"alias.example.com 30 CNAME www.example.com"});
  EXPECT_EQ(
      ask("toapex.example.com", type::ns).lines(0),
      (Lines{"toapex.example.com 30 CNAME example.org", "example.org 3600 NS ns.elsewhere.test"}));
}

TEST(Answerer, TheEndOfAChainDecides) {
  const auto nodata = ask("alias.example.com", type::txt);
  EXPECT_EQ(nodata.lines(0).size(), 1U);
  EXPECT_EQ(nodata.lines(1), Lines{soa_line});
  EXPECT_EQ(nodata.rcode(), 0U);
  const auto missing = ask("dangling.example.com");
  EXPECT_EQ(missing.rcode(), code(wire::Rcode::nxdomain));
  EXPECT_EQ(missing.lines(0), Lines{"dangling.example.com 30 CNAME nothing.example.org"});
  EXPECT_EQ(missing.lines(1), Lines{other_soa_line});
}

TEST(Answerer, LoopsAndLongChainsEnd) {
  EXPECT_EQ(ask("self.example.com").lines(0).size(), 1U);
  EXPECT_EQ(ask("ping.example.com").lines(0).size(), 2U);
  const auto hops = ask("hop0.example.com");
  EXPECT_EQ(hops.lines(0).size(), 8U);
  EXPECT_EQ(hops.rcode(), 0U);
}

TEST(Answerer, TransfersAreRefused) {
  for (const auto transport : {DnsTransport::udp, DnsTransport::tcp}) {
    for (const std::uint16_t t : {type::axfr, type::ixfr}) {
      QuerySpec spec;
      spec.name = "example.com";
      spec.type = t;
      const auto message = ask(spec, transport);
      EXPECT_EQ(message.rcode(), code(wire::Rcode::refused));
      EXPECT_FALSE(message.header.has(Header::aa));
    }
  }
  // As a real secondary sends it: with its SOA in the authority section.
  QuerySpec spec;
  spec.name = "example.com";
  spec.type = type::ixfr;
  auto packet = test::query(spec);
  packet[9] = std::byte{1};
  packet = packet + bytes({0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0, 0, 0, 0,
                           1,    0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0});
  EXPECT_EQ(test::parse(raw_answer(packet)).rcode(), code(wire::Rcode::refused));
}

TEST(Answerer, ApexHasSoaAndNsWithGlue) {
  const auto soa = ask("example.com", type::soa);
  EXPECT_EQ(soa.lines(0),
            Lines{"example.com 3600 SOA ns1.example.com hostmaster.example.com 7 20"});
  const auto ns = ask("EXAMPLE.com", type::ns);
  EXPECT_EQ(ns.lines(0), (Lines{"EXAMPLE.com 3600 NS ns1.example.com",
                                "EXAMPLE.com 3600 NS ns.elsewhere.test"}));
  EXPECT_EQ(ns.lines(2),
            (Lines{"ns1.example.com 3600 A 192.0.2.53", "ns1.example.com 3600 AAAA 2001:db8::53"}));
  EXPECT_EQ(ask("ns1.example.com").lines(0), Lines{"ns1.example.com 3600 A 192.0.2.53"});
}

TEST(Answerer, FlagsAreOursAndTheQuestionIsCopiedVerbatim) {
  QuerySpec spec;
  spec.name = "wWw.ExAmPlE.cOm";
  spec.flags = Header::rd | Header::ra | Header::ad | Header::aa | Header::tc | 0x0040 | 0x000f;
  const auto packet = test::query(spec);
  const auto raw = raw_answer(packet);
  const auto message = test::parse(raw);
  EXPECT_TRUE(std::equal(packet.begin() + 12, packet.end(), raw.begin() + 12));
  EXPECT_EQ(message.header.flags, Header::qr | Header::aa | Header::rd);
  EXPECT_EQ(message.lines(0), Lines{"wWw.ExAmPlE.cOm 20 A 192.0.2.10"});
  spec.flags = 0;
  EXPECT_EQ(ask(spec).header.flags, Header::qr | Header::aa);
}

TEST(Answerer, AnswersAboveTheLimitAreTruncatedToTheQuestion) {
  QuerySpec spec;
  spec.name = "many.example.com";  // 60 * 16 bytes and the question: about 1000
  const auto plain = ask(spec);
  EXPECT_TRUE(plain.header.has(Header::tc));
  EXPECT_TRUE(plain.lines(0).empty());
  EXPECT_EQ(plain.raw.size(), 12U + 18 + 4);
  struct Row {
    std::uint16_t size;
    bool fits;
  };
  for (const auto& row : {Row{0, false}, Row{511, false}, Row{512, false}, Row{1004, false},
                          Row{1005, true}, Row{1232, true}, Row{65535, true}}) {
    spec.edns = wire::Edns{row.size, 0, 0, false};
    const auto message = ask(spec);
    EXPECT_EQ(message.header.has(Header::tc), !row.fits) << row.size;
    EXPECT_EQ(message.lines(0).size(), row.fits ? 60U : 0U) << row.size;
    EXPECT_TRUE(message.edns.has_value());
    EXPECT_LE(message.raw.size(), std::max<std::size_t>(row.size, 512));
  }
  spec.edns.reset();
  EXPECT_EQ(ask(spec, DnsTransport::tcp).lines(0).size(), 60U);
}

TEST(Answerer, GlueIsLeftOutRatherThanTruncating) {
  ZoneEditor editor;
  std::vector<ZoneSpec::NameServer> servers;
  for (int i = 0; i < 10; ++i) {
    servers.push_back({"name-server-number-" + std::to_string(i) + ".example.com",
                       {"192.0.2." + std::to_string(i), "2001:db8::" + std::to_string(i)}});
  }
  ASSERT_TRUE(editor.put_zone({"example.com", servers, "h@example.com"}, 1));
  const auto snapshot = editor.publish();
  Bytes out(max_udp_answer);
  QuerySpec spec;
  spec.name = "example.com";
  spec.type = type::ns;
  const auto done = answer_packet(test::query(spec), DnsTransport::udp, *snapshot, out);
  out.resize(done.size);
  const auto message = test::parse(out);
  EXPECT_FALSE(message.header.has(Header::tc));
  EXPECT_EQ(message.lines(0).size(), 10U);
  EXPECT_LT(message.lines(2).size(), 20U);
  EXPECT_LE(out.size(), 512U);
}

TEST(Answerer, SlipKeepsTheQuestionAndSetsTc) {
  auto raw = raw_answer(test::query({}));
  raw.resize(slip_answer(raw));
  const auto message = test::parse(raw);
  EXPECT_TRUE(message.header.has(Header::tc));
  EXPECT_EQ(message.questions.size(), 1U);
  EXPECT_TRUE(message.lines(0).empty());
  EXPECT_EQ(message.header.id, 0x1234);
  auto header_only = raw_answer(bytes({0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(slip_answer(header_only), 12U);
}

TEST(Answerer, NothingIsServedFromAnEmptySnapshot) {
  Bytes out(max_udp_answer);
  const auto done = answer_packet(test::query({}), DnsTransport::udp, ZoneSnapshot(), out);
  EXPECT_EQ(done.rcode, wire::Rcode::refused);
}

}  // namespace
}  // namespace hotswapd
