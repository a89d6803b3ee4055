#include "api/v1_handler.hpp"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/parse.hpp>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "api/problem.hpp"
#include "core/text.hpp"

namespace hotswapd {
namespace {

namespace json = boost::json;

// As hotswapctl gives the daemon.
constexpr Millis answer_may_take{60'000};
constexpr std::size_t reason_limit = 256;

// The one answer to a command, from whichever thread it comes.
class Reply final : public ControlSink, public std::enable_shared_from_this<Reply> {
 public:
  explicit Reply(asio::any_io_executor home) : home_(home), came_(std::move(home)) {
    came_.expires_after(answer_may_take);
  }

  void answer(std::string line, bool) override {
    asio::dispatch(home_, [self = shared_from_this(), line = std::move(line)]() mutable {
      self->line_ = std::move(line);
      self->came_.cancel();
    });
  }
  void event(std::string) override {}
  bool open() const noexcept override { return false; }

  asio::any_io_executor home_;
  asio::steady_timer came_;
  std::optional<std::string> line_;
};

Error wrong(std::string text) {
  return {errc::invalid_argument, std::move(text)};
}

// "limit=20": the only parameter that there is.
Fallible<json::object> parameters(const V1Route& route, std::string_view query) {
  json::object found;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
    const auto equals = pair.find('=');
    const auto name = pair.substr(0, equals);
    if (route.command != "history" || name != "limit")
      return wrong("\"" + clean(name, 64) + "\" is no parameter of this request");
    const auto digits = equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
    std::int64_t number = 0;
    const auto [last, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (bad != std::errc() || last != digits.data() + digits.size() || digits.empty())
      return wrong("limit has to be a whole number");
    found["limit"] = number;
  }
  return found;
}

Fallible<json::object> body_of(const V1Route& route, const std::string& text) {
  if (text.empty()) return json::object();
  error_code ec;
  auto value = json::parse(text, ec);
  if (ec || !value.is_object()) return wrong("the body is not one JSON object");
  const bool acts = route.pattern.find("{fqdn}") != route.pattern.npos;
  for (const auto& member : value.get_object()) {
    if (!acts || (member.key() != "reason" && member.key() != "for_ms"))
      return wrong("\"" + clean(member.key(), 64) + "\" is no member of this request");
  }
  if (auto* reason = value.get_object().if_contains("reason");
      reason != nullptr && reason->is_string()) {
    *reason = clean(std::string_view(reason->get_string()), reason_limit);
  }
  return std::move(value.get_object());
}

}  // namespace

bool says_json(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  return iequals(type, "application/json");
}

Fallible<ControlRequest> command_of(const V1Match& match, const HttpRequest& request,
                                    std::string who) {
  const auto& route = *match.route;
  auto members = parameters(route, request.query);
  if (!members) return members.error();
  if (route.method == "POST") {
    members = body_of(route, request.body);
    if (!members) return members.error();
  }
  ControlRequest command;
  command.command = std::string(route.command);
  command.body = *std::move(members);
  command.body["command"] = route.command;
  if (!match.fqdn.empty()) command.body["fqdn"] = match.fqdn;
  command.peer_user = std::move(who);
  return command;
}

V1Handler::V1Handler(asio::any_io_executor executor, Access& access, ControlHandler& commands,
                     EventFeed& events)
    : executor_(std::move(executor)), access_(access), commands_(commands), events_(events) {}

awaitable<HttpResponse> V1Handler::handle(HttpRequest request) {
  if (auto elsewhere = access_.misdirected(request)) co_return *std::move(elsewhere);
  const V1Match match = match_v1(request.method, request.path);
  if (match.route == nullptr) {
    if (match.allow.empty()) co_return problem(404, "not_found", "there is nothing at this path");
    HttpResponse response =
        problem(405, "method_not_allowed", "this path knows " + match.allow + " only");
    response.headers.emplace_back("Allow", match.allow);
    co_return response;
  }
  Access::Admission admission = co_await access_.admit(request, match.route->scope);
  if (admission.refusal) co_return *std::move(admission.refusal);
  const bool writes = match.route->method == "POST";
  if (writes && !says_json(request.header("content-type"))) {
    co_return problem(415, "unsupported_media_type",
                      "a write has the Content-Type application/json; its body may be {}");
  }
  auto command = command_of(match, request, std::move(admission.who));
  if (!command) co_return problem(command.error());
  if (match.route->kind == V1Route::Kind::events) co_return stream(request);
  ControlRequest wanted = *std::move(command);
  co_return co_await run(std::move(wanted));
}

HttpResponse V1Handler::stream(const HttpRequest& request) {
  HttpResponse response;
  response.content_type = "text/event-stream";
  if (request.method == "HEAD") return response;
  response.stream = events_.subscribe(request.header("last-event-id"));
  if (response.stream) return response;
  response = problem(503, "busy", "as many clients follow the events as may");
  response.headers.emplace_back("Retry-After", "10");
  return response;
}

awaitable<HttpResponse> V1Handler::run(ControlRequest command) {
  const auto reply = std::make_shared<Reply>(executor_);
  commands_.handle(std::move(command), ControlResponder(reply));
  if (!reply->line_) co_await reply->came_.async_wait(nothrow);
  if (!reply->line_) {
    co_return problem({errc::unknown_fate,
                       "the daemon gave no answer in time; it may have done it all the same"});
  }
  ControlAnswer answer = parse_answer(*std::move(reply->line_));
  if (answer.data.empty()) co_return problem(answer.error, answer.errors);
  co_return json_response(std::move(answer.data));
}

}  // namespace hotswapd
