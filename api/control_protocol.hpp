// The envelope of the control protocol: one JSON object a line, both ways. Pure text; no socket, no
// command.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace hotswapd {

// One request as it came in: `body` is the whole object, "command" included.
struct ControlRequest {
  std::string command;  // body["command"], which the server has made sure is there
  boost::json::object body;
  std::string peer_user;  // who asks: a user name, or "uid 1000" when the name is not known
};

// The line without its line feed. The errors are sentences for the client.
Fallible<ControlRequest> parse_request(std::string_view line, std::string peer_user);

// Complete lines with their line feed. Error texts are cleaned here; `data` and `event` are clean
// already.
std::string answer_line(const boost::json::object& data);
std::string error_line(const Error& error, const std::vector<std::string>& errors = {});
std::string event_line(const boost::json::object& event);

// What answer_line() or error_line() made, taken apart again: for whoever hands a command on in a
// form of his own.
struct ControlAnswer {
  std::string data;  // JSON text; empty: `error` says why not
  Error error;
  std::vector<std::string> errors;
};
ControlAnswer parse_answer(std::string line);

}  // namespace hotswapd
