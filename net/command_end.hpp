// What came of running a program: how it ended and what it said. Plain values.
#pragma once

#include <cstdint>
#include <string>

namespace hotswapd {

struct CommandEnd {
  enum class How : std::uint8_t {
    exited,       // by itself, with `status`
    signalled,    // by a signal that is not ours: `status`
    timed_out,    // its time was up: killed
    flooded,      // it said more than it may: killed
    stopped,      // whoever asked for it is being stopped: killed
    no_place,     // its time was up before others had ended: never started
    not_started,  // never started: `trouble`
    no_program,   // never started: there is no such program, or it cannot be run: `trouble`
  };
  How how = How::not_started;
  int status = 0;
  std::string output;   // on stdout
  std::string errors;   // on stderr, the end of it
  std::string trouble;  // a sentence

  bool started() const noexcept {
    return how != How::no_place && how != How::not_started && how != How::no_program;
  }
};

}  // namespace hotswapd
