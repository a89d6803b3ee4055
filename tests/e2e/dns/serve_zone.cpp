// Serves one zone given on the command line with the product's own DNS, for judges and load
// generators: says where on standard output ("listening ADDR:PORT" a line, then "ready") and ends
// when standard input does.
//
//   serve_zone [--listen ADDR:PORT]... [--workers N] [--numbered N] [--churn N] ZONE RNAME
//   NS[=ADDR,ADDR]...
//              [-- "NAME TTL TYPE VALUE..."]...
//
// --numbered N: also n0.ZONE .. n(N-1).ZONE, each A 192.0.2.1. --churn N: N of them change per
// second.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "dns/dns_server.hpp"
#include "dns/zone_editor.hpp"

namespace {

using namespace hotswapd;

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "serve_zone: %s\n", why.c_str());
  std::exit(2);
}

int number(std::string_view text) {
  int out = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc() || end != text.data() + text.size())
    die("not a number: " + std::string(text));
  return out;
}

void must(const Fallible<void>& done) {
  if (!done) die(done.error().text);
}

RecordSet numbered(std::uint32_t generation) {
  return {RecordType::a, 30, {"192.0.2." + std::to_string(1 + generation % 200)}};
}

struct Arguments {
  DnsServerOptions server;
  ZoneSpec zone;
  std::vector<std::string> records;
  int numbered = 0;
  int churn = 0;
};

Arguments parse(std::vector<std::string> words) {
  Arguments out;
  std::size_t positional = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto value = [&] {
      return ++i < words.size() ? words[i] : (die("a value is missing"), words[0]);
    };
    if (words[i] == "--listen") {
      out.server.listen.push_back(value());
    } else if (words[i] == "--workers") {
      out.server.udp_workers = number(value());
    } else if (words[i] == "--numbered") {
      out.numbered = number(value());
    } else if (words[i] == "--churn") {
      out.churn = number(value());
    } else if (words[i] == "--") {
      out.records.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    } else if (positional++ == 0) {
      out.zone.name = words[i];
    } else if (positional == 2) {
      out.zone.rname = words[i];
    } else {
      ZoneSpec::NameServer server;
      std::istringstream parts(words[i]);
      std::getline(parts, server.host, '=');
      for (std::string address; std::getline(parts, address, ',');)
        server.addresses.push_back(address);
      out.zone.name_servers.push_back(server);
    }
  }
  if (out.server.listen.empty()) out.server.listen = {"127.0.0.1:0"};
  return out;
}

// True when standard input has ended.
bool wait_for_end(int ms) {
  pollfd in{STDIN_FILENO, POLLIN, 0};
  std::array<char, 256> sink;
  return ::poll(&in, 1, ms) > 0 && ::read(STDIN_FILENO, sink.data(), sink.size()) <= 0;
}

}  // namespace

int main(int argc, char** argv) {
  auto args = parse({argv + 1, argv + argc});
  const auto zone = args.zone.name;
  ZoneEditor editor;
  SnapshotHolder holder;
  must(editor.put_zone(args.zone, 1));
  for (const auto& line : args.records) {
    std::istringstream words(line);
    std::string name, type;
    RecordSet set;
    words >> name >> set.ttl >> type;
    for (std::string value; words >> value;) set.values.push_back(value);
    const auto known = record_type(type);
    if (!known) die("not a record: " + line);
    set.type = *known;
    must(editor.put_record({zone, name == "@" ? zone : name + "." + zone}, set));
  }
  const auto nth = [&](int i) { return RecordKey{zone, "n" + std::to_string(i) + "." + zone}; };
  for (int i = 0; i < args.numbered; ++i) must(editor.put_record(nth(i), numbered(0)));
  holder.publish(editor.publish());

  auto server = DnsServer::start(args.server, holder);
  if (!server) die(server.error().text);
  for (const auto& at : (*server)->endpoints()) std::printf("listening %s\n", at.text().c_str());
  std::printf("ready\n");
  std::fflush(stdout);

  // Changes come as the product makes them: each its own version, spread over the second.
  std::uint32_t serial = 1;
  auto next = std::chrono::steady_clock::now();
  for (int i = 0; !wait_for_end(args.churn > 0 ? 1 : 1000);) {
    const auto now = std::chrono::steady_clock::now();
    if (args.churn == 0 || args.numbered == 0) continue;
    for (; next < now; next += std::chrono::nanoseconds(1'000'000'000 / args.churn)) {
      must(editor.put_record(nth(i), numbered(serial)));
      editor.raise_serial(zone, ++serial);
      holder.publish(editor.publish());
      i = (i + 1) % args.numbered;
    }
  }
  (*server)->stop();
  return 0;
}
