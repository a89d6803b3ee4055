// Which proxy a call goes through, as the environment says it: http_proxy, https_proxy, all_proxy
// and no_proxy, the way curl reads them. Pure but for proxies_of_environment().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/http_call.hpp"

namespace hotswapd {

struct ProxySettings {
  std::string http;   // for http:// URLs; empty: none
  std::string https;  // for https:// URLs, by CONNECT
  std::vector<std::string>
      except;  // of no_proxy: names with all below them, addresses, networks, "*"
};

// The parts are the variables' values; empty ones count as not set.
ProxySettings proxy_settings(std::string_view http, std::string_view https, std::string_view all,
                             std::string_view none);

// Lower case first; upper case, too, but for HTTP_PROXY, which a CGI client can set.
ProxySettings proxies_of_environment();

// nullopt: the call goes straight there. An error: the variable does not hold an http proxy
// ("http://[user:password@]host[:port]" or without the scheme); the text does not repeat it.
Fallible<std::optional<HttpUrl>> proxy_for(const ProxySettings& settings, const HttpUrl& url);

}  // namespace hotswapd
