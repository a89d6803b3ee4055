// A provider of an HTTP API as a program of its own, for tests against real servers. What is said
// to it stands in provider_lines.hpp.
//
//   api_call --powerdns URL --secret KEY --id SERVER [--ca FILE] [--name-server ADDR:PORT]...
//   api_call --cloudflare URL --secret TOKEN --id ZONE [--ca FILE] [--name-server ADDR:PORT]...
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dns/cloudflare.hpp"
#include "dns/powerdns.hpp"
#include "net/curl_pool.hpp"
#include "tests/e2e/provider_lines.hpp"

namespace {

using namespace hotswapd;

// Words of the command line that come once, and the name servers.
struct Words {
  std::map<std::string, std::string> once;
  std::vector<DnsEndpoint> name_servers;

  bool has(const char* word) const { return once.contains(word); }
  std::string operator[](const char* word) const { return has(word) ? once.at(word) : ""; }
};

Words read_words(int argc, char** argv) {
  Words out;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string word = argv[i];
    if (word == "--name-server") {
      out.name_servers.push_back(DnsEndpoint::parse(argv[i + 1]).value());
    } else {
      out.once[word] = argv[i + 1];
    }
  }
  return out;
}

awaitable<Fallible<std::vector<std::string>>> no_names(std::string host, TimePoint) {
  co_return Error{errc::unavailable, "nobody resolves " + host + " here"};
}

WallTime now() {
  return std::chrono::floor<Millis>(std::chrono::system_clock::now());
}

std::unique_ptr<Provider> make_provider(const Words& words, CurlPool& http) {
  if (words.has("--powerdns")) {
    PowerdnsOptions options;
    options.api = {words["--powerdns"], words["--id"], words["--secret"]};
    options.send = http.sender(words["--ca"]);
    options.name_servers = words.name_servers;
    PowerdnsProvider::Surroundings around{no_names, now};
    return std::make_unique<PowerdnsProvider>(std::move(around), std::move(options));
  }
  CloudflareOptions options;
  options.api = {words["--cloudflare"], words["--id"], words["--secret"]};
  options.send = http.sender(words["--ca"]);
  options.name_servers = words.name_servers;
  CloudflareProvider::Surroundings around{no_names, now};
  return std::make_unique<CloudflareProvider>(std::move(around), std::move(options));
}

}  // namespace

int main(int argc, char** argv) {
  const auto words = read_words(argc, argv);
  asio::io_context context(1);
  TlsContexts tls;
  CurlPool http(context, tls, CurlPool::Options{});
  const auto provider = make_provider(words, http);
  return provider_lines::run(context, *provider);
}
