#include "net/http_proxy.hpp"

#include <algorithm>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <cstdlib>

#include "core/record.hpp"
#include "core/text.hpp"

namespace hotswapd {
namespace {

namespace ip = boost::asio::ip;

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(", \t"), text.size());
    if (end > 0) out.push_back(lower(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool in_network(const std::string& network, const std::string& host) {
  boost::system::error_code bad, worse;
  const auto v4 = ip::make_network_v4(network, bad);
  const auto a4 = ip::make_address_v4(host, worse);
  if (!bad && !worse) {
    const auto net = v4.canonical();
    return ip::network_v4(a4, net.prefix_length()).canonical() == net;
  }
  bad.clear(), worse.clear();
  const auto v6 = ip::make_network_v6(network, bad);
  const auto a6 = ip::make_address_v6(host, worse);
  if (bad || worse) return false;
  const auto net = v6.canonical();
  return ip::network_v6(a6, net.prefix_length()).canonical() == net;
}

bool excepted(std::string name, const std::string& host) {
  if (name == "*") return true;
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  if (const auto address = canonical_address(host)) {
    if (name.find('/') != std::string::npos) return in_network(name, host);
    return canonical_address(name) == address;
  }
  while (name.starts_with('.')) name.erase(0, 1);
  if (name.empty()) return false;
  return host == name || (host.size() > name.size() && host.ends_with(name) &&
                          host[host.size() - name.size() - 1] == '.');
}

std::string variable(const char* small, const char* big) {
  for (const char* const name : {small, big}) {
    const char* const value = name == nullptr ? nullptr : std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

}  // namespace

ProxySettings proxy_settings(std::string_view http, std::string_view https, std::string_view all,
                             std::string_view none) {
  ProxySettings out;
  out.http = http.empty() ? all : http;
  out.https = https.empty() ? all : https;
  out.except = split(none);
  return out;
}

ProxySettings proxies_of_environment() {
  return proxy_settings(variable("http_proxy", nullptr), variable("https_proxy", "HTTPS_PROXY"),
                        variable("all_proxy", "ALL_PROXY"), variable("no_proxy", "NO_PROXY"));
}

Fallible<std::optional<HttpUrl>> proxy_for(const ProxySettings& settings, const HttpUrl& url) {
  const auto& value = url.tls ? settings.https : settings.http;
  if (value.empty()) return std::optional<HttpUrl>();
  for (const auto& name : settings.except) {
    if (excepted(name, url.host)) return std::optional<HttpUrl>();
  }
  const bool schemed = value.find("://") != std::string::npos;
  auto proxy = parse_http_url(schemed ? value : "http://" + value);
  if (!proxy || proxy->tls) {
    return Error{errc::invalid_argument, std::string(url.tls ? "https_proxy" : "http_proxy") +
                                             " in the environment is no proxy of HTTP; write "
                                             "http://host:port"};
  }
  // curl's own default where none is written.
  const auto authority = value.substr(schemed ? value.find("://") + 3 : 0);
  const auto after_host = authority.find(':', authority.find_last_of("@]") + 1);
  if (after_host == std::string::npos) proxy->port = 1080;
  return std::optional<HttpUrl>(std::move(*proxy));
}

}  // namespace hotswapd
