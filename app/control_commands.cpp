#include "app/control_commands.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "core/text.hpp"
#include "core/timestamp.hpp"
#include "monitor/views.hpp"

namespace hotswapd {
namespace {

namespace json = boost::json;

constexpr std::int64_t default_history = 50;
constexpr std::size_t present_lines = 200;
constexpr std::size_t stored_stories = 5;  // some of them only wrote TTL or generation
constexpr std::int64_t longest_history = 10'000;
constexpr std::int64_t longest_duration_ms = std::int64_t{1000} * 60 * 60 * 24 * 366;

Error wrong(std::string text) {
  return {errc::invalid_argument, std::move(text)};
}

// A text member; empty when it is not there, an error when it is something else.
Fallible<std::string> text_of(const json::object& body, const char* name) {
  const auto* value = body.if_contains(name);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string()) return wrong(std::string("\"") + name + "\" has to be a text");
  return std::string(value->as_string());
}

Fallible<std::optional<std::int64_t>> number_of(const json::object& body, const char* name,
                                                std::int64_t least, std::int64_t most) {
  const auto* value = body.if_contains(name);
  if (value == nullptr || value->is_null()) return std::optional<std::int64_t>();
  std::int64_t number = 0;
  if (value->is_int64()) {
    number = value->as_int64();
  } else if (value->is_uint64() && value->as_uint64() <= static_cast<std::uint64_t>(most)) {
    number = static_cast<std::int64_t>(value->as_uint64());
  } else {
    number = least - 1;
  }
  if (number < least || number > most) {
    return wrong(std::string("\"") + name + "\" has to be a whole number from " +
                 std::to_string(least) + " to " + std::to_string(most));
  }
  return std::optional(number);
}

std::optional<CommandKind> action(const std::string& command) {
  if (command == "activate") return CommandKind::activate;
  if (command == "deactivate") return CommandKind::deactivate;
  if (command == "recover") return CommandKind::recover;
  if (command == "force-failover") return CommandKind::force_failover;
  return std::nullopt;
}

}  // namespace

json::object event_view(const WatchEvent& event) {
  return {{"at", to_rfc3339_millis(event.at)},
          {"kind", event.kind},
          {"fqdn", event.fqdn},
          {"text", event.text}};
}

ControlCommands::ControlCommands(ControlBackend backend) : backend_(std::move(backend)) {}

void ControlCommands::handle(ControlRequest request, ControlResponder responder) {
  const auto& command = request.command;
  if (command == "status") return status(responder);
  if (command == "reload") return backend_.reload(std::move(responder));
  if (command == "check") return backend_.check(std::move(responder));
  if (command == "watch") {
    std::erase_if(watchers_, [](const ControlResponder& w) { return !w.open(); });
    responder.stream();
    tell_present(responder);
    watchers_.push_back(std::move(responder));
    return;
  }
  if (command == "plan") {
    const auto file = text_of(request.body, "file");
    const auto text = text_of(request.body, "text");
    if (!file) return responder.fail(file.error());
    if (!text) return responder.fail(text.error());
    return backend_.plan(*file, *text, std::move(responder));
  }
  const auto kind = action(command);
  if (!kind && command != "show" && command != "explain" && command != "history") {
    return responder.fail(
        wrong("\"" + clean(command, 64) + "\" is no command; `hotswapctl --help` lists them"));
  }
  const auto fqdn = text_of(request.body, "fqdn");
  if (!fqdn) return responder.fail(fqdn.error());
  if (fqdn->empty()) return responder.fail(wrong("\"fqdn\" is missing: which service?"));
  if (kind) return act(request, *fqdn, *kind, responder);

  const auto* service = backend_.monitor.find(*fqdn);
  if (service == nullptr) {
    return responder.fail({errc::not_found, "no service " + clean(*fqdn) +
                                                " is configured; `hotswapctl status` lists them"});
  }
  const auto now = backend_.clocks.now();
  if (command == "show") return responder.answer(show_view(*service, now));
  if (command == "history") return history(request, *fqdn, responder);
  auto view = explain_view(*service, now, backend_.monitor.around(service->id()),
                           backend_.monitor.writes_blocked());
  if (service->story()) return responder.answer(view);
  explain_stored(service->model().spec().key, std::move(view), responder);
}

