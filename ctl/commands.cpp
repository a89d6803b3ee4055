#include "ctl/commands.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <ostream>
#include <system_error>
#include <utility>

#include "core/text.hpp"
#include "ctl/client.hpp"
#include "ctl/fields.hpp"
#include "ctl/render.hpp"

namespace hotswapd::ctl {
namespace {

// What the daemon takes as one line.
constexpr std::size_t longest_request = 16 * 1024 * 1024;

bool is_action(const std::string& command) {
  return command == "activate" || command == "deactivate" || command == "recover" ||
         command == "force-failover";
}

Fallible<std::string> read_file(const std::string& file) {
  const bool standard_input = file == "-";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(
      standard_input ? stdin : std::fopen(file.c_str(), "re"),
      standard_input ? [](std::FILE*) { return 0; } : &std::fclose);
  const auto failed = [&] {
    return Error{errc::unavailable, clean(file) + ": " + std::generic_category().message(errno)};
  };
  if (!opened) return failed();
  std::string text;
  std::string piece(64 * 1024, '\0');
  while (text.size() <= longest_request) {
    const std::size_t n = std::fread(piece.data(), 1, piece.size(), opened.get());
    if (n == 0) break;
    text.append(piece, 0, n);
  }
  if (std::ferror(opened.get()) != 0) return failed();
  return text;
}

int fail(const Surroundings& around, const Error& error) {
  json::object envelope;
  envelope["error"] = error.text;
  around.err << render_refusal(envelope, around.err_style);
  return 1;
}

Fallible<json::object> parse_envelope(const std::string& line) {
  error_code ec;
  json::value value = json::parse(line, ec);
  if (ec || !value.is_object()) {
    return Error{errc::corrupt, "the answer is not hotswapd's; is this its control socket?"};
  }
  return std::move(value.get_object());
}

std::string rendered(const Arguments& arguments, const json::object& data, Style style) {
  const auto now = std::chrono::floor<Millis>(std::chrono::system_clock::now());
  const std::string& command = arguments.command;
  if (command == "status") return render_status(data, now, style);
  if (command == "show") return render_show(data, now, style);
  if (command == "explain") return render_explain(data, now, style);
  if (command == "history") return render_history(data, style);
  if (command == "plan" || command == "reload")
    return render_changes(data, command == "reload", style);
  return text(data, "text") + "\n";
}

bool all_ok(const json::object& data) {
  for (const json::value& entry : list(data, "services")) {
    const json::object* service = entry.if_object();
    if (service == nullptr || text(*service, "status") != "ok") return false;
  }
  return true;
}

// Events until the daemon goes away or our output is closed.
int watch(ControlClient& client, const Arguments& arguments, const Surroundings& around) {
  for (;;) {
    const auto line = client.read_line(std::nullopt);
    if (!line) return fail(around, line.error());
    const auto envelope = parse_envelope(*line);
    if (!envelope) return fail(around, envelope.error());
    const json::object* event = child(*envelope, "event");
    if (event == nullptr) continue;
    if (arguments.json) {
      around.out << json::serialize(*event) << '\n';
    } else {
      around.out << render_event(*event, around.out_style);
    }
    if (!around.out.flush()) return 1;
  }
}

}  // namespace

Fallible<std::string> request_line(const Arguments& arguments, const std::string& absolute_file,
                                   const std::string& text) {
  json::object request;
  request["command"] = arguments.command;
  if (!arguments.fqdn.empty()) request["fqdn"] = arguments.fqdn;
  if (!arguments.zone.empty()) request["zone"] = arguments.zone;
  if (arguments.command == "history") request["limit"] = arguments.limit;
  if (arguments.command == "plan") {
    request["file"] = absolute_file;
    request["text"] = text;
  }
  if (is_action(arguments.command)) {
    if (!arguments.reason.empty()) request["reason"] = arguments.reason;
    if (arguments.length) request["for_ms"] = arguments.length->count();
  }
  std::string line = json::serialize(request);
  if (line.size() > longest_request) {
    return Error{errc::invalid_argument,
                 "the request would be longer than the 16 MiB that the daemon takes"};
  }
  // The serializer copies bytes; only the parser knows whether they are UTF-8.
  error_code ec;
  json::parse(line, ec);
  if (ec) return Error{errc::invalid_argument, "the request holds text that is not UTF-8"};
  return line + "\n";
}

int run_command(const Arguments& arguments, const Surroundings& around) {
  std::string file;
  std::string config;
  if (arguments.command == "plan") {
    auto read = read_file(arguments.file);
    if (!read) return fail(around, read.error());
    config = std::move(*read);
    std::error_code ec;
    file = arguments.file == "-" ? "/dev/stdin"
                                 : std::filesystem::absolute(arguments.file, ec).string();
    if (ec) return fail(around, {errc::unavailable, clean(arguments.file) + ": " + ec.message()});
  }
  const auto request = request_line(arguments, file, config);
  if (!request) return fail(around, request.error());

  auto client = ControlClient::connect(arguments.socket);
  if (!client) return fail(around, client.error());
  const TimePoint deadline = Clock::now() + around.answer_within;
  const auto sent = client->send(*request, deadline);
  if (!sent) return fail(around, sent.error());
  const auto line = client->read_line(deadline);
  if (!line) return fail(around, line.error());
  const auto envelope = parse_envelope(*line);
  if (!envelope) return fail(around, envelope.error());
  if (!flag(*envelope, "ok")) {
    around.err << render_refusal(*envelope, around.err_style);
    return 1;
  }
  if (arguments.command == "watch") return watch(*client, arguments, around);

  const json::object* data = child(*envelope, "data");
  if (data == nullptr) return fail(around, {errc::corrupt, "the answer has no data"});
  if (arguments.json) {
    around.out << json::serialize(*data) << '\n';
  } else {
    around.out << rendered(arguments, *data, around.out_style);
  }
  if (!around.out.flush())
    return fail(around, {errc::unavailable, "the output could not be written"});
  return arguments.exit_code && !all_ok(*data) ? 1 : 0;
}

}  // namespace hotswapd::ctl
