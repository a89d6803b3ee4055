#include "net/resolver_cache.hpp"

#include <algorithm>
#include <utility>

namespace hotswapd {

ResolverCache::View ResolverCache::look(const std::string& name, TimePoint now) {
  const auto it = entries_.find(name);
  if (it == entries_.end()) return {};
  Entry& known = it->second;
  used_.splice(used_.begin(), used_, known.place);
  View view;
  if (known.answer.state != NameState::unusable && now < known.fresh_until)
    view.fresh = &known.answer;
  if (known.answer.state == NameState::addresses && now < known.last_until)
    view.last = &known.answer.addresses;
  if (now < known.held_until) view.trouble = known.trouble;
  view.ill = known.ill;
  return view;
}

void ResolverCache::put(const std::string& name, NameAnswer answer, TimePoint now) {
  Entry& known = entry(name);
  const Seconds ttl = answer.state == NameState::addresses
                          ? std::clamp(answer.ttl, limits_.shortest, limits_.longest)
                          : limits_.negative;
  known.answer = std::move(answer);
  known.fresh_until = now + ttl;
  known.last_until = known.fresh_until + limits_.last_good;
  known.held_until = now;
  known.ill = false;
}

void ResolverCache::trouble(const std::string& name, std::string text, TimePoint now) {
  Entry& known = entry(name);
  known.trouble = std::move(text);
  known.held_until = now + limits_.hold;
  known.ill = true;
}

void ResolverCache::unanswered(const std::string& name) {
  entry(name).ill = true;
}

void ResolverCache::expire() {
  for (auto& [name, known] : entries_) {
    known.fresh_until = TimePoint::min();
    known.held_until = TimePoint::min();
    known.ill = false;
  }
}

ResolverCache::Entry& ResolverCache::entry(const std::string& name) {
  if (const auto it = entries_.find(name); it != entries_.end()) {
    used_.splice(used_.begin(), used_, it->second.place);
    return it->second;
  }
  if (entries_.size() >= std::max<std::size_t>(1, limits_.names)) forget(*used_.back());
  const auto it = entries_.try_emplace(name).first;
  used_.push_front(&it->first);
  it->second.place = used_.begin();
  return it->second;
}

void ResolverCache::forget(const std::string& name) {
  const auto it = entries_.find(name);
  used_.erase(it->second.place);
  entries_.erase(it);
}

}  // namespace hotswapd
