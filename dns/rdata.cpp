// The insides of the record types we read and write.
#include "dns/rdata.hpp"

#include <arpa/inet.h>

#include <array>

#include "core/text.hpp"

namespace hotswapd::wire {
namespace {

// A reader that stands at the record's RDATA and sees the message only up to its end: a name that
// begins inside cannot run out of it, but may point back into the message.
Reader rdata_reader(std::span<const std::byte> message, const Record& record) {
  Reader reader(message.first(record.rdata_at + record.rdata.size()));
  reader.bytes(record.rdata_at);
  return reader;
}

}  // namespace

std::optional<std::string> address_of(const Record& record) {
  const bool v6 = record.type == type::aaaa;
  if (!v6 && record.type != type::a) return std::nullopt;
  if (record.rdata.size() != (v6 ? 16 : 4)) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(v6 ? AF_INET6 : AF_INET, record.rdata.data(), text.data(), text.size()) ==
      nullptr) {
    return std::nullopt;
  }
  return std::string(text.data());
}

std::optional<Name> target_of(std::span<const std::byte> message, const Record& record) {
  auto reader = rdata_reader(message, record);
  auto name = reader.name();
  if (!reader.at_end()) return std::nullopt;
  return name;
}

std::optional<Soa> soa_of(std::span<const std::byte> message, const Record& record) {
  auto reader = rdata_reader(message, record);
  const auto mname = reader.name();
  const auto rname = reader.name();
  std::array<std::uint32_t, 5> numbers{};
  for (auto& number : numbers) number = reader.u32().value_or(0);
  if (!reader.at_end()) return std::nullopt;
  return Soa{*mname, *rname, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
}

std::optional<Mx> mx_of(std::span<const std::byte> message, const Record& record) {
  auto reader = rdata_reader(message, record);
  const auto preference = reader.u16();
  const auto exchange = reader.name();
  if (!reader.at_end()) return std::nullopt;
  return Mx{*preference, *exchange};
}

std::optional<std::vector<std::string>> strings_of(const Record& record) {
  std::vector<std::string> out;
  Reader reader(record.rdata);
  while (!reader.at_end()) {
    const auto length = reader.u8();
    if (!length) return std::nullopt;
    const auto text = reader.bytes(*length);
    if (!text) return std::nullopt;
    out.emplace_back(reinterpret_cast<const char*>(text->data()), text->size());
  }
  return out;
}

std::optional<Edns> edns_of(const Record& record) {
  if (record.type != type::opt || !record.owner.is_root()) return std::nullopt;
  Reader options(record.rdata);
  while (!options.at_end()) {
    options.u16();
    const auto length = options.u16();
    if (!length || !options.bytes(*length)) return std::nullopt;
  }
  return Edns{record.klass, static_cast<std::uint8_t>(record.ttl >> 24),
              static_cast<std::uint8_t>(record.ttl >> 16), (record.ttl & 0x8000U) != 0};
}

std::optional<std::string> value_of(std::span<const std::byte> message, const Record& record) {
  if (record.type != type::cname) return address_of(record);
  const auto target = target_of(message, record);
  if (!target) return std::nullopt;
  return lower(target->text());
}

bool put_value(Writer& out, RecordType type, std::string_view value) {
  if (type == RecordType::cname) {
    const auto name = Name::from_text(value);
    if (!name) return false;
    out.name(*name);
    return true;
  }
  std::array<std::byte, 16> raw{};
  const std::string text(value);
  const bool v6 = type == RecordType::aaaa;
  if (inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), raw.data()) != 1) return false;
  out.bytes(std::span(raw).first(v6 ? 16 : 4));
  return true;
}

bool put_string(Writer& out, std::string_view text) {
  if (text.size() > 255) return false;
  out.u8(static_cast<std::uint8_t>(text.size()));
  out.bytes(std::as_bytes(std::span(text)));
  return true;
}

void put_soa(Writer& out, const Soa& soa) {
  out.name(soa.mname);
  out.name(soa.rname);
  for (const auto number : {soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum})
    out.u32(number);
}

void put_opt(Writer& out, const Edns& edns) {
  out.u8(0);
  out.u16(type::opt);
  out.u16(edns.size);
  out.u8(edns.extended_rcode);
  out.u8(edns.version);
  out.u16(edns.dnssec_ok ? 0x8000 : 0);
  out.u16(0);
}

}  // namespace hotswapd::wire
