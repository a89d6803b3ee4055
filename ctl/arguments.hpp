// The command line of hotswapctl, checked as far as it can be without the daemon.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/time.hpp"

namespace hotswapd::ctl {

// Of `probe`: as written, what they mean is the configuration's to say.
struct ProbeOptions {
  std::string protocol;
  std::string address;
  std::optional<std::string> port;
  std::optional<std::string> path;
  std::optional<std::string> host;
  std::vector<std::string> headers;
  std::optional<std::string> expected;
  std::optional<std::string> status;
  std::optional<std::string> redirects;
  std::optional<std::string> timeout;
  std::optional<std::string> retries;
  std::optional<std::string> ca_file;
  std::vector<std::string> resolver;
};

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
  ProbeOptions probe;
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
