// What is known of names: answers for their TTL, the last good one for when the name server is ill.
// Pure.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/time.hpp"
#include "net/resolver_answer.hpp"

namespace hotswapd {

class ResolverCache {
 public:
  struct Limits {
    std::size_t names = 65'536;              // the one that was asked for longest ago goes first
    Seconds shortest{1};                     // a TTL of 0 would mean a question per attempt
    Seconds longest{3600};                   // a changed record is seen within an hour
    Seconds negative{5};                     // NXDOMAIN and no address
    Seconds last_good = Seconds(24 * 3600);  // beyond its TTL, while the name server is ill
    Millis hold{1000};                       // after trouble the name is not asked for so long
  };

  // What may be said of a name now. Valid until the next call that is not const.
  struct View {
    const NameAnswer* fresh = nullptr;               // within its TTL
    const std::vector<std::string>* last = nullptr;  // the last good addresses, fresh or not
    std::string_view trouble;                        // not empty: asked a moment ago, in vain
    bool ill = false;                                // the last lookup came to nothing
  };

  ResolverCache() = default;
  explicit ResolverCache(Limits limits) : limits_(limits) {}

  View look(const std::string& name, TimePoint now);
  // An answer that is not `unusable`. A negative one puts an end to the last good one.
  void put(const std::string& name, NameAnswer answer, TimePoint now);
  void trouble(const std::string& name, std::string text, TimePoint now);
  // A lookup was broken off without an answer.
  void unanswered(const std::string& name);
  // Other name servers may answer differently: nothing is fresh any more, the last good ones stay.
  void expire();

  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    NameAnswer answer;  // `unusable`: nothing is known
    TimePoint fresh_until;
    TimePoint last_until;
    std::string trouble;
    TimePoint held_until;
    bool ill = false;
    std::list<const std::string*>::iterator place;
  };

  Entry& entry(const std::string& name);
  void forget(const std::string& name);

  Limits limits_;
  std::unordered_map<std::string, Entry> entries_;
  std::list<const std::string*> used_;  // the front was asked for last
};

}  // namespace hotswapd
