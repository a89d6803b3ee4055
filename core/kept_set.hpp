// A record set that is kept for long and seldom read, in as little room as it needs.
#pragma once

#include <cstdint>
#include <optional>

#include "core/kept_text.hpp"
#include "core/record.hpp"

namespace hotswapd {

// To be used as a std::optional<RecordSet>; what is looked at is made anew each time.
class KeptSet {
 public:
  KeptSet() = default;
  KeptSet(const RecordSet& set);
  KeptSet(const std::optional<RecordSet>& set) : KeptSet(set ? KeptSet(*set) : KeptSet()) {}

  explicit operator bool() const noexcept { return there_; }
  void reset() noexcept { *this = KeptSet(); }
  RecordSet operator*() const;
  operator std::optional<RecordSet>() const {
    return there_ ? std::optional(**this) : std::nullopt;
  }

  struct Seen {
    RecordSet set;
    const RecordSet* operator->() const noexcept { return &set; }
  };
  Seen operator->() const { return {**this}; }

  bool operator==(const KeptSet&) const = default;  // as RecordSet: order and TTL included

 private:
  KeptText values_;  // with a NUL between them
  std::uint32_t ttl_ = 0;
  RecordType type_ = RecordType::a;
  bool there_ = false;
};

}  // namespace hotswapd