void ControlCommands::status(const ControlResponder& responder) {
  json::array services;
  for (const auto* service : backend_.monitor.services()) services.push_back(status_view(*service));
  responder.answer({{"services", std::move(services)}, {"daemon", backend_.daemon_view()}});
}

void ControlCommands::history(const ControlRequest& request, const std::string& fqdn,
                              const ControlResponder& responder) {
  const auto limit = number_of(request.body, "limit", 1, longest_history);
  if (!limit) return responder.fail(limit.error());
  const auto key = backend_.monitor.find(fqdn)->model().spec().key;
  auto done = [executor = backend_.executor, responder](Fallible<std::vector<TransitionRow>> rows) {
    asio::post(executor, [responder, rows = std::move(rows)] {
      if (rows) {
        responder.answer(history_view(*rows));
      } else {
        responder.fail(rows.error());
      }
    });
  };
  backend_.store.history(key, static_cast<std::size_t>(limit->value_or(default_history)),
                         std::move(done));
}

// The last swap was made by an earlier run: the journal tells its story.
void ControlCommands::explain_stored(RecordKey key, json::object view,
                                     const ControlResponder& responder) {
  auto done = [executor = backend_.executor, view = std::move(view),
               responder](Fallible<std::vector<IntentRow>> rows) mutable {
    asio::post(executor, [view = std::move(view), responder, rows = std::move(rows)]() mutable {
      for (const auto& row : rows ? *rows : std::vector<IntentRow>{}) {
        boost::system::error_code ec;
        auto story = json::parse(row.evidence, ec);
        if (ec || !story.is_object() || !story.as_object().contains("steps")) continue;
        const auto* moves = story.as_object().if_contains("moves");
        if (moves != nullptr && *moves == json::value(false)) continue;  // no swap to explain
        view["swap"] = std::move(story);
        break;
      }
      responder.answer(view);
    });
  };
  backend_.store.intents(std::move(key), stored_stories, std::move(done));
}

void ControlCommands::act(const ControlRequest& request, const std::string& fqdn, CommandKind kind,
                          const ControlResponder& responder) {
  const auto reason = text_of(request.body, "reason");
  if (!reason) return responder.fail(reason.error());
  const auto duration = number_of(request.body, "for_ms", 1, longest_duration_ms);
  if (!duration) return responder.fail(duration.error());
  Command command;
  command.kind = kind;
  command.reason = *reason;
  command.by = request.peer_user;
  if (*duration) command.duration = Millis(**duration);
  const auto said = backend_.monitor.command(fqdn, command);
  if (!said) return responder.fail(said.error());
  responder.answer({{"text", clean(fqdn) + ": " + *said}});
}

// A watch begins with how things stand: every service of a small installation, of a large one those
// that are not ok.
void ControlCommands::tell_present(const ControlResponder& responder) {
  const auto services = backend_.monitor.services();
  const auto now = to_rfc3339_millis(backend_.clocks.wall());
  std::size_t told = 0;
  for (const auto* service : services) {
    const auto& m = service->model();
    if (services.size() > present_lines && m.status() == ServiceStatus::ok) continue;
    if (++told > present_lines) break;
    std::string text = to_string(m.status());
    for (const auto& value : m.serving_values()) text += ", serving " + value;
    responder.event(
        {{"at", now}, {"kind", "present"}, {"fqdn", m.spec().key.fqdn}, {"text", text}});
  }
}

void ControlCommands::publish(const json::object& event) {
  if (watchers_.empty()) return;
  std::erase_if(watchers_, [](const ControlResponder& w) { return !w.open(); });
  for (const auto& watcher : watchers_) watcher.event(event);
}

}  // namespace hotswapd
