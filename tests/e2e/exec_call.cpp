// The provider exec as a program of its own (see provider_lines.hpp).
//
//   exec_call [--value] [--name-server ADDR:PORT]... [--resolver ADDR:PORT]... -- COMMAND [WORD]...
#include <string>

#include "dns/exec.hpp"
#include "tests/e2e/provider_lines.hpp"

int main(int argc, char** argv) {
  using namespace hotswapd;
  ExecOptions options;
  std::vector<DnsEndpoint> resolvers;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (word == "--value") options.keeps_generation = false;
    if (word == "--name-server")
      options.name_servers.push_back(DnsEndpoint::parse(value()).value());
    if (word == "--resolver") resolvers.push_back(DnsEndpoint::parse(value()).value());
    if (word == "--") {
      options.command.assign(argv + i + 1, argv + argc);
      break;
    }
  }
  asio::io_context context(1);
  ZoneServerSources sources{
      [resolvers] { return resolvers; },
      [](std::string host, TimePoint) -> awaitable<Fallible<std::vector<std::string>>> {
        if (host == "ns.example.net") co_return std::vector<std::string>(1, "127.0.0.1");
        co_return Error{errc::unavailable, "nobody resolves " + host + " here"};
      }};
  ExecProvider provider(context.get_executor(), std::move(sources), std::move(options),
                        exec_environment());
  return provider_lines::run(context, provider);
}
