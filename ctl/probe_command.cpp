#include "ctl/probe_command.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <ostream>

#include "config/load_monitor.hpp"
#include "config/values.hpp"
#include "core/text.hpp"
#include "core/timestamp.hpp"
#include "ctl/render.hpp"
#include "net/resolver.hpp"
#include "net/system_names.hpp"
#include "net/task_group.hpp"
#include "net/tls_contexts.hpp"
#include "probes/factory.hpp"

namespace hotswapd::ctl {
namespace {

namespace json = boost::json;

// On a command line nothing is a variable.
json::string literal(std::string_view text) {
  json::string out;
  while (!text.empty()) {
    if (text.starts_with("${")) out += '$';
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

// Blanks around the commas are how people write.
std::string_view trim(std::string_view text) {
  const auto first = std::min(text.find_first_not_of(' '), text.size());
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

json::array list_of(std::string_view text) {
  json::array items;
  while (true) {
    const auto comma = text.find(',');
    items.emplace_back(literal(trim(text.substr(0, comma))));
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

// The options as the configuration would have them.
std::string monitor_text(const ProbeOptions& options) {
  json::object keys{{"protocol", literal(options.protocol)}, {"interval", "1m"}};
  const std::pair<const char*, const std::optional<std::string>*> texts[] = {
      {"port", &options.port},           {"path", &options.path},
      {"host", &options.host},           {"expected", &options.expected},
      {"redirects", &options.redirects}, {"timeout", &options.timeout},
      {"retries", &options.retries}};
  for (const auto& [key, value] : texts) {
    if (*value) keys[key] = literal(**value);
  }
  if (options.status) keys["status"] = list_of(*options.status);
  if (!options.headers.empty()) {
    std::string lines;
    for (const auto& header : options.headers) lines += header + "\n";
    keys["header"] = literal(lines);
  }
  if (options.ca_file) keys["tls"] = json::object{{"ca_file", literal(*options.ca_file)}};
  return json::serialize(keys);
}

std::string option_of(const std::string& path) {
  if (path == "tls.ca_file") return "--tls-ca-file";
  if (path == "protocol") return "PROTOCOL";
  const auto key = path.substr(0, path.find_first_of("[."));
  return path.starts_with('(') ? "options" : "--" + key;
}

awaitable<void> attempts(Prober& prober, const MonitorSpec& monitor, TargetRound& round) {
  for (int made = 0; made <= monitor.retries; ++made) {
    const TimePoint deadline = Clock::now() + monitor.timeout;
    ProbeResult attempt = co_await prober.run(deadline);
    round.attempts.push_back(std::move(attempt));
    if (round.attempts.back().verdict == Verdict::pass) break;
  }
  round.verdict = verdict_of(round.attempts);
}

json::value millis(const std::optional<Micros>& time) {
  return time ? json::value(static_cast<double>(time->count()) / 1000.0) : json::value(nullptr);
}

json::object attempt_view(const ProbeResult& attempt) {
  return {{"verdict", to_string(attempt.verdict)},
          {"class", to_string(attempt.failure)},
          {"phase", to_string(attempt.phase)},
          {"reason", attempt.reason},
          {"address",
           attempt.address.empty() ? json::value(nullptr) : json::value(attempt.address.text())},
          {"stale_address", attempt.stale},
          {"resolve_ms", millis(attempt.times.resolve)},
          {"connect_ms", millis(attempt.times.connect)},
          {"tls_ms", millis(attempt.times.tls)},
          {"first_byte_ms", millis(attempt.times.first_byte)},
          {"total_ms", millis(attempt.times.total)}};
}

}  // namespace

ProbePlan plan_probe(const ProbeOptions& options) {
  ProbePlan plan;
  const auto read = load_monitor(monitor_text(options));
  for (const auto& found : read.diagnostics) {
    auto& lines = found.severity == Severity::error ? plan.errors : plan.warnings;
    lines.push_back(option_of(found.path) + ": " + found.text);
  }
  TargetSpec target;
  if (read.monitor) target.monitor = *read.monitor;
  if (read.monitor && target.monitor.protocol == Protocol::none) {
    plan.errors.emplace_back("PROTOCOL: give one of HTTP, HTTPS, PING, SMTP, TCP");
  }
  if (const auto address = canonical_address(options.address)) {
    target.address = *address;
  } else if (!config::canonical_name(options.address, target.address)) {
    plan.errors.push_back("ADDRESS: " + clean(options.address, 80) +
                          " is neither an IP address nor a host name");
  }
  target.service = target.address;
  for (const auto& server : options.resolver) {
    if (const auto endpoint = DnsEndpoint::parse(server)) {
      plan.resolver.push_back(*endpoint);
    } else {
      plan.errors.push_back("--resolver: " + clean(server, 80) +
                            " is no address, like 192.0.2.53 or [2001:db8::53]:5353");
    }
  }
  if (plan.errors.empty()) plan.target = std::move(target);
  return plan;
}

TargetRound run_round(const TargetSpec& target, const std::vector<DnsEndpoint>& resolver) {
  TargetRound round;
  TlsContexts contexts;
  asio::io_context loop(1);
  Resolver::of(loop).configure(
      std::make_shared<const ResolverSettings>(make_settings(resolver, read_system_names(), {})));
  std::string broken;
  if (target.monitor.protocol == Protocol::https || target.monitor.redirects == Redirects::follow) {
    // Read before the attempt begins, whose time is the target's; the attempt tells what is wrong.
    const TlsPolicy policy{target.monitor.tls.verify, target.monitor.tls.ca_file};
    const TimePoint now = Clock::now();
    static_cast<void>(contexts.get(policy, now, now + target.monitor.timeout));
  }
  TaskGroup tasks(loop.get_executor(), [&](const std::string&, const std::string& what) {
    broken = "the probe ended by an error: " + clean(what, 200);
  });
  const auto prober = make_prober(loop, target, contexts);
  tasks.spawn("probe", attempts(*prober, target.monitor, round));
  // Not until the loop has nothing to do: a lookup that nobody waits for goes on for seconds, and a
  // peer may leave a farewell unanswered. The sockets are closed with the loop.
  while (tasks.size() != 0 && loop.run_one() != 0) {
  }
  if (!broken.empty()) {
    round.attempts.emplace_back();
    round.attempts.back().failure = FailureClass::local;
    round.attempts.back().reason = broken;
    round.verdict = Verdict::inconclusive;
  }
  return round;
}

Data probe_view(const TargetSpec& target, const TargetRound& round) {
  const ProbeResult* const telling = round.telling();
  json::array list;
  std::optional<WallTime> ends;
  for (const auto& attempt : round.attempts) {
    list.push_back(attempt_view(attempt));
    if (attempt.certificate_ends) ends = attempt.certificate_ends;
  }
  const auto port = effective_port(target.monitor);
  return {{"protocol", to_string(target.monitor.protocol)},
          {"address", target.address},
          {"port", port != 0 ? json::value(port) : json::value(nullptr)},
          {"verdict", to_string(round.verdict)},
          {"class", to_string(telling != nullptr ? telling->failure : FailureClass::none)},
          {"reason", telling != nullptr ? telling->reason : std::string()},
          {"certificate_ends", ends ? json::value(to_rfc3339(*ends)) : json::value(nullptr)},
          {"attempts", std::move(list)}};
}

int run_probe(const Arguments& arguments, const Surroundings& around) {
  const ProbePlan plan = plan_probe(arguments.probe);
  for (const auto& line : plan.warnings)
    around.err << "hotswapctl probe: warning: " << line << '\n';
  for (const auto& line : plan.errors) around.err << "hotswapctl probe: " << line << '\n';
  if (!plan.target) return 2;
  const TargetRound round = run_round(*plan.target, plan.resolver);
  const Data data = probe_view(*plan.target, round);
  if (arguments.json) {
    around.out << json::serialize(data) << '\n';
  } else {
    const auto now = std::chrono::floor<Millis>(std::chrono::system_clock::now());
    around.out << render_probe(data, now, around.out_style);
  }
  if (!around.out.flush()) {
    around.err << "hotswapctl: the output could not be written\n";
    return 1;
  }
  return round.verdict == Verdict::pass ? 0 : 1;
}

}  // namespace hotswapd::ctl
