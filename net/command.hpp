// Runs a program of the operator's: text in, text out, bounded in time, size and number, with none
// of our descriptors, and no shell.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/time.hpp"
#include "net/awaitable.hpp"
#include "net/command_end.hpp"

namespace hotswapd {

struct Command {
  std::vector<std::string> words;        // never empty; the first is the program's absolute path
  std::vector<std::string> environment;  // "NAME=value", and nothing else
};

// Lives on one executor (one thread). The program runs in "/", as leader of a process group of its
// own; the whole group is killed at the deadline, when the caller is cancelled, and when the
// program has ended. It is reaped whatever happens, also after run() has returned, and holds its
// place until then.
class CommandRunner {
 public:
  static constexpr std::size_t kib = 1024;
  static constexpr std::size_t most_input = 32 * kib;   // fits into a pipe
  static constexpr std::size_t most_output = 64 * kib;  // more is a flood
  static constexpr std::size_t most_errors = 2 * kib;   // what is kept; the rest is read and lost

  // So many programs at a time; others wait for their turn until their deadline.
  CommandRunner(asio::any_io_executor executor, std::size_t at_once);
  ~CommandRunner();

  awaitable<CommandEnd> run(std::shared_ptr<const Command> command, std::string input,
                            TimePoint deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hotswapd
