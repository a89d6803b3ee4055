// Zones and record sets in the form in which they are answered: encoded once, copied ever after.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/record.hpp"
#include "dns/zone_tree.hpp"

namespace hotswapd {

struct ZoneSpec {
  struct NameServer {
    std::string host;
    // Answered for the host, and sent along as glue, when it lies in this zone and no service has
    // its name.
    std::vector<std::string> addresses;
    bool operator==(const NameServer&) const = default;
  };
  std::string name;                      // lower case, without final dot
  std::vector<NameServer> name_servers;  // at least one
  std::string rname;                     // "hostmaster@example.com" or "hostmaster.example.com"
  bool operator==(const ZoneSpec&) const = default;
};

// nullopt: a value that is none of its type, or more than an answer can hold.
std::optional<WireRrset> encode_rrset(const RecordSet& set);

// `lowest_ttl`: the lowest of the zone's records, nullopt without records. It bounds how long a gap
// may stay in anybody's cache. The specification is a valid one.
std::shared_ptr<const ZoneApex> encode_apex(const ZoneSpec& spec, std::uint32_t serial,
                                            std::optional<std::uint32_t> lowest_ttl);

// "first.last@example.com" becomes the name whose first label is "first.last" (RFC 1035 8).
std::optional<wire::Name> mailbox_name(const std::string& text);

}  // namespace hotswapd
