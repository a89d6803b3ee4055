// The command line of hotswapctl, checked as far as it can be without the daemon.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/time.hpp"

namespace hotswapd::ctl {

struct Arguments {
  std::string command;  // as the protocol names it
  std::string socket = "/run/hotswapd/control.sock";
  bool json = false;
  bool exit_code = false;  // status
  std::string fqdn;        // lower case, without final dot
  std::string zone;        // show, explain
  int limit = 20;          // history
  std::string file;        // plan; "-" is the standard input
  std::string reason;      // actions
  std::optional<Millis> length;
};

// Either arguments, or a text that is to be printed and the exit status (0 help and version, 2
// wrong usage).
struct ParsedArguments {
  std::optional<Arguments> arguments;
  std::string out;
  std::string err;
  int exit_status = 0;
};

// `words` without the program's name.
ParsedArguments parse_arguments(std::vector<std::string> words, const std::string& version);

}  // namespace hotswapd::ctl
