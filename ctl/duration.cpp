#include "ctl/duration.hpp"

#include <charconv>
#include <cstdint>

namespace hotswapd::ctl {
namespace {

std::int64_t unit_millis(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit == "s") return 1'000;
  if (unit == "m") return 60'000;
  if (unit == "h") return 3'600'000;
  if (unit == "d") return 86'400'000;
  return 0;
}

constexpr std::int64_t longest = std::int64_t{3660} * 86'400'000;

}  // namespace

std::optional<Millis> parse_duration(std::string_view text) {
  std::uint64_t count = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (bad != std::errc()) return std::nullopt;
  const std::int64_t unit = unit_millis(text.substr(static_cast<std::size_t>(end - text.data())));
  if (unit == 0 || count == 0 || count > static_cast<std::uint64_t>(longest / unit))
    return std::nullopt;
  return Millis(static_cast<std::int64_t>(count) * unit);
}

}  // namespace hotswapd::ctl
