// The insides of the record types we read and write; each reader wants its RDATA filled exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/record.hpp"
#include "net/wire.hpp"

namespace hotswapd::wire {

struct Soa {
  Name mname;
  Name rname;
  std::uint32_t serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0;
};

struct Mx {
  std::uint16_t preference = 0;
  Name exchange;
};

// EDNS (RFC 6891): an OPT record taken apart.
struct Edns {
  std::uint16_t size = 0;
  std::uint8_t extended_rcode = 0;
  std::uint8_t version = 0;
  bool dnssec_ok = false;
};

// `message` is the whole message that `record` came from: its names may be compressed.
std::optional<std::string> address_of(const Record& record);  // A and AAAA, canonical text
std::optional<Name> target_of(std::span<const std::byte> message,
                              const Record& record);  // CNAME, NS, PTR
std::optional<Soa> soa_of(std::span<const std::byte> message, const Record& record);
std::optional<Mx> mx_of(std::span<const std::byte> message, const Record& record);
std::optional<std::vector<std::string>> strings_of(const Record& record);  // TXT, HINFO
// nullopt: an owner that is not the root, or options that do not fill the RDATA.
std::optional<Edns> edns_of(const Record& record);

// The value of an A, AAAA or CNAME as core/record.hpp writes it.
std::optional<std::string> value_of(std::span<const std::byte> message, const Record& record);

// Write the RDATA alone (between begin_record and end_record). False: the text is no such value.
bool put_value(Writer& out, RecordType type, std::string_view value);
bool put_string(Writer& out, std::string_view text);  // one character-string, at most 255 bytes
void put_soa(Writer& out, const Soa& soa);
// A whole OPT record.
void put_opt(Writer& out, const Edns& edns);

}  // namespace hotswapd::wire
