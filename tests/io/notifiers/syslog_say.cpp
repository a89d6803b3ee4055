// Sends syslog messages as the daemon words and sends them: a line of JSON on stdin for each, for
// the judges in tests/e2e.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <iostream>
#include <string>

#include "notifiers/local_time.hpp"
#include "notifiers/syslog_format.hpp"
#include "notifiers/syslog_udp.hpp"

namespace {

using namespace hotswapd;

std::string text_of(const boost::json::object& line, const char* key) {
  const auto* value = line.if_contains(key);
  return value == nullptr ? std::string() : std::string(value->as_string());
}

bool say(const boost::json::object& line, const std::string& server, std::uint16_t port) {
  SyslogSpec spec;
  spec.server = server;
  spec.port = port;
  spec.ident = text_of(line, "ident");
  spec.facility = static_cast<int>(line.at("facility").as_int64());
  spec.probe_fmt = spec.status_fmt = text_of(line, "format");
  MonitorEvent event;
  event.kind = text_of(line, "kind") == "probe" ? EventKind::probe : EventKind::status;
  event.service = {"example.com", "www.example.com"};
  event.at = std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
  event.state = text_of(line, "state");
  event.message = text_of(line, "message");
  const std::string frame =
      syslog_frame(event, spec, {"ams1", ""}, "gw1", local_utc_offset(event.at));
  auto notifier = make_syslog_notifier(syslog_sink(spec));
  if (!notifier) {
    std::cerr << notifier.error().text << '\n';
    return false;
  }
  asio::io_context context(1);
  Fallible<void> result = Error{errc::internal, "not called"};
  asio::co_spawn(context, (*notifier)->deliver(frame, Clock::now() + Seconds(1)),
                 [&result](const std::exception_ptr&, Fallible<void> r) { result = std::move(r); });
  context.run();
  if (!result) std::cerr << result.error().text << '\n';
  return result.has_value();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: syslog_say ADDRESS PORT < LINES\n";
    return 2;
  }
  const auto port = static_cast<std::uint16_t>(std::stoi(argv[2]));
  std::string line;
  while (std::getline(std::cin, line)) {
    if (!say(boost::json::parse(line).as_object(), argv[1], port)) return 1;
  }
  return 0;
}
