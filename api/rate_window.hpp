// Counts events by key in windows of one length: who had how many, and when there is room again.
// Pure: time is an argument.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/time.hpp"

namespace hotswapd {

// A key's window begins with its first event and ends `span` later. At most `keys` of them are
// known: beyond, the oldest is forgotten.
class RateWindow {
 public:
  RateWindow(std::size_t limit, Millis span, std::size_t keys = 4096);

  // nullopt: there is room for one more. Else how long until there is.
  std::optional<Millis> full_for(const std::string& key, TimePoint now) const;
  // Whether this is the first time that it is asked for a key's window.
  bool first_told(const std::string& key);
  void count(const std::string& key, TimePoint now);
  void forgive(const std::string& key, TimePoint now);  // one event of the window that `now` is in

 private:
  struct Window {
    TimePoint ends;
    std::size_t events = 0;
    bool told = false;
  };
  void make_room(TimePoint now);

  std::size_t limit_;
  Millis span_;
  std::size_t keys_;
  std::unordered_map<std::string, Window> windows_;
};

// What api.rate_limit says: so many requests a second and so many a minute of each key.
class RequestLimiter {
 public:
  RequestLimiter(std::size_t per_second, std::size_t per_minute);

  // nullopt: admitted, and counted. Else not counted, and how long until there is room again.
  std::optional<Millis> admit(const std::string& key, TimePoint now);

 private:
  RateWindow second_;
  RateWindow minute_;
};

// Under which an address is counted: an IPv4 address itself, of IPv6 the /64, of which one
// subscriber has all.
std::string address_key(const std::string& address);

}  // namespace hotswapd
