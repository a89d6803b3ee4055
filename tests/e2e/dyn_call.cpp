// The provider dyn as a program of its own (see provider_lines.hpp).
//
//   dyn_call --url URL --customer NAME --user NAME --password TEXT [--value] [--ca FILE]
//            [--name-server ADDR:PORT]... [--hurry TIMES]
#include <csignal>
#include <string>

#include "dns/dyn.hpp"
#include "net/curl_pool.hpp"
#include "net/tls_contexts.hpp"
#include "tests/e2e/provider_lines.hpp"

int main(int argc, char** argv) {
  using namespace hotswapd;
  std::signal(SIGPIPE, SIG_IGN);
  DynOptions options;
  DynPauses pauses;
  std::string ca_file;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (word == "--url") options.account.url = value();
    if (word == "--customer") options.account.customer = value();
    if (word == "--user") options.account.user = value();
    if (word == "--password") options.account.password = value();
    if (word == "--value") options.keeps_generation = false;
    if (word == "--ca") ca_file = value();
    if (word == "--hurry") {
      const auto times = std::stoi(value());
      pauses = {pauses.pace / times, pauses.poll / times, pauses.busy / times};
    }
    if (word == "--name-server")
      options.name_servers.push_back(DnsEndpoint::parse(value()).value());
  }
  asio::io_context context(1);
  TlsContexts tls;
  CurlPool pool(context, tls);
  options.send = pool.sender(ca_file);
  DynProvider::Surroundings around;
  around.executor = context.get_executor();
  around.pauses = pauses;
  around.wall_clock = [] { return std::chrono::floor<Millis>(std::chrono::system_clock::now()); };
  around.zone_servers.resolvers = [] { return std::vector<DnsEndpoint>(); };
  around.zone_servers.lookup = [](std::string host,
                                  TimePoint) -> awaitable<Fallible<std::vector<std::string>>> {
    co_return Error{errc::unavailable, "nobody resolves " + host + " here"};
  };
  DynProvider provider(std::move(around), std::move(options));
  return provider_lines::run(context, provider);
}
