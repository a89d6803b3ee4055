#include "probes/http_request.hpp"

#include <algorithm>
#include <string_view>

#include "core/text.hpp"

namespace hotswapd {
namespace {

bool control(char c) {
  const auto b = static_cast<unsigned char>(c);
  return (b < 0x20 && b != '\t') || b == 0x7f;
}

bool clean_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), control);
}

bool clean_word(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return control(c) || c == ' ' || c == '\t'; });
}

bool clean_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f &&
           std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
  });
}

Error cannot_send(std::string_view what) {
  return Error{errc::invalid_argument,
               std::string(what) + " holds a character that cannot be sent: correct it"};
}

}  // namespace

std::string host_of(const MonitorSpec& monitor, const std::string& service) {
  if (!monitor.host.empty()) return monitor.host;
  const bool ipv6 = service.find(':') != std::string::npos;
  return ipv6 ? "[" + service + "]" : service;
}

std::string tls_name(std::string_view host) {
  if (host.starts_with('[')) {
    host.remove_prefix(1);
    host = host.substr(0, host.find(']'));
  } else if (const auto colon = host.find(':');
             colon != std::string_view::npos && colon == host.rfind(':')) {
    host = host.substr(0, colon);
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  return std::string(host);
}

Fallible<std::string> build_request(const MonitorSpec& monitor, const std::string& service) {
  return build_request(monitor, host_of(monitor, service), monitor.path, true);
}

Fallible<std::string> build_request(const MonitorSpec& monitor, const std::string& host,
                                    const std::string& path, bool own_headers) {
  if (!clean_word(path)) return cannot_send("path");
  if (!clean_word(host)) return cannot_send("host");
  std::string request = "GET ";
  if (!path.starts_with('/')) request += '/';
  request += path + " HTTP/1.1\r\nHost: " + host + "\r\n";
  const auto given = [&](std::string_view name) {
    return own_headers &&
           std::any_of(monitor.headers.begin(), monitor.headers.end(),
                       [&](const auto& header) { return iequals(header.first, name); });
  };
  if (!given("User-Agent")) request += "User-Agent: " HOTSWAPD_USER_AGENT "\r\n";
  if (!given("Accept")) request += "Accept: */*\r\n";
  if (!given("Connection")) request += "Connection: close\r\n";
  for (const auto& [name, value] : monitor.headers) {
    if (!clean_name(name) || !clean_value(value)) return cannot_send("header");
    if (own_headers) request += name + ": " + value + "\r\n";
  }
  request += "\r\n";
  return request;
}

}  // namespace hotswapd
