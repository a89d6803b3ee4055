// Any greeting of an SMTP server, judged whole and in pieces: both must say the same, in a clean
// sentence, within the bounds. The input: a byte that chooses the expected text, a byte that
// chooses the pieces, the greeting.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "check.hpp"
#include "core/text.hpp"
#include "probes/smtp_dialogue.hpp"

namespace {

using namespace hotswapd;

struct Judged {
  Finding finding;
  std::size_t consumed = 0;  // how far the verdict needed to see, by pieces
};

Judged judged(std::string_view expected, std::string_view wire, std::size_t piece) {
  SmtpDialogue dialogue(expected);
  std::size_t consumed = 0;
  while (!wire.empty()) {
    const auto part = wire.substr(0, piece);
    consumed += part.size();
    if (auto finding = dialogue.feed(part)) return {*std::move(finding), consumed};
    CHECK(dialogue.waiting_for() != nullptr);
    wire.remove_prefix(part.size());
  }
  return {dialogue.closed(), consumed};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr std::string_view texts[] = {"", "ESMTP", "aab", "220"};
  const std::string_view expected = texts[data[0] % 4];
  const std::size_t piece = 1 + data[1] % 64;
  const std::string_view wire(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Finding whole = judged(expected, wire, wire.size() + 1).finding;
  const auto [pieces, consumed] = judged(expected, wire, piece);
  CHECK(whole.verdict == pieces.verdict);
  CHECK(whole.failure == pieces.failure);
  // What is no SMTP is quoted as far as it has come.
  constexpr std::string_view garbage = "the answer is no SMTP greeting";
  if (whole.reason.starts_with(garbage)) {
    CHECK(pieces.reason.starts_with(garbage));
  } else {
    CHECK(whole.reason == pieces.reason);
  }
  for (const Finding* finding : {&whole, &pieces}) {
    CHECK(!finding->reason.empty());
    CHECK(finding->reason.size() <= 256);
    CHECK(clean(finding->reason) == finding->reason);
    CHECK(finding->verdict != Verdict::inconclusive);
    CHECK((finding->verdict == Verdict::pass) == (finding->failure == FailureClass::none));
  }
  CHECK(consumed <= SmtpDialogue::max_line * SmtpDialogue::max_lines + piece);
  if (whole.verdict == Verdict::pass) {
    CHECK(wire.starts_with("220"));
    CHECK(wire.find(expected) != std::string_view::npos);
  }
  return 0;
}
