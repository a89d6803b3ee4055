#include "api/rate_window.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <utility>

#include "core/error.hpp"

namespace hotswapd {

RateWindow::RateWindow(std::size_t limit, Millis span, std::size_t keys)
    : limit_(limit), span_(span), keys_(keys) {}

std::optional<Millis> RateWindow::full_for(const std::string& key, TimePoint now) const {
  const auto found = windows_.find(key);
  if (found == windows_.end() || found->second.ends <= now) return std::nullopt;
  if (found->second.events < limit_) return std::nullopt;
  return std::chrono::ceil<Millis>(found->second.ends - now);
}

bool RateWindow::first_told(const std::string& key) {
  const auto found = windows_.find(key);
  return found != windows_.end() && !std::exchange(found->second.told, true);
}

void RateWindow::count(const std::string& key, TimePoint now) {
  auto found = windows_.find(key);
  if (found == windows_.end()) {
    make_room(now);
    found = windows_.emplace(key, Window{}).first;
  }
  auto& window = found->second;
  if (window.ends <= now) window = Window{now + span_};
  ++window.events;
}

void RateWindow::forgive(const std::string& key, TimePoint now) {
  const auto found = windows_.find(key);
  if (found == windows_.end() || found->second.ends <= now || found->second.events == 0) return;
  if (--found->second.events == 0) windows_.erase(found);
}

void RateWindow::make_room(TimePoint now) {
  if (windows_.size() < keys_) return;
  std::erase_if(windows_, [&](const auto& entry) { return entry.second.ends <= now; });
  if (windows_.size() < keys_) return;
  windows_.erase(
      std::min_element(windows_.begin(), windows_.end(),
                       [](const auto& a, const auto& b) { return a.second.ends < b.second.ends; }));
}

RequestLimiter::RequestLimiter(std::size_t per_second, std::size_t per_minute)
    : second_(per_second, Seconds(1)), minute_(per_minute, Seconds(60)) {}

std::optional<Millis> RequestLimiter::admit(const std::string& key, TimePoint now) {
  const auto in_minute = minute_.full_for(key, now);
  if (in_minute) return in_minute;
  const auto in_second = second_.full_for(key, now);
  if (in_second) return in_second;
  second_.count(key, now);
  minute_.count(key, now);
  return std::nullopt;
}

std::string address_key(const std::string& address) {
  error_code ec;
  const auto parsed = boost::asio::ip::make_address(address, ec);
  if (ec || !parsed.is_v6()) return address;
  auto bytes = parsed.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
  return boost::asio::ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace hotswapd
