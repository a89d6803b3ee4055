// The language of a Dyn Managed DNS style API: requests, the envelope of the answers, and what each
// refusal asks for. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "net/http_call.hpp"

namespace hotswapd::dyn_api {

// `path` is below the base URL and begins with a slash: "/Zone/example.com/".
struct Request {
  std::string method;
  std::string path;
  std::string body;  // empty: none

  bool operator==(const Request&) const = default;
};

Request log_in(const std::string& customer, const std::string& user, const std::string& password);
Request log_out();
Request poll_job(const std::string& job);
Request poll_task(const std::string& task);
Request discard_changes(const std::string& zone);
Request publish(const std::string& zone, const std::string& notes);

struct Message {
  std::string info;
  std::string code;  // empty: null
};

enum class Verdict : std::uint8_t {
  success,
  running,      // poll `job`
  session,      // the token is dead: log in again
  throttled,    // wait
  blocked,      // another task has the zone
  busy,         // the session has a job running
  not_found,    // no such node, record, job or task
  no_zone,      // no such zone here
  form,         // it does not know this form of request
  not_allowed,  // permission, frozen zone, bad value: the same again fails again
  failed,       // everything else that it refused
  ill,          // its own trouble
  garbage,      // no answer of such an API
};

struct Answer {
  Verdict verdict = Verdict::garbage;
  boost::json::value data;
  std::string job;               // digits; empty: not said
  std::string task;              // of `blocked`: the task that blocks
  std::optional<Seconds> pause;  // of `throttled`: as the server asks
  std::string text;              // for people, clean: "INVALID_DATA: login: Bad credentials"
};

Answer judge(const HttpReply& reply, WallTime now);

// A string, or a number that is one: ids come as either. Empty: neither.
std::string id_of(const boost::json::value& value);
// The member `key` of an object; nullptr: there is none, or it is null.
const boost::json::value* member(const boost::json::value& from, std::string_view key) noexcept;

enum class TaskState : std::uint8_t { running, complete, failed };
TaskState task_state(const boost::json::value& task);
bool task_blocks(const boost::json::value& task);

}  // namespace hotswapd::dyn_api
