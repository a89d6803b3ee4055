// A blocking client of the control socket; every step has a deadline, every error a sentence with
// the remedy.
#pragma once

#include <optional>
#include <string>

#include "core/error.hpp"
#include "core/time.hpp"

namespace hotswapd::ctl {

class ControlClient {
 public:
  static Fallible<ControlClient> connect(const std::string& path);

  ControlClient(ControlClient&& other) noexcept;
  ControlClient& operator=(ControlClient&&) = delete;
  ~ControlClient();

  // A peer that has closed already is no error here: what it said before that is still to be read.
  Fallible<void> send(const std::string& line, TimePoint deadline);
  // The next line without its line feed; without a deadline it waits for ever.
  Fallible<std::string> read_line(std::optional<TimePoint> deadline);

 private:
  ControlClient(int descriptor, std::string path);
  Fallible<void> wait(short events, std::optional<TimePoint> deadline) const;

  int descriptor_;
  std::string path_;
  std::string input_;
  std::size_t scanned_ = 0;
};

}  // namespace hotswapd::ctl
