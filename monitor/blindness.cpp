#include "monitor/blindness.hpp"

#include <utility>

namespace hotswapd {
namespace {

constexpr std::size_t one_by_one = 10;
constexpr Clock::duration window = Seconds(10);

}  // namespace

bool Blindness::tell(const std::string& line, TimePoint now) {
  const bool over = since_ == TimePoint::min() || now - since_ >= window;
  if (over && counted_ == 0) {
    since_ = now;
    told_ = 0;
  }
  if (told_ < one_by_one) {
    ++told_;
    return true;
  }
  ++counted_;
  last_ = line;
  return false;
}

std::optional<std::string> Blindness::rest(TimePoint now) {
  if (counted_ == 0 || now - since_ < window) return std::nullopt;
  auto text = std::to_string(counted_) + (counted_ == 1 ? " more target" : " more targets") +
              ", the last: " + std::exchange(last_, {});
  counted_ = 0;
  // Who comes now belongs to the same crowd: it is counted for another ten seconds.
  since_ = now;
  return text;
}

}  // namespace hotswapd
