// DNS records as the product sees them: one address record set per service name, and where it
// stands.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hotswapd {

// Numbers are the wire's (RFC 1035, RFC 3596).
enum class RecordType : std::uint16_t { a = 1, cname = 5, aaaa = 28 };

// Which record: both names in lower case, without final dot.
struct RecordKey {
  std::string zone;
  std::string fqdn;
  auto operator<=>(const RecordKey&) const = default;
};

// The whole set of one type at a name. Values are canonical text: addresses as inet_ntop writes
// them, names in lower case without final dot. Order means nothing.
struct RecordSet {
  RecordType type = RecordType::a;
  std::uint32_t ttl = 0;
  std::vector<std::string> values;

  bool same_values(
      const RecordSet& other) const;  // type and values as a set; the TTL plays no part
  bool operator==(const RecordSet&) const = default;  // order and TTL included
};

// What a provider finds at a name. `set` is absent when the name has no A, AAAA or CNAME.
struct LiveRecord {
  std::optional<RecordSet> set;
  std::optional<std::uint64_t>
      generation;            // absent: the provider keeps none, or nobody has written one yet
  std::string op;            // which operation wrote it, as SwapPlan::op; may be empty
  std::uint32_t serial = 0;  // SOA serial when it was read, 0 when unknown
};

// IPv4 text gives A, IPv6 text AAAA, anything else CNAME. `text` may carry a final dot and any
// case.
RecordSet record_for(std::string_view text, std::uint32_t ttl);

// "192.0.2.1" -> "192.0.2.1", "2001:DB8::0" -> "2001:db8::"; nullopt when it is neither IPv4 nor
// IPv6.
std::optional<std::string> canonical_address(std::string_view text);

// "A 192.0.2.10, 192.0.2.11 ttl 30", for evidence and logs.
std::string to_string(const RecordSet& set);
const char* to_string(RecordType type) noexcept;
std::optional<RecordType> record_type(std::string_view name);

}  // namespace hotswapd
