#include "core/record.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "core/text.hpp"

namespace hotswapd {

bool RecordSet::same_values(const RecordSet& other) const {
  if (type != other.type) return false;
  auto mine = values;
  auto theirs = other.values;
  std::sort(mine.begin(), mine.end());
  std::sort(theirs.begin(), theirs.end());
  return mine == theirs;
}

std::optional<std::string> canonical_address(std::string_view text) {
  const std::string copy(text);
  std::array<unsigned char, sizeof(in6_addr)> raw{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, copy.c_str(), raw.data()) != 1) continue;
    if (inet_ntop(family, raw.data(), out.data(), out.size()) == nullptr) return std::nullopt;
    return std::string(out.data());
  }
  return std::nullopt;
}

RecordSet record_for(std::string_view text, std::uint32_t ttl) {
  if (const auto address = canonical_address(text)) {
    const bool v6 = address->find(':') != std::string::npos;
    return {v6 ? RecordType::aaaa : RecordType::a, ttl, {*address}};
  }
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  return {RecordType::cname, ttl, {lower(text)}};
}

std::string to_string(const RecordSet& set) {
  std::string out = to_string(set.type);
  const char* separator = " ";
  for (const auto& value : set.values) {
    out += separator;
    out += value;
    separator = ", ";
  }
  return out + " ttl " + std::to_string(set.ttl);
}

const char* to_string(RecordType type) noexcept {
  switch (type) {
    case RecordType::a:
      return "A";
    case RecordType::aaaa:
      return "AAAA";
    case RecordType::cname:
      break;
  }
  return "CNAME";
}

std::optional<RecordType> record_type(std::string_view name) {
  for (const auto type : {RecordType::a, RecordType::aaaa, RecordType::cname}) {
    if (iequals(name, to_string(type))) return type;
  }
  return std::nullopt;
}

}  // namespace hotswapd
