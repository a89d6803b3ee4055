// Questions of the stub resolver and what their answers say; tests/io/net has the same against a
// server.
#include "net/resolver_answer.hpp"

#include <gtest/gtest.h>

#include <random>

namespace hotswapd {
namespace {

using Bytes = std::vector<std::byte>;

NameQuestion question(const char* name, std::uint16_t type = wire::type::a) {
  return {0x1234, *wire::Name::from_text(name), type};
}

// An answer with one A record; `type` of the record may differ.
Bytes answer_to(const NameQuestion& asked, std::uint16_t flags = 0x8180, std::uint32_t ttl = 60,
                std::size_t rdata_size = 4) {
  Bytes out(600);
  wire::Writer writer(out);
  wire::Header header;
  header.id = asked.id;
  header.flags = flags;
  header.count[0] = header.count[1] = 1;
  writer.header(header);
  writer.question({asked.name, asked.type, wire::klass::in});
  const Bytes rdata(rdata_size, std::byte{10});
  writer.record(asked.name, asked.type, wire::klass::in, ttl, rdata);
  out.resize(writer.size());
  return out;
}

TEST(ResolverAnswer, TheQuestionAsksForRecursionAndOffersRoom) {
  const auto packet = encode(question("wWw.example.net"));
  wire::Reader reader(packet);
  const auto header = reader.header();
  ASSERT_TRUE(header);
  EXPECT_EQ(header->flags, wire::Header::rd);
  const auto asked = reader.question();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->name.text(), "wWw.example.net");
  const auto opt = reader.record();
  ASSERT_TRUE(opt);
  EXPECT_EQ(opt->type, wire::type::opt);
  EXPECT_EQ(opt->klass, largest_datagram);
  EXPECT_TRUE(reader.at_end());
  // c-ares takes the last 11 bytes away for a server that does not know EDNS.
  EXPECT_EQ(packet.size(), 12u + 17 + 4 + 11);
}

TEST(ResolverAnswer, WhatMatches) {
  const auto asked = question("wWw.example.net");
  auto packet = answer_to(asked);
  EXPECT_EQ(match(asked, packet), Match::yes);
  EXPECT_EQ(match(question("www.example.net"), packet), Match::other_case);
  EXPECT_EQ(match(question("www.example.org"), packet), Match::no);
  EXPECT_EQ(match(question("wWw.example.net", wire::type::aaaa), packet), Match::no);
  EXPECT_EQ(match(asked, answer_to(asked, 0x0180)), Match::no) << "a question";
  EXPECT_EQ(match(asked, answer_to(asked, 0xa980)), Match::no) << "an update";
  auto other = asked;
  other.id = 0x1235;
  EXPECT_EQ(match(other, packet), Match::no);
  for (std::size_t size = 0; size < 33; ++size)
    EXPECT_EQ(match(asked, std::span(packet).first(size)), Match::no) << size;
}

TEST(ResolverAnswer, ABareRefusal) {
  const auto asked = question("www.example.net");
  const auto header = [](std::uint16_t id, std::uint16_t flags, std::size_t counted = 4) {
    Bytes out(wire::header_size);
    wire::Writer writer(out);
    wire::Header bare;
    bare.id = id;
    bare.flags = flags;
    if (counted < 4) bare.count[counted] = 1;
    writer.header(bare);
    return out;
  };
  for (unsigned rcode = 0; rcode < 16; ++rcode) {
    const bool refuses = rcode == 1 || rcode == 2 || rcode == 4 || rcode == 5;
    const auto flags = static_cast<std::uint16_t>(0x8000 | rcode);
    EXPECT_EQ(refuses_barely(asked, header(asked.id, flags)), refuses) << rcode;
    EXPECT_EQ(match(asked, header(asked.id, flags)), Match::no) << rcode;
    EXPECT_EQ(read_answer(asked, header(asked.id, flags)).state, NameState::unusable) << rcode;
    EXPECT_EQ(may_lack_edns(asked, static_cast<wire::Rcode>(rcode)), rcode == 1 || rcode == 4);
  }
  EXPECT_FALSE(refuses_barely(asked, header(0x1235, 0x8001))) << "the id of another question";
  EXPECT_FALSE(refuses_barely(asked, header(asked.id, 0x0001))) << "a question";
  EXPECT_FALSE(refuses_barely(asked, header(asked.id, 0xa801))) << "of an update";
  EXPECT_FALSE(refuses_barely(asked, header(asked.id, 0x8001, 0))) << "with a question";
  EXPECT_FALSE(refuses_barely(asked, header(asked.id, 0x8001, 1))) << "with an answer";
  EXPECT_TRUE(refuses_barely(asked, header(asked.id, 0x8001, 3))) << "with EDNS";
  const auto whole = header(asked.id, 0x8001);
  EXPECT_FALSE(refuses_barely(asked, std::span(whole).first(11))) << "cut";
}

TEST(ResolverAnswer, WithoutEdnsItIsNotAskedWithoutOnceMore) {
  auto asked = question("www.example.net");
  EXPECT_EQ(match(asked, refusal(asked, wire::Rcode::formerr)), Match::yes);
  asked.edns = false;
  EXPECT_EQ(encode(asked).size(), 12u + 17 + 4);
  for (const auto rcode : {wire::Rcode::formerr, wire::Rcode::notimp}) {
    EXPECT_FALSE(may_lack_edns(asked, rcode));
    EXPECT_EQ(match(asked, refusal(asked, rcode)), Match::yes);
  }
}

TEST(ResolverAnswer, TheTtlIsBelievedUpToItsTopBit) {
  const auto asked = question("www.example.net");
  EXPECT_EQ(read_answer(asked, answer_to(asked, 0x8180, 77)).ttl, Seconds(77));
  EXPECT_EQ(read_answer(asked, answer_to(asked, 0x8180, 0x80000000U)).ttl, Seconds(0));
}

TEST(ResolverAnswer, AnAddressOfTheWrongSizeIsMalformed) {
  const auto asked = question("www.example.net");
  for (const std::size_t size : {0, 3, 5, 16}) {
    const auto read = read_answer(asked, answer_to(asked, 0x8180, 60, size));
    EXPECT_EQ(read.state, NameState::unusable) << size;
    EXPECT_EQ(read.trouble, "gives a malformed answer");
  }
}

TEST(ResolverAnswer, ANameWithTwoAliasesIsUnusable) {
  const auto asked = question("www.example.net");
  const auto with_aliases = [&](const char* first, const char* second) {
    Bytes out(600);
    wire::Writer writer(out);
    wire::Header header;
    header.id = asked.id;
    header.flags = 0x8180;
    header.count[0] = 1;
    header.count[1] = 3;
    writer.header(header);
    writer.question({asked.name, asked.type, wire::klass::in});
    for (const char* target : {first, second})
      writer.record(asked.name, wire::type::cname, wire::klass::in, 60,
                    std::as_bytes(wire::Name::from_text(target)->wire()));
    const Bytes rdata(4, std::byte{10});
    writer.record(*wire::Name::from_text("a.example.org"), wire::type::a, wire::klass::in, 60,
                  rdata);
    out.resize(writer.size());
    return read_answer(asked, out);
  };
  EXPECT_EQ(with_aliases("a.example.org", "a.example.org").state, NameState::addresses);
  EXPECT_EQ(with_aliases("a.example.org", "b.example.org").trouble,
            "gives two CNAME records for one name");
}

TEST(ResolverAnswer, EveryCutIsUnusable) {
  const auto asked = question("www.example.net");
  const auto packet = answer_to(asked);
  for (std::size_t size = 0; size < packet.size(); ++size)
    EXPECT_EQ(read_answer(asked, std::span(packet).first(size)).state, NameState::unusable) << size;
}

TEST(ResolverAnswer, Combining) {
  const auto with = [](NameState state, std::vector<std::string> addresses = {}, int ttl = 0) {
    NameAnswer out;
    out.state = state;
    out.addresses = std::move(addresses);
    out.ttl = Seconds(ttl);
    return out;
  };
  const auto four = with(NameState::addresses, {"192.0.2.1"}, 60);
  const auto six = with(NameState::addresses, {"2001:db8::1"}, 30);
  const auto none = with(NameState::no_address);
  const auto gone = with(NameState::no_name);
  const auto ill = with(NameState::unusable);
  EXPECT_EQ(combine(four, six), with(NameState::addresses, {"192.0.2.1", "2001:db8::1"}, 30));
  for (const auto& other : {none, gone, ill}) {
    EXPECT_EQ(combine(four, other), four);
    EXPECT_EQ(combine(other, six), six);
  }
  EXPECT_EQ(combine(none, none), none);
  EXPECT_EQ(combine(none, ill), ill) << "no address needs both to say so";
  EXPECT_EQ(combine(ill, none), ill);
  EXPECT_EQ(combine(gone, ill), ill) << "and so does NXDOMAIN: some say it of one type (RFC 4074)";
  EXPECT_EQ(combine(ill, gone), ill);
  EXPECT_EQ(combine(gone, gone), gone);
  EXPECT_EQ(combine(none, gone), gone);
  EXPECT_EQ(combine(gone, none), gone);
}

// Any change of an answer is survived, and what is read is within the bounds.
TEST(ResolverAnswer, AnyBytes) {
  const auto asked = question("www.example.net");
  const auto good = answer_to(asked);
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    auto packet = good;
    for (unsigned changes = random() % 4; changes-- > 0;)
      packet[12 + random() % (packet.size() - 12)] = static_cast<std::byte>(random());
    packet[5 + random() % 7] = static_cast<std::byte>(random() % 3);
    const auto read = read_answer(asked, packet);
    EXPECT_EQ(read.state == NameState::addresses, !read.addresses.empty());
    EXPECT_LE(read.addresses.size(), most_addresses);
    EXPECT_EQ(read.state == NameState::unusable, !read.trouble.empty());
  }
}

}  // namespace
}  // namespace hotswapd
