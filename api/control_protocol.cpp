#include "api/control_protocol.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

namespace json = boost::json;

// Longer than any sentence or located line of ours; a bound all the same.
constexpr std::size_t text_limit = 4096;

constexpr std::string_view answer_begins = "{\"ok\":true,\"data\":";
constexpr std::string_view answer_ends = "}\n";

errc code_of(std::string_view word) {
  for (int i = static_cast<int>(errc::invalid_argument); i <= static_cast<int>(errc::internal);
       ++i) {
    if (word == to_string(static_cast<errc>(i))) return static_cast<errc>(i);
  }
  return errc::internal;
}

std::string as_line(const json::object& object) {
  std::string line = json::serialize(object);
  line += '\n';
  return line;
}

Error wrong(std::string text) {
  return Error{errc::invalid_argument, std::move(text)};
}

}  // namespace

Fallible<ControlRequest> parse_request(std::string_view line, std::string peer_user) {
  error_code ec;
  json::value value = json::parse({line.data(), line.size()}, ec);
  if (ec) return wrong("the request is not one line of JSON: " + clean(ec.message()));
  json::object* body = value.if_object();
  if (body == nullptr) return wrong("the request is JSON, but not an object");
  const json::value* command = body->if_contains("command");
  if (command == nullptr || !command->is_string()) {
    return wrong("the request has no \"command\", or it is not a string");
  }
  ControlRequest request;
  request.command = std::string(command->get_string());
  request.body = std::move(*body);
  request.peer_user = std::move(peer_user);
  return request;
}

std::string answer_line(const json::object& data) {
  return std::string(answer_begins) + json::serialize(data) + std::string(answer_ends);
}

std::string error_line(const Error& error, const std::vector<std::string>& errors) {
  json::object envelope;
  envelope["ok"] = false;
  envelope["code"] = to_string(error.code);
  envelope["error"] = clean(error.text, text_limit);
  if (!errors.empty()) {
    json::array& list = envelope["errors"].emplace_array();
    for (const std::string& line : errors) list.emplace_back(clean(line, text_limit));
  }
  return as_line(envelope);
}

ControlAnswer parse_answer(std::string line) {
  ControlAnswer answer;
  // Our own text, which may be megabytes: it is cut, not parsed.
  if (line.starts_with(answer_begins) && line.ends_with(answer_ends)) {
    line.resize(line.size() - answer_ends.size());
    line.erase(0, answer_begins.size());
    answer.data = std::move(line);
    return answer;
  }
  error_code ec;
  const json::value value = json::parse(line, ec);
  const json::object* const envelope = ec ? nullptr : value.if_object();
  const auto text = [&](const char* name) -> std::string {
    const json::value* const found = envelope == nullptr ? nullptr : envelope->if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string())
                                                  : std::string();
  };
  answer.error = {code_of(text("code")), text("error")};
  if (const auto* list = envelope == nullptr ? nullptr : envelope->if_contains("errors");
      list != nullptr && list->is_array()) {
    for (const auto& entry : list->get_array()) {
      if (entry.is_string()) answer.errors.emplace_back(entry.get_string());
    }
  }
  return answer;
}

std::string event_line(const json::object& event) {
  return "{\"event\":" + json::serialize(event) + "}\n";
}

}  // namespace hotswapd
