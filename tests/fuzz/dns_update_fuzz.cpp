// Any bytes as the answer to a signed update or question, and as a generation record: nothing is
// believed that was not signed, and what is read back is what was written.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "dns/generation_mark.hpp"
#include "dns/live_record.hpp"
#include "dns/tsig.hpp"
#include "dns/update_message.hpp"
#include "tests/fuzz/check.hpp"

using namespace hotswapd;

namespace {

constexpr std::uint64_t now = 1'700'000'000;

const tsig::Key& key() {
  static const tsig::Key one{*wire::Name::from_text("key.one"), MacAlgorithm::hmac_sha256,
                             MacKey(std::vector<std::byte>(32, std::byte{7})), 300};
  return one;
}

void check_answer(std::span<const std::byte> message) {
  Mac request;
  request.size = 32;
  const auto verdict = tsig::verify(message, key(), request, now);
  // Nobody guesses a MAC: a fuzzer cannot make one.
  CHECK(!tsig::is_signed(verdict.status));
  const auto id = message.size() < 2
                      ? std::uint16_t{0}
                      : static_cast<std::uint16_t>(std::to_integer<unsigned>(message[0]) << 8 |
                                                   std::to_integer<unsigned>(message[1]));
  auto reply = match_update_reply(id, *wire::Name::from_text("example.com"), message);
  if (!reply) return;
  reply->tsig = verdict;
  const auto what = classify(*reply);
  CHECK(what == UpdateClass::unknown || what == UpdateClass::configuration);
  CHECK(!describe(*reply, now).empty());
}

// The same bytes with a signature of ours behind them: verified, unless they were no message.
void check_signing(std::span<const std::byte> bytes) {
  std::vector<std::byte> message(bytes.begin(), bytes.end());
  const auto mac = tsig::sign(message, key(), now);
  CHECK(mac.has_value() || bytes.size() < wire::header_size || bytes.size() > 60'000);
  if (!mac) return;
  CHECK(message.size() > bytes.size() && mac->size == 32);
  tsig::verify(message, key(), *mac, now);
}

void check_mark(std::span<const std::byte> bytes) {
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto mark = parse_generation_mark(text);
  if (!mark) return;
  CHECK(parse_generation_mark(to_string(*mark)) == mark);
  AuthReply reply;
  reply.texts.push_back({text});
  const auto found = found_mark(reply, "www.example.com");
  CHECK(found.has_value() && found->has_value() && (*found)->mark == *mark);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  check_answer(bytes);
  check_signing(bytes);
  check_mark(bytes);
  return 0;
}
