#include "api/authorization.hpp"

#include "core/base64.hpp"
#include "core/text.hpp"

namespace hotswapd {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

Authorization parse_authorization(std::string_view header) {
  Authorization found;
  header = trimmed(header);
  if (header.empty()) return found;
  found.scheme = Authorization::Scheme::unusable;
  const auto space = header.find(' ');
  if (space == header.npos) return found;
  const auto scheme = header.substr(0, space);
  const auto rest = trimmed(header.substr(space));
  if (iequals(scheme, "bearer")) {
    if (rest.empty() || rest.find(' ') != rest.npos) return found;
    found.scheme = Authorization::Scheme::bearer;
    found.secret = Secret(rest);
    return found;
  }
  if (!iequals(scheme, "basic")) return found;
  auto bytes = decode_base64(rest);
  if (!bytes) return found;
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  if (const auto colon = text.find(':'); colon != text.npos) {
    found.scheme = Authorization::Scheme::basic;
    found.name = std::string(text.substr(0, colon));
    found.secret = Secret(text.substr(colon + 1));
  }
  wipe_memory(bytes->data(), bytes->size());
  return found;
}

}  // namespace hotswapd
