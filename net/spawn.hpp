// Starts one process with pipes for stdin, stdout and stderr. Blocks as long as the system takes to
// start it.
#pragma once

#include <sys/types.h>

#include <string>

#include "net/command.hpp"

namespace hotswapd {

// A process that nobody has taken over yet. Its end kills the process group and closes everything.
struct Spawned {
  Spawned() = default;
  Spawned(const Spawned&) = delete;
  Spawned& operator=(const Spawned&) = delete;
  ~Spawned();

  pid_t pid = 0;     // also its group; 0: not started, or taken over
  int process = -1;  // a pidfd
  int output = -1;
  int errors = -1;
  bool no_program = false;
  std::string trouble;  // why it was not started
};

// `input` fits into a pipe (CommandRunner::most_input): it is all there before the process is.
void spawn(const Command& command, const std::string& input, Spawned& into);

}  // namespace hotswapd
