#include "ctl/arguments.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <sstream>
#include <utility>

#include "core/text.hpp"
#include "ctl/duration.hpp"

namespace hotswapd::ctl {
namespace {

constexpr const char* duration_help = "for this long, like 500ms, 10s, 1m, 2h, 21d";

std::string check_name(const std::string& text) {
  const auto bad = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
  if (text.empty() || text.size() > 254 || std::any_of(text.begin(), text.end(), bad)) {
    return "is not a name, like www.example.com";
  }
  return {};
}

std::string check_duration(const std::string& text) {
  return parse_duration(text) ? std::string()
                              : clean(text) + " is not a duration, like 500ms, 10s, 1m, 2h, 21d";
}

std::string canonical(std::string name) {
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  return lower(name);
}

// The commands that move traffic share their options.
struct Action {
  const char* name;
  const char* help;
};

constexpr Action actions[] = {
    {"activate", "probe the service again, and move it when it must be"},
    {"deactivate", "stop probing and moving the service; DNS stays as it is"},
    {"recover", "back to the primary, whatever the probes say"},
    {"force-failover", "to the backup, whatever the probes say"},
};

void add_probe(CLI::App& app, ProbeOptions& probe) {
  auto* command = app.add_subcommand(
      "probe", "one round of probing from here, as the daemon would; it needs no daemon");
  command->add_option("PROTOCOL", probe.protocol, "HTTP, HTTPS, PING, SMTP or TCP")->required();
  command->add_option("ADDRESS", probe.address, "IP address or host name")->required();
  command->add_option("--port", probe.port, "default: the protocol's own (TCP: 80)");
  command->add_option("--path", probe.path, "HTTP(S): what is asked for; a 2xx is needed then");
  command->add_option("--host", probe.host, "HTTP(S): Host, SNI and certificate; default: ADDRESS");
  command->add_option("--header", probe.headers, "HTTP(S): a line like 'A: b'; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--expected", probe.expected, "text that the body or the banner contains");
  command->add_option("--status", probe.status, "HTTP(S): the statuses that pass: 200-299,301");
  command->add_option("--redirects", probe.redirects, "HTTP(S): fail, follow or accept");
  command->add_option("--timeout", probe.timeout, "of one attempt, like 2s; default 10s");
  command->add_option("--retries", probe.retries, "attempts after the first that fails; default 1");
  command->add_option("--tls-ca-file", probe.ca_file, "certificates to trust, not the system's");
  command->add_option("--resolver", probe.resolver, "name server ADDR[:PORT]; may be repeated")
      ->allow_extra_args(false);
  command->footer("Exit status: 0 pass, 1 fail or inconclusive, 2 wrong usage.");
}

}  // namespace

ParsedArguments parse_arguments(std::vector<std::string> words, const std::string& version) {
  Arguments arguments;
  std::string length;
  CLI::App app("Shows and operates a running hotswapd over its control socket.", "hotswapctl");
  app.set_version_flag("--version", "hotswapctl " + version);
  app.add_option("--socket", arguments.socket, "control socket of the daemon")
      ->capture_default_str();
  app.add_flag("--json", arguments.json, "print the data as JSON");
  app.require_subcommand(1);
  app.fallthrough();  // inherited: the two options above are understood after the command too
  app.footer("Exit status: 0 fine, 1 failed or refused, 2 wrong usage.");

  const auto service = [&](CLI::App* command) {
    command->add_option("FQDN", arguments.fqdn, "name of the service")
        ->required()
        ->check(CLI::Validator(check_name, "", "name"));
  };
  auto* status = app.add_subcommand("status", "every service in a table");
  status->add_flag("--exit-code", arguments.exit_code, "exit 1 when a service is not ok");
  auto* show = app.add_subcommand("show", "all that is known of one service");
  auto* explain =
      app.add_subcommand("explain", "the evidence of the last decision, and what it waits for now");
  for (auto* command : {show, explain}) {
    service(command);
    command->add_option("--zone", arguments.zone, "when the name is in more than one zone")
        ->check(CLI::Validator(check_name, "", "name"));
  }
  auto* history = app.add_subcommand("history", "what happened to one service, newest first");
  service(history);
  history->add_option("--limit", arguments.limit, "this many entries")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_subcommand("watch", "events as they happen, until interrupted");
  app.add_subcommand("reload", "read the configuration again; a bad one changes nothing");
  auto* plan =
      app.add_subcommand("plan", "what a reload of this file would add, remove and change");
  plan->add_option("FILE", arguments.file, "configuration file, - for the standard input")
      ->required();
  app.add_subcommand("passwd", "the hash of a password, for api.users; it needs no daemon");
  add_probe(app, arguments.probe);
  for (const Action& action : actions) {
    auto* command = app.add_subcommand(action.name, action.help);
    service(command);
    command->add_option("--reason", arguments.reason, "kept with the evidence");
    command->add_option("--for", length, duration_help)
        ->check(CLI::Validator(check_duration, "", "duration"));
  }

  ParsedArguments parsed;
  try {
    std::reverse(words.begin(), words.end());  // the order in which CLI11 takes them
    app.parse(std::move(words));
  } catch (const CLI::ParseError& e) {
    std::ostringstream out;
    std::ostringstream err;
    parsed.exit_status = app.exit(e, out, err) == 0 ? 0 : 2;
    parsed.out = out.str();
    parsed.err = err.str();
    return parsed;
  }
  arguments.command = app.get_subcommands().front()->get_name();
  arguments.fqdn = canonical(arguments.fqdn);
  arguments.zone = canonical(arguments.zone);
  if (!length.empty()) arguments.length = parse_duration(length);
  parsed.arguments = std::move(arguments);
  return parsed;
}

}  // namespace hotswapd::ctl
