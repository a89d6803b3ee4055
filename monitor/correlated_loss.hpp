// Many services going down together (rule S10): taken for our own trouble until the witness, asked
// again, and one other target have answered. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/ids.hpp"
#include "core/time.hpp"

namespace hotswapd {

class CorrelatedLoss {
 public:
  // A service's primary went down by decision. `decided`: services whose primary is known to be up
  // or down, `window`: the interval inside which losses belong together.
  void went_down(ServiceId service, std::size_t decided, Millis window, TimePoint now);
  void recovered(ServiceId service) { up_again(service); }
  void forget(ServiceId service) { up_again(service); }

  // Proof that our own link works, seen in what began at `since` or later. The other target counts
  // once the loss stands; the witness where there is one.
  void other_answered(TimePoint when);
  void witness_answered(TimePoint asked);
  void has_witness(bool yes) { has_witness_ = yes; }

  // Why swaps by decision are held now; absent: they are not.
  std::optional<std::string> holds() const;
  bool standing() const noexcept { return since_.has_value(); }
  // When the loss began that still waits for its proof.
  std::optional<TimePoint> since() const noexcept { return since_; }

 private:
  void judge();
  void drop_old(TimePoint now);
  void up_again(ServiceId service);

  std::unordered_map<ServiceId, TimePoint> down_;  // in the last window
  // The same in the order of time, so that each of ten thousand losses looks only at what is old.
  std::set<std::pair<TimePoint, ServiceId>> oldest_first_;
  Millis window_{0};
  std::size_t decided_ = 0;
  std::size_t lost_ = 0;
  std::optional<TimePoint> since_;
  bool armed_ = true;  // false: this loss has been explained, and goes on
  bool has_witness_ = false;
  bool other_ = false;
  bool witness_ = false;
};

}  // namespace hotswapd
