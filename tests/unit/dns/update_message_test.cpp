// Updates as they go over the wire, their answers, and what is concluded from each.
#include "dns/update_message.hpp"

#include <gtest/gtest.h>

#include "dns/generation_mark.hpp"
#include "tests/unit/dns/messages.hpp"

namespace hotswapd {
namespace {

using test::Bytes;
using test::name_of;
using tsig::Status;
using wire::Rcode;

SwapPlan plan_of(std::optional<RecordSet> expect, RecordSet want) {
  SwapPlan plan;
  plan.key = {"example.com", "www.example.com"};
  plan.expect = std::move(expect);
  plan.want = std::move(want);
  plan.generation = 42;
  plan.op = "7f3c";
  return plan;
}

RecordSet a(std::vector<std::string> values, std::uint32_t ttl = 30) {
  return {RecordType::a, ttl, std::move(values)};
}
RecordSet aaaa(std::vector<std::string> values) {
  return {RecordType::aaaa, 30, std::move(values)};
}
RecordSet cname(std::string value) {
  return {RecordType::cname, 30, {std::move(value)}};
}

// One record of a message in words: "www.example.com NONE A", "www.example.com IN 30 A 192.0.2.1".
std::string worded(std::span<const std::byte> message, const wire::Record& record) {
  std::string out = record.owner.text();
  out += record.klass == wire::klass::in    ? " IN"
         : record.klass == wire::klass::any ? " ANY"
                                            : " NONE";
  out += " " + std::to_string(record.ttl);
  const bool txt = record.type == wire::type::txt;
  out += txt ? std::string(" TXT")
             : std::string(" ") + to_string(static_cast<RecordType>(record.type));
  if (record.rdata.empty()) return out;
  return out + " " + (txt ? wire::strings_of(record)->at(0) : *wire::value_of(message, record));
}

struct Worded {
  std::vector<std::string> prerequisites, updates;
};

Worded read(const Fallible<Bytes>& made) {
  Worded out;
  EXPECT_TRUE(made) << made.error().text;
  if (!made) return out;
  wire::Reader reader(*made);
  const auto header = reader.header();
  EXPECT_EQ(header->id, 0x1234);
  EXPECT_EQ(header->opcode(), 5);
  EXPECT_EQ(header->count[0], 1);
  EXPECT_EQ(header->count[3], 0);
  const auto zone = reader.question();
  EXPECT_EQ(zone->name.text(), "example.com");
  EXPECT_EQ(zone->type, wire::type::soa);
  for (int section = 1; section < 3; ++section) {
    for (unsigned left = header->count[section]; left > 0; --left)
      (section == 1 ? out.prerequisites : out.updates).push_back(worded(*made, *reader.record()));
  }
  EXPECT_TRUE(reader.at_end());
  return out;
}

using Lines = std::vector<std::string>;

std::string mark_line(const SwapPlan& plan) {
  return "_hotswap.www.example.com IN 30 TXT " +
         to_string(mark_of(plan.generation, plan.op, plan.want));
}

TEST(UpdateMessage, ASwapExpectsTheOldSetAndTheOldGeneration) {
  const auto plan = plan_of(a({"192.0.2.10", "192.0.2.11"}), a({"198.51.100.10"}));
  const auto got = read(encode_update(0x1234, plan, WriteGuard::generation, "gen=41;id=1b"));
  EXPECT_EQ(
      got.prerequisites,
      (Lines{"www.example.com IN 0 A 192.0.2.10", "www.example.com IN 0 A 192.0.2.11",
             "www.example.com NONE 0 AAAA", "_hotswap.www.example.com IN 0 TXT gen=41;id=1b"}));
  EXPECT_EQ(got.updates, (Lines{"www.example.com ANY 0 A", "www.example.com IN 30 A 198.51.100.10",
                                "_hotswap.www.example.com ANY 0 TXT", mark_line(plan)}));
}

TEST(UpdateMessage, FirstContactExpectsNothingThere) {
  const auto plan = plan_of({}, aaaa({"2001:db8::1", "2001:db8::2"}));
  const auto got = read(encode_update(0x1234, plan, WriteGuard::generation, {}));
  EXPECT_EQ(got.prerequisites,
            (Lines{"www.example.com NONE 0 A", "www.example.com NONE 0 AAAA",
                   "www.example.com NONE 0 CNAME", "_hotswap.www.example.com NONE 0 TXT"}));
  EXPECT_EQ(got.updates,
            (Lines{"www.example.com ANY 0 AAAA", "www.example.com IN 30 AAAA 2001:db8::1",
                   "www.example.com IN 30 AAAA 2001:db8::2", "_hotswap.www.example.com ANY 0 TXT",
                   mark_line(plan)}));
}

TEST(UpdateMessage, AdoptionExpectsTheRecordAndNoGenerationYet) {
  const auto plan = plan_of(a({"192.0.2.10"}, 3600), a({"192.0.2.10"}));
  const auto got = read(encode_update(0x1234, plan, WriteGuard::generation, {}));
  EXPECT_EQ(got.prerequisites.front(), "www.example.com IN 0 A 192.0.2.10");
  EXPECT_EQ(got.prerequisites.back(), "_hotswap.www.example.com NONE 0 TXT");
  EXPECT_EQ(got.updates[0], "www.example.com ANY 0 A");
  EXPECT_EQ(got.updates[1], "www.example.com IN 30 A 192.0.2.10");
}

TEST(UpdateMessage, ATypeChangesInOneMessage) {
  const auto away = read(encode_update(
      0x1234, plan_of(a({"192.0.2.10"}), cname("backup.example.net")), WriteGuard::value, {}));
  ASSERT_EQ(away.prerequisites.size(), 2U + 22U) << "and that nothing else is at the name";
  EXPECT_EQ(away.prerequisites[0], "www.example.com IN 0 A 192.0.2.10");
  EXPECT_EQ(away.prerequisites[1], "www.example.com NONE 0 AAAA");
  EXPECT_EQ(away.prerequisites[7], "www.example.com NONE 0 TXT");
  EXPECT_EQ(away.updates, (Lines{"www.example.com ANY 0 A", "www.example.com ANY 0 CNAME",
                                 "www.example.com IN 30 CNAME backup.example.net"}));
  const auto back = read(encode_update(
      0x1234, plan_of(cname("backup.example.net"), a({"192.0.2.10"})), WriteGuard::value, {}));
  EXPECT_EQ(back.prerequisites, (Lines{"www.example.com IN 0 CNAME backup.example.net"}));
  EXPECT_EQ(back.updates, (Lines{"www.example.com ANY 0 CNAME", "www.example.com ANY 0 A",
                                 "www.example.com IN 30 A 192.0.2.10"}));
  const auto family = read(encode_update(0x1234, plan_of(a({"192.0.2.10"}), aaaa({"2001:db8::1"})),
                                         WriteGuard::value, {}));
  EXPECT_EQ(family.updates, (Lines{"www.example.com ANY 0 A", "www.example.com ANY 0 AAAA",
                                   "www.example.com IN 30 AAAA 2001:db8::1"}));
}

TEST(UpdateMessage, RefusesWhatMayNeverBeWritten) {
  const auto refused = [](const SwapPlan& plan) {
    return !encode_update(1, plan, WriteGuard::generation, {}).has_value();
  };
  EXPECT_TRUE(refused(plan_of(a({"192.0.2.10"}), a({})))) << "an empty set";
  EXPECT_TRUE(refused(plan_of(a({}), a({"192.0.2.10"})))) << "an expectation of nothing";
  EXPECT_TRUE(refused(plan_of({}, a({"2001:db8::1"})))) << "a value of another type";
  EXPECT_TRUE(refused(plan_of({}, cname("a..b"))));
  auto outside = plan_of({}, a({"192.0.2.10"}));
  outside.key.fqdn = "www.example.net";
  EXPECT_TRUE(refused(outside));
  auto long_name = plan_of({}, a({"192.0.2.10"}));
  long_name.key.fqdn = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                       std::string(63, 'c') + "." + std::string(45, 'd') + ".example.com";
  EXPECT_TRUE(refused(long_name)) << "no room for the generation record's name";
  EXPECT_TRUE(encode_update(1, long_name, WriteGuard::value, {}));
  RecordSet many = a({});
  for (int i = 0; i < 5000; ++i)
    many.values.push_back("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  EXPECT_TRUE(refused(plan_of({}, many)));
}

Bytes answer(Rcode rcode, std::uint16_t id = 0x1234, int opcode = 5, std::uint16_t qr = 0x8000,
             std::optional<std::string> zone = "example.com") {
  Bytes out(300);
  wire::Writer writer(out);
  wire::Header header;
  header.id = id;
  header.flags = static_cast<std::uint16_t>(qr | opcode << 11 | static_cast<int>(rcode));
  header.count[0] = zone ? 1 : 0;
  writer.header(header);
  if (zone) writer.question({name_of(*zone), wire::type::soa, 1});
  out.resize(writer.size());
  return out;
}

TEST(UpdateMessage, KnowsItsAnswer) {
  const auto zone = name_of("example.com");
  const auto matches = [&](const Bytes& message) {
    return match_update_reply(0x1234, zone, message).has_value();
  };
  EXPECT_TRUE(matches(answer(Rcode::noerror)));
  EXPECT_TRUE(matches(answer(Rcode::noerror, 0x1234, 5, 0x8000, {}))) << "the header alone";
  EXPECT_EQ(match_update_reply(0x1234, zone, answer(Rcode::nxrrset))->rcode, Rcode::nxrrset);
  EXPECT_FALSE(matches(answer(Rcode::noerror, 0x1235))) << "another id";
  EXPECT_FALSE(matches(answer(Rcode::noerror, 0x1234, 0))) << "of a query";
  EXPECT_FALSE(matches(answer(Rcode::noerror, 0x1234, 5, 0))) << "a request";
  EXPECT_FALSE(matches(answer(Rcode::noerror, 0x1234, 5, 0x8000, "example.net")));
  auto cut = answer(Rcode::noerror);
  cut.pop_back();
  EXPECT_FALSE(matches(cut));
  EXPECT_FALSE(matches({}));
}

struct Row {
  Rcode rcode;
  std::optional<Status> tsig;  // absent: no key is configured
  UpdateClass expected;
};

TEST(UpdateMessage, ConcludesNoMoreThanTheAnswerProves) {
  const Row rows[] = {
      {Rcode::noerror, {}, UpdateClass::applied},
      {Rcode::noerror, Status::verified, UpdateClass::applied},
      {Rcode::noerror, Status::not_signed, UpdateClass::unknown},
      {Rcode::noerror, Status::mac_wrong, UpdateClass::unknown},
      {Rcode::noerror, Status::out_of_window, UpdateClass::unknown},
      {Rcode::noerror, Status::other_key, UpdateClass::unknown},
      {Rcode::noerror, Status::truncated, UpdateClass::unknown},
      {Rcode::nxrrset, Status::verified, UpdateClass::lost_race},
      {Rcode::yxrrset, Status::verified, UpdateClass::lost_race},
      {Rcode::nxdomain, Status::verified, UpdateClass::lost_race},
      {Rcode::yxdomain, {}, UpdateClass::lost_race},
      {Rcode::nxrrset, Status::not_signed, UpdateClass::unknown},
      {Rcode::notauth, Status::clock_differs, UpdateClass::clock},
      {Rcode::notauth, Status::key_unknown, UpdateClass::configuration},
      {Rcode::notauth, Status::secret_wrong, UpdateClass::configuration},
      {Rcode::notauth, Status::verified, UpdateClass::configuration},
      {Rcode::refused, Status::verified, UpdateClass::configuration},
      {Rcode::refused, Status::not_signed, UpdateClass::configuration},
      {Rcode::refused, Status::mac_wrong, UpdateClass::unknown},
      {Rcode::notzone, {}, UpdateClass::configuration},
      {Rcode::notimp, {}, UpdateClass::configuration},
      {Rcode::formerr, Status::verified, UpdateClass::configuration},
      {Rcode::servfail, Status::verified, UpdateClass::server_ill},
      {Rcode::servfail, Status::not_signed, UpdateClass::unknown},
      {static_cast<Rcode>(11), Status::verified, UpdateClass::unknown},
  };
  for (const auto& row : rows) {
    UpdateReply reply;
    reply.rcode = row.rcode;
    if (row.tsig) reply.tsig = tsig::Verdict{*row.tsig, {}};
    EXPECT_EQ(classify(reply), row.expected) << describe(reply, 0);
  }
}

TEST(UpdateMessage, OnlyWhatHasCertainlyDoneNothingLetsAnotherServerTry) {
  EXPECT_TRUE(may_try_another(UpdateClass::unreached));
  EXPECT_TRUE(may_try_another(UpdateClass::server_ill));
  EXPECT_TRUE(may_try_another(UpdateClass::configuration));
  EXPECT_FALSE(may_try_another(UpdateClass::unknown));
  EXPECT_EQ(outcome_of(UpdateClass::unknown), SwapOutcome::unknown);
  EXPECT_EQ(outcome_of(UpdateClass::applied), SwapOutcome::applied);
  EXPECT_EQ(outcome_of(UpdateClass::lost_race), SwapOutcome::conflict);
  EXPECT_EQ(outcome_of(UpdateClass::configuration), SwapOutcome::refused);
  EXPECT_EQ(outcome_of(UpdateClass::clock), SwapOutcome::failed);
}

TEST(UpdateMessage, SaysHowFarTheClocksAreApart) {
  UpdateReply reply;
  reply.rcode = Rcode::notauth;
  reply.tsig = tsig::Verdict{Status::clock_differs, 1'600};
  EXPECT_EQ(describe(reply, 1'000), "answers NOTAUTH, BADTIME: its clock is 600 s ahead of ours");
  EXPECT_EQ(describe(reply, 1'700), "answers NOTAUTH, BADTIME: its clock is 100 s behind ours");
  reply.tsig = tsig::Verdict{Status::secret_wrong, {}};
  EXPECT_EQ(describe(reply, 0),
            "answers NOTAUTH; the server has another secret for our key (BADSIG)");
  reply.tsig.reset();
  EXPECT_EQ(describe(reply, 0), "answers NOTAUTH");
}

TEST(UpdateMessage, SaysWhatStandsInTheWay) {
  UpdateReply reply;
  reply.rcode = Rcode::notauth;
  reply.tsig = tsig::Verdict{Status::clock_differs, 1'600};
  EXPECT_EQ(hint_of(reply, 1'000), (Hint{Hurdle::clock, Millis(0), Seconds(-600)}));
  EXPECT_EQ(hint_of(reply, 1'700), (Hint{Hurdle::clock, Millis(0), Seconds(100)}));
  reply.tsig = tsig::Verdict{Status::secret_wrong, {}};
  EXPECT_EQ(hint_of(reply, 0), (Hint{Hurdle::configuration, Millis(0), Seconds(0)}));
  reply.rcode = Rcode::servfail;
  reply.tsig = tsig::Verdict{Status::verified, {}};
  EXPECT_EQ(hint_of(reply, 0), Hint{});
}

TEST(GenerationMark, ReadsWhatItWrites) {
  const auto mark = mark_of(42, "7f3c", a({"192.0.2.1", "192.0.2.2"}));
  EXPECT_TRUE(to_string(mark).starts_with("gen=42;id=7f3c;rec=")) << to_string(mark);
  EXPECT_EQ(parse_generation_mark(to_string(mark)), mark);
  EXPECT_TRUE(tells_of(mark, a({"192.0.2.2", "192.0.2.1"}, 300)));
  EXPECT_FALSE(tells_of(mark, a({"192.0.2.1"})));
  EXPECT_FALSE(tells_of(mark, cname("192.0.2.1")));
  EXPECT_EQ(parse_generation_mark("gen=41;id=7f3c"), (GenerationMark{41, "7f3c", ""}));
  EXPECT_EQ(parse_generation_mark("gen=4611686018427387904;new=x")->generation, highest_generation);
  EXPECT_FALSE(parse_generation_mark("gen=4611686018427387905"))
      << "higher ones would have to begin anew one day";
  for (const char* foreign :
       {"", "v=spf1 -all", "gen=", "gen=x", "gen=-1", "gen=1;gen=2", "gen=1;id",
        "gen=18446744073709551616", "gen=1;id=a b", "id=1;gen=2", "gen=1;id=\x01"})
    EXPECT_FALSE(parse_generation_mark(foreign)) << foreign;
  EXPECT_FALSE(parse_generation_mark("gen=1;id=" + std::string(300, 'a')));
  EXPECT_EQ(mark_name(name_of("www.example.com"))->text(), "_hotswap.www.example.com");
}

}  // namespace
}  // namespace hotswapd
