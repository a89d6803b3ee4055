// The proof's questions and verdicts: what matches, what proves, and the sentences that operators
// read.
#include "dns/proof.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/dns/messages.hpp"

namespace hotswapd {
namespace {

using test::Bytes;
using test::name_of;
using wire::Header;

const AuthQuestion asked{0x1234, name_of("wWw.eXample.com"), wire::type::a};

struct Answer {
  std::uint16_t id = 0x1234;
  std::uint16_t flags = Header::qr | Header::aa;
  std::string name = "wWw.eXample.com";
  std::uint16_t type = wire::type::a;
  std::vector<RecordSet> sets;
};

Bytes encode_answer(const Answer& answer) {
  Bytes buffer(2000);
  wire::Writer out(buffer);
  Header header;
  header.id = answer.id;
  header.flags = answer.flags;
  header.count[0] = 1;
  for (const auto& set : answer.sets)
    header.count[1] = static_cast<std::uint16_t>(header.count[1] + set.values.size());
  out.header(header);
  out.question({name_of(answer.name), answer.type, wire::klass::in});
  for (const auto& set : answer.sets) {
    for (const auto& value : set.values) {
      out.begin_record(name_of("www.example.com"), static_cast<std::uint16_t>(set.type),
                       wire::klass::in, set.ttl);
      EXPECT_TRUE(wire::put_value(out, set.type, value));
      out.end_record();
    }
  }
  buffer.resize(out.size());
  return buffer;
}

RecordSet a(std::vector<std::string> values, std::uint32_t ttl = 30) {
  return {RecordType::a, ttl, std::move(values)};
}

TEST(Proof, TheQuestionAsksTheServerItselfAndNobodyElse) {
  const auto message = test::parse(encode(asked));
  EXPECT_EQ(message.header.id, 0x1234);
  EXPECT_EQ(message.header.flags, 0) << "RD=0";
  ASSERT_EQ(message.questions.size(), 1U);
  EXPECT_EQ(message.questions[0].name.text(), "wWw.eXample.com");
}

TEST(Proof, CaseComesFromTheBitsAndTouchesLettersOnly) {
  std::array<std::uint8_t, 32> bits{};
  EXPECT_EQ(wire::with_case(name_of("WWW-1.Example.com"), bits).text(), "www-1.example.com");
  bits.fill(0xff);
  EXPECT_EQ(wire::with_case(name_of("www-1.example.com"), bits).text(), "WWW-1.EXAMPLE.COM");
  EXPECT_EQ(wire::with_case(wire::Name(), bits).text(), ".");
}

TEST(Proof, OnlyAnAnswerToOurQuestionMatches) {
  Answer good;
  good.sets = {a({"192.0.2.10"})};
  ASSERT_TRUE(match_reply(asked, encode_answer(good)).has_value());
  struct Row {
    const char* what;
    std::function<void(Answer&)> change;
  };
  const Row rows[] = {{"another id", [](Answer& x) { x.id = 1; }},
                      {"a query", [](Answer& x) { x.flags = 0; }},
                      {"another opcode", [](Answer& x) { x.flags |= 4 << 11; }},
                      {"another name", [](Answer& x) { x.name = "wWw.eXample.net"; }},
                      {"another case", [](Answer& x) { x.name = "www.example.com"; }},
                      {"another type", [](Answer& x) { x.type = wire::type::aaaa; }}};
  for (const auto& row : rows) {
    auto answer = good;
    row.change(answer);
    EXPECT_FALSE(match_reply(asked, encode_answer(answer)).has_value()) << row.what;
  }
  auto cut = encode_answer(good);
  cut.pop_back();
  EXPECT_FALSE(match_reply(asked, cut).has_value());
  EXPECT_FALSE(match_reply(asked, Bytes{}).has_value());
}

TEST(Proof, AnErrorWithoutQuestionIsAnAnswerAllTheSame) {
  const auto reply =
      match_reply(asked, test::bytes({0x12, 0x34, 0x80, 0x04, 0, 0, 0, 0, 0, 0, 0, 0}));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->rcode, wire::Rcode::notimp);
  EXPECT_FALSE(
      match_reply(asked, test::bytes({0x12, 0x34, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0})).has_value());
}

TEST(Proof, Judgement) {
  struct Row {
    std::uint16_t flags;
    std::vector<RecordSet> sets;
    RecordSet want;
    bool proved;
    std::string detail;
  };
  constexpr std::uint16_t aa = Header::qr | Header::aa;
  const Row rows[] = {
      {aa, {a({"192.0.2.10"})}, a({"192.0.2.10"}), true, "answers A 192.0.2.10 ttl 30"},
      {aa, {a({"192.0.2.10"}, 12)}, a({"192.0.2.10"}), true, "answers A 192.0.2.10 ttl 12"},
      {aa,
       {a({"192.0.2.2", "192.0.2.1"})},
       a({"192.0.2.1", "192.0.2.2"}),
       true,
       "answers A 192.0.2.2, 192.0.2.1 ttl 30"},
      {aa,
       {a({"192.0.2.10"}, 31)},
       a({"192.0.2.10"}),
       false,
       "answers A 192.0.2.10 ttl 31, wants A 192.0.2.10 ttl 30"},
      {aa,
       {a({"192.0.2.10"})},
       a({"192.0.2.20"}),
       false,
       "answers A 192.0.2.10 ttl 30, wants A 192.0.2.20 ttl 30"},
      {aa,
       {a({"192.0.2.10"})},
       a({"192.0.2.10", "192.0.2.20"}),
       false,
       "answers A 192.0.2.10 ttl 30, wants A 192.0.2.10, 192.0.2.20 ttl 30"},
      {aa,
       {a({"192.0.2.10", "192.0.2.20"})},
       a({"192.0.2.10"}),
       false,
       "answers A 192.0.2.10, 192.0.2.20 ttl 30, wants A 192.0.2.10 ttl 30"},
      {aa,
       {{RecordType::cname, 30, {"b.example.net"}}},
       a({"192.0.2.10"}),
       false,
       "answers CNAME b.example.net ttl 30, wants A 192.0.2.10 ttl 30"},
      {aa,
       {},
       a({"192.0.2.10"}),
       false,
       "answers that there is no such record, wants A 192.0.2.10 ttl 30"},
      {aa | 3, {}, a({"192.0.2.10"}), false, "answers NXDOMAIN, wants A 192.0.2.10 ttl 30"},
      {Header::qr | 5, {}, a({"192.0.2.10"}), false, "answers REFUSED, wants A 192.0.2.10 ttl 30"},
      {Header::qr,
       {a({"192.0.2.10"})},
       a({"192.0.2.10"}),
       false,
       "answers A 192.0.2.10 ttl 30 without authority (no AA): it does not serve the zone itself"},
  };
  for (const auto& row : rows) {
    Answer answer;
    answer.flags = row.flags;
    answer.sets = row.sets;
    const auto reply = match_reply(asked, encode_answer(answer));
    ASSERT_TRUE(reply.has_value()) << row.detail;
    ServerEvidence evidence;
    evidence.proved = !row.proved;
    judge(*reply, row.want, evidence);
    EXPECT_EQ(evidence.proved, row.proved) << row.detail;
    EXPECT_EQ(evidence.detail, row.detail);
  }
}

}  // namespace
}  // namespace hotswapd
