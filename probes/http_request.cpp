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

Fallible<std::string> build_request(const MonitorSpec& monitor, const std::string& service) {
  const std::string host = host_of(monitor, service);
  if (!clean_word(monitor.path)) return cannot_send("path");
  if (!clean_word(host)) return cannot_send("host");
  std::string request = "GET ";
  if (!monitor.path.starts_with('/')) request += '/';
  request += monitor.path + " HTTP/1.1\r\nHost: " + host + "\r\n";
  const auto given = [&](std::string_view name) {
    return std::any_of(monitor.headers.begin(), monitor.headers.end(),
                       [&](const auto& header) { return iequals(header.first, name); });
  };
  if (!given("User-Agent")) request += "User-Agent: " HOTSWAPD_USER_AGENT "\r\n";
  if (!given("Accept")) request += "Accept: */*\r\n";
  if (!given("Connection")) request += "Connection: close\r\n";
  for (const auto& [name, value] : monitor.headers) {
    if (!clean_name(name) || !clean_value(value)) return cannot_send("header");
    request += name + ": " + value + "\r\n";
  }
  request += "\r\n";
  return request;
}

}  // namespace hotswapd
