// Any bytes as the answer to a stub resolver's question: bounded, consistent, and in agreement with
// c-ares where that takes the answer.
#include <ares.h>
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "net/resolver_answer.hpp"
#include "net/resolver_cache.hpp"
#include "tests/fuzz/check.hpp"

using namespace hotswapd;

namespace {

void check_answer(const NameAnswer& answer) {
  CHECK((answer.state == NameState::addresses) == !answer.addresses.empty());
  CHECK((answer.state == NameState::unusable) == !answer.trouble.empty());
  CHECK(answer.addresses.size() <= most_addresses);
  CHECK(answer.trouble.size() < 100);
  CHECK(answer.ttl >= Seconds(0) && answer.ttl <= Seconds(0x7fffffff));
  for (const auto& address : answer.addresses) {
    std::array<std::byte, 16> raw;
    const bool six = address.find(':') != std::string::npos;
    CHECK(::inet_pton(six ? AF_INET6 : AF_INET, address.c_str(), raw.data()) == 1);
    CHECK(address != "0.0.0.0" && address != "::");
    CHECK(std::count(answer.addresses.begin(), answer.addresses.end(), address) == 1);
  }
}

// c-ares follows every CNAME record, also one of a name that is not on the way.
bool one_alias_at_most(std::span<const std::byte> message) {
  wire::Reader reader(message);
  const auto header = reader.header();
  if (!header || !reader.question()) return false;
  int aliases = 0;
  for (int i = 0; i < header->count[1]; ++i) {
    const auto record = reader.record();
    if (!record) return false;
    if (record->type == wire::type::cname) ++aliases;
  }
  return aliases <= 1;
}

// What we give out, c-ares finds too: the same packet, read by somebody else.
void check_against_cares(const NameAnswer& answer, std::span<const std::uint8_t> bytes) {
  std::array<ares_addrttl, 512> found;
  int count = static_cast<int>(found.size());
  if (ares_parse_a_reply(bytes.data(), static_cast<int>(bytes.size()), nullptr, found.data(),
                         &count) != ARES_SUCCESS)
    return;
  if (count == static_cast<int>(found.size())) return;
  for (const auto& address : answer.addresses) {
    in_addr raw{};
    CHECK(::inet_pton(AF_INET, address.c_str(), &raw) == 1);
    CHECK(std::any_of(found.begin(), found.begin() + count, [&](const ares_addrttl& other) {
      return other.ipaddr.s_addr == raw.s_addr;
    }));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  const auto message = std::as_bytes(bytes);
  // The question that the packet claims to answer, so that most inputs get past the match.
  wire::Reader reader(message);
  const auto header = reader.header();
  const auto asked = reader.question();
  NameQuestion question;
  question.name = *wire::Name::from_text("www.example.net");
  check_answer(read_answer(question, message));
  if (!header || !asked) return 0;
  question.id = header->id;
  question.name = asked->name;
  std::array<NameAnswer, 2> both;
  for (const auto type : {wire::type::a, wire::type::aaaa}) {
    question.type = type;
    auto& answer = both[type == wire::type::a ? 0 : 1];
    answer = read_answer(question, message);
    check_answer(answer);
    if (type == wire::type::a && answer.state == NameState::addresses && one_alias_at_most(message))
      check_against_cares(answer, bytes);
    if (match(question, message) == Match::no) CHECK(answer.state == NameState::unusable);
    if (refuses_barely(question, message)) CHECK(match(question, message) == Match::no);
    const auto rcode = static_cast<wire::Rcode>(header->rcode());
    CHECK(match(question, refusal(question, rcode)) == Match::yes);
  }
  const auto whole = combine(both[0], both[1]);
  check_answer(whole);
  if (whole.state != NameState::unusable) {
    ResolverCache cache;
    const TimePoint now(std::chrono::hours(1));
    cache.put("www.example.net", whole, now);
    CHECK(cache.look("www.example.net", now).fresh != nullptr);
  }
  return 0;
}
