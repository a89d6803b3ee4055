// Folds what has one cause: of many targets that cannot be probed at the same time, a few are told
// one by one and the rest together. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "core/time.hpp"

namespace hotswapd {

// Ten lines in ten seconds; what is more is counted and told when the ten seconds are over.
class Blindness {
 public:
  // `line` says which target and why. True: tell it. False: it is counted.
  bool tell(const std::string& line, TimePoint now);

  // What was counted, once its time has come: "124 more targets, the last: LINE".
  std::optional<std::string> rest(TimePoint now);

 private:
  TimePoint since_ = TimePoint::min();  // of the first line of these ten seconds
  std::size_t told_ = 0;
  std::size_t counted_ = 0;
  std::string last_;
};

}  // namespace hotswapd
