#include "dns/dyn_api.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "core/text.hpp"

namespace hotswapd::dyn_api {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_id = 20;

bool is_digits(std::string_view text) {
  return !text.empty() && text.size() <= longest_id &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string text_of(const json::value* value) {
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

// The id at the end of ".../Job/4342593734/". Only the number is taken: a token is never sent to
// another place than the one that is configured.
std::string job_in(std::string_view location) {
  const auto folded = lower(location);
  const auto at = folded.rfind("/job/");
  if (at == std::string::npos) return "";
  auto id = std::string_view(folded).substr(at + 5);
  id = id.substr(0, id.find_first_not_of("0123456789"));
  return is_digits(id) ? std::string(id) : std::string();
}

std::vector<Message> messages_of(const json::value& envelope) {
  std::vector<Message> out;
  const auto* list = member(envelope, "msgs");
  if (list == nullptr || !list->is_array()) return out;
  for (const auto& one : list->as_array())
    out.push_back({text_of(member(one, "INFO")), text_of(member(one, "ERR_CD"))});
  return out;
}

bool any_says(const std::vector<Message>& messages, std::string_view text) {
  return std::any_of(messages.begin(), messages.end(), [&](const Message& message) {
    return message.info.find(text) != std::string::npos;
  });
}

// The first message with a code says what it is; the first of all, when none has one.
Message leading(const std::vector<Message>& messages) {
  for (const auto& message : messages) {
    if (!message.code.empty()) return message;
  }
  return messages.empty() ? Message() : messages.front();
}

std::string task_named(const std::vector<Message>& messages) {
  static constexpr std::string_view begin = "task_id: ";
  for (const auto& message : messages) {
    const std::string_view text = message.info;
    if (text.starts_with(begin) && is_digits(text.substr(begin.size())))
      return std::string(text.substr(begin.size()));
  }
  return "";
}

Verdict refusal(int status, const std::vector<Message>& messages) {
  const auto lead = leading(messages);
  const auto has_code = [&](std::string_view code) {
    return std::any_of(messages.begin(), messages.end(),
                       [&](const Message& message) { return message.code == code; });
  };
  if (status == 429 || has_code("RATE_LIMIT_EXCEEDED")) return Verdict::throttled;
  if (!messages.empty() && messages.front().info.starts_with("login:")) return Verdict::session;
  if (any_says(messages, "Operation blocked by current task")) return Verdict::blocked;
  if (any_says(messages, "This session already has a job running")) return Verdict::busy;
  if (any_says(messages, "No such zone") ||
      (lead.code == "NOT_FOUND" && lead.info.starts_with("zone:")))
    return Verdict::no_zone;
  if (lead.code == "NOT_FOUND") return Verdict::not_found;
  if (lead.code == "INVALID_REQUEST" || lead.code == "MISSING_DATA") return Verdict::form;
  if (lead.code == "INTERNAL_ERROR" || lead.code == "UNKNOWN_ERROR" ||
      lead.code == "SERVICE_UNAVAILABLE" || status >= 500)
    return Verdict::ill;
  if (lead.code == "PERMISSION_DENIED" || lead.code == "ILLEGAL_OPERATION" ||
      lead.code == "INVALID_DATA" || lead.code == "INVALID_VERSION" ||
      lead.code == "DEPRECATED_REQUEST")
    return Verdict::not_allowed;
  return status == 404 && lead.code.empty() ? Verdict::not_found : Verdict::failed;
}

std::string sentence(int status, const std::vector<Message>& messages) {
  const auto lead = leading(messages);
  if (lead.info.empty() && lead.code.empty()) return "answers " + std::to_string(status);
  return clean(lead.code + (lead.code.empty() || lead.info.empty() ? "" : " ") + lead.info, 200);
}

std::string segment(const std::string& name) {
  return percent_encoded(name) + "/";
}

}  // namespace

Request log_in(const std::string& customer, const std::string& user, const std::string& password) {
  const json::object body{{"customer_name", customer}, {"user_name", user}, {"password", password}};
  return {"POST", "/Session/", json::serialize(body)};
}

Request log_out() {
  return {"DELETE", "/Session/", "{}"};
}

Request poll_job(const std::string& job) {
  return {"GET", "/Job/" + segment(job), ""};
}

Request poll_task(const std::string& task) {
  return {"GET", "/Task/" + segment(task), ""};
}

Request discard_changes(const std::string& zone) {
  return {"DELETE", "/ZoneChanges/" + segment(zone), ""};
}

Request publish(const std::string& zone, const std::string& notes) {
  const json::object body{{"publish", true}, {"notes", notes}};
  return {"PUT", "/Zone/" + segment(zone), json::serialize(body)};
}

std::string id_of(const json::value& value) {
  if (value.is_string()) {
    const auto text = std::string_view(value.as_string());
    return is_digits(text) ? std::string(text) : std::string();
  }
  if (value.is_uint64()) return std::to_string(value.as_uint64());
  if (value.is_int64() && value.as_int64() >= 0) return std::to_string(value.as_int64());
  return "";
}

const json::value* member(const json::value& from, std::string_view key) noexcept {
  if (!from.is_object()) return nullptr;
  const auto* found = from.as_object().if_contains(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

Answer judge(const HttpReply& reply, WallTime now) {
  Answer out;
  error_code ec;
  json::parse_options options;
  options.max_depth = 16;
  const auto envelope = json::parse(reply.body, ec, {}, options);
  const auto status = ec ? std::string() : text_of(member(envelope, "status"));
  if (const auto* id = ec ? nullptr : member(envelope, "job_id")) out.job = id_of(*id);
  if (reply.status == 307 || status == "incomplete") {
    // The body of a 307 was the bare path once.
    const auto* location = reply.header("location");
    auto job = location == nullptr ? std::string() : job_in(*location);
    if (job.empty()) job = out.job.empty() ? job_in(reply.body.substr(0, 200)) : out.job;
    out.job = std::move(job);
    out.verdict = out.job.empty() ? Verdict::garbage : Verdict::running;
    out.text = out.job.empty() ? "says that a job runs, and not which" : "job " + out.job + " runs";
    return out;
  }
  const auto messages = ec ? std::vector<Message>() : messages_of(envelope);
  if (status == "success") {
    out.verdict = Verdict::success;
    if (const auto* data = member(envelope, "data")) out.data = *data;
    out.text = sentence(reply.status, messages);
    return out;
  }
  if (reply.status == 429) out.verdict = Verdict::throttled;
  const bool refused = status == "failure" || status == "running";
  if (refused) out.verdict = refusal(reply.status, messages);
  if (!refused && reply.status >= 500) out.verdict = Verdict::ill;
  if (out.verdict == Verdict::throttled) out.pause = retry_after(reply, now);
  if (out.verdict == Verdict::blocked) out.task = task_named(messages);
  out.text = refused ? sentence(reply.status, messages)
                     : "answers " + std::to_string(reply.status) +
                           (out.verdict == Verdict::garbage ? " with something else than JSON of "
                                                              "such an API"
                                                            : "");
  return out;
}

TaskState task_state(const json::value& task) {
  const auto state = text_of(member(task, "status"));
  if (state == "complete") return TaskState::complete;
  if (state == "failed" || state == "canceled" || state == "stalled") return TaskState::failed;
  return TaskState::running;
}

bool task_blocks(const json::value& task) {
  return text_of(member(task, "blocking")) != "N" && task_state(task) == TaskState::running;
}

}  // namespace hotswapd::dyn_api
