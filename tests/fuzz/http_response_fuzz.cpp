// Any answer of a target, judged whole and in pieces: both must say the same, in a clean sentence,
// within the bounds. The input: a byte that chooses the rule, a byte that chooses the pieces, the
// answer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "core/text.hpp"
#include "probes/http_judge.hpp"

namespace {

using namespace hotswapd;

HttpRule rule_of(std::uint8_t choice) {
  MonitorSpec monitor;
  monitor.protocol = Protocol::http;
  if ((choice & 1u) != 0) monitor.path = "/";
  if ((choice & 2u) != 0) monitor.status = {{200, 204}, {301, 301}};
  if ((choice & 4u) != 0) monitor.expected = "aab";
  if ((choice & 8u) != 0) monitor.expected = "Example";
  if ((choice & 16u) != 0) monitor.redirects = Redirects::accept;
  if ((choice & 32u) != 0) monitor.redirects = Redirects::follow;
  return HttpRule(monitor);
}

Finding judged(const HttpRule& rule, std::string_view wire, std::size_t piece) {
  HttpJudge judge(rule);
  while (!wire.empty()) {
    if (auto finding = judge.feed(wire.substr(0, piece))) return *std::move(finding);
    wire.remove_prefix(std::min(piece, wire.size()));
  }
  return judge.closed();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const HttpRule rule = rule_of(data[0]);
  const std::size_t piece = 1 + data[1] % 64;
  const std::string_view wire(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Finding whole = judged(rule, wire, wire.size() + 1);
  const Finding pieces = judged(rule, wire, piece);
  const bool same = whole.verdict == pieces.verdict && whole.failure == pieces.failure &&
                    whole.reason == pieces.reason;
  const bool told =
      !whole.reason.empty() && whole.reason.size() <= 256 && clean(whole.reason) == whole.reason;
  const bool judged_target = whole.verdict != Verdict::inconclusive;
  if (!same || !told || !judged_target) std::abort();
  return 0;
}
