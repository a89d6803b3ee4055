#include "app/reloader.hpp"

#include <boost/json.hpp>
#include <utility>
#include <vector>

namespace hotswapd {
namespace {

namespace json = boost::json;

// Each is a thread that may hang in a mount for ever.
constexpr std::size_t plans_at_a_time = 8;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::vector<std::string> lines(const Diagnostics& diagnostics) {
  std::vector<std::string> all;
  for (const auto& found : diagnostics) all.push_back(found.to_string());
  return all;
}

json::object change_view(const ConfigDiff& changes, const Diagnostics& found, std::size_t before) {
  json::array added;
  json::array removed;
  json::array changed;
  json::array global(changes.sections.begin(), changes.sections.end());
  json::array restart(changes.restart.begin(), changes.restart.end());
  json::array warnings;
  for (const auto& key : changes.added) added.emplace_back(key.fqdn);
  for (const auto& key : changes.removed) removed.emplace_back(key.fqdn);
  for (const auto& change : changes.changed) {
    changed.push_back(
        json::object{{"fqdn", change.key.fqdn},
                     {"fields", json::array(change.fields.begin(), change.fields.end())}});
  }
  for (const auto& line : found) warnings.emplace_back(line.to_string());
  const auto touched = changes.removed.size() + changes.changed.size();
  return {{"added", std::move(added)},      {"removed", std::move(removed)},
          {"changed", std::move(changed)},  {"unchanged", before >= touched ? before - touched : 0},
          {"global", std::move(global)},    {"restart_needed", std::move(restart)},
          {"warnings", std::move(warnings)}};
}

}  // namespace

Reloader::Reloader(asio::any_io_executor executor, std::string config_file, ReloadHooks hooks,
                   Logger& log)
    : config_file_(std::move(config_file)),
      hooks_(std::move(hooks)),
      log_(log),
      background_(std::move(executor)) {}

void Reloader::reload() {
  if (stopped_) return;
  if (reading_since_) {
    again_ = true;  // the file may have been read before it was edited again
    return;
  }
  begin();
}

void Reloader::reload(ControlResponder responder) {
  if (reading_since_ || stopped_) {
    return responder.fail(
        {errc::unavailable, reading_since_ ? "a reload is under way" : "the daemon is stopping"});
  }
  asked_by_ = std::move(responder);
  begin();
}

void Reloader::begin() {
  reading_since_ = Clock::now();
  hooks_.began();
  background_.run([this, file = config_file_, examine = hooks_.examine]() -> Background::Result {
    auto result = load_file(file);
    if (result.config) {
      for (auto& found : examine(*result.config)) result.diagnostics.push_back(std::move(found));
    }
    return [this, result = std::move(result)]() mutable { loaded(std::move(result)); };
  });
}

void Reloader::loaded(LoadResult result) {
  reading_since_.reset();
  auto responder = std::exchange(asked_by_, std::nullopt);
  if (stopped_) {
    if (responder) responder->fail({errc::unavailable, "the daemon is stopping"});
    return;
  }
  const auto before = hooks_.current().services.size();
  const auto changes = take(result);
  if (responder) {
    if (changes) {
      responder->answer(change_view(*changes, result.diagnostics, before));
    } else {
      responder->fail({errc::invalid_argument, "the configuration has errors; the old one goes on"},
                      lines(result.diagnostics));
    }
  }
  hooks_.ended();
  if (std::exchange(again_, false)) reload();
}

// Nothing changes when there is an error anywhere.
std::optional<ConfigDiff> Reloader::take(LoadResult& result) {
  for (const auto& found : result.diagnostics) {
    log_.log(found.severity == Severity::error ? LogLevel::error : LogLevel::warning, "HS1012",
             found.to_string());
  }
  const std::string refused =
      "reload refused, the old configuration goes on config=" + config_file_;
  if (!result.config) {
    log_.log(LogLevel::error, "HS1013", refused);
    return std::nullopt;
  }
  auto changes = diff(hooks_.current(), *result.config);
  if (const auto applied = hooks_.apply(std::move(*result.config)); !applied) {
    log_.log(LogLevel::error, "HS1013", refused + " " + applied.error().text);
    result.diagnostics.push_back(
        {config_file_, 1, 1, Severity::error, "(file)", applied.error().text});
    return std::nullopt;
  }
  log_.log(LogLevel::info, "HS1015",
           "reloaded added=" + std::to_string(changes.added.size()) +
               " removed=" + std::to_string(changes.removed.size()) +
               " changed=" + std::to_string(changes.changed.size()));
  if (!changes.restart.empty()) {
    log_.log(LogLevel::warning, "HS1016", "only a restart changes " + joined(changes.restart));
  }
  return changes;
}

void Reloader::plan(std::string file, std::string text, ControlResponder responder) {
  plan(
      [file = std::move(file), text = std::move(text)]() mutable {
        LoadOptions options;
        if (const auto slash = file.rfind('/'); slash != std::string::npos)
          options.base_directory = file.substr(0, slash + 1);
        return load_text(file, std::move(text), options);
      },
      std::move(responder));
}

void Reloader::check(ControlResponder responder) {
  plan([file = config_file_] { return load_file(file); }, std::move(responder));
}

void Reloader::plan(std::function<LoadResult()> load, ControlResponder responder) {
  if (plans_.size() >= plans_at_a_time) {
    return responder.fail({errc::unavailable, "too many plans are being read: try again later"});
  }
  const auto number = ++next_plan_;
  plans_.emplace(number, std::move(responder));
  background_.run([this, number, load = std::move(load)]() -> Background::Result {
    auto result = load();
    return [this, number, result = std::move(result)] { planned(number, result); };
  });
}

void Reloader::planned(std::uint64_t number, const LoadResult& result) {
  const auto asked = plans_.extract(number);
  const auto& responder = asked.mapped();
  if (!result.config) {
    return responder.fail({errc::invalid_argument, "the configuration has errors"},
                          lines(result.diagnostics));
  }
  const auto& current = hooks_.current();
  responder.answer(
      change_view(diff(current, *result.config), result.diagnostics, current.services.size()));
}

void Reloader::stop() {
  stopped_ = true;
}

Millis Reloader::reading_for(TimePoint now) const {
  return reading_since_ ? std::chrono::duration_cast<Millis>(now - *reading_since_) : Millis(0);
}

}  // namespace hotswapd
