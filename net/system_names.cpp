#include "net/system_names.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <fstream>

namespace hotswapd {
namespace {

constexpr std::size_t most_bytes = 1 << 20;

std::string read_front(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(most_bytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  text.shrink_to_fit();
  return text;
}

std::vector<std::string> own_addresses() {
  std::vector<std::string> found;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return found;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    const void* raw = nullptr;
    if (at->ifa_addr->sa_family == AF_INET)
      raw = &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr;
    if (at->ifa_addr->sa_family == AF_INET6)
      raw = &reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (raw != nullptr &&
        ::inet_ntop(at->ifa_addr->sa_family, raw, text.data(), text.size()) != nullptr)
      found.emplace_back(text.data());
  }
  ::freeifaddrs(list);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

SystemNames read_system_names(const std::string& resolv_conf, const std::string& hosts) {
  return {read_front(resolv_conf), read_front(hosts), own_addresses()};
}

}  // namespace hotswapd
