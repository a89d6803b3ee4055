// The provider rfc2136 as a program of its own, for tests against real name servers. What is said
// to it stands in provider_lines.hpp.
//
//   provider_call --server ADDR:PORT... [--key NAME:ALGORITHM:BASE64] [--udp] [--value]
//                 [--clock SECONDS] [--name-server ADDR:PORT]...
#include <boost/asio/io_context.hpp>
#include <string>

#include "core/base64.hpp"
#include "dns/rfc2136.hpp"
#include "tests/e2e/provider_lines.hpp"

namespace {

using namespace hotswapd;

tsig::Key key_of(const std::string& words) {
  const auto first = words.find(':');
  const auto second = words.find(':', first + 1);
  tsig::Key key;
  key.name = wire::Name::from_text(words.substr(0, first)).value();
  const auto algorithm = words.substr(first + 1, second - first - 1);
  for (int i = 0; i < 5; ++i) {
    const auto candidate = static_cast<MacAlgorithm>(i);
    if (algorithm == tsig::to_string(candidate)) key.algorithm = candidate;
  }
  key.secret = MacKey(decode_base64(words.substr(second + 1)).value());
  return key;
}

}  // namespace

int main(int argc, char** argv) {
  Rfc2136Options options;
  Seconds clock{0};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (word == "--udp") options.by_udp = true;
    if (word == "--value") options.guard = WriteGuard::value;
    if (word == "--key") options.key = key_of(value());
    if (word == "--clock") clock = Seconds(std::stol(value()));
    if (word == "--server") {
      const auto at = DnsEndpoint::parse(value()).value();
      options.servers.push_back({at.address_text(), at.port});
    }
    if (word == "--name-server")
      options.name_servers.push_back(DnsEndpoint::parse(value()).value());
  }
  asio::io_context context(1);
  Rfc2136Provider::Surroundings around{
      context.get_executor(),
      [clock] { return std::chrono::floor<Millis>(std::chrono::system_clock::now()) + clock; },
      [](std::string host, TimePoint) -> awaitable<Fallible<std::vector<std::string>>> {
        co_return Error{errc::unavailable, "nobody resolves " + host + " here"};
      }};
  Rfc2136Provider provider(std::move(around), std::move(options));
  return provider_lines::run(context, provider);
}
