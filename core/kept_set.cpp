#include "core/kept_set.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace hotswapd {

KeptSet::KeptSet(const RecordSet& set) : ttl_(set.ttl), type_(set.type), there_(true) {
  std::string values;
  for (const auto& value : set.values) {
    if (!values.empty()) values += '\0';
    values += value;
  }
  values_ = values;
}

RecordSet KeptSet::operator*() const {
  RecordSet set{type_, ttl_, {}};
  std::string_view rest = values_;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\0'), rest.size());
    set.values.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return set;
}

}  // namespace hotswapd
