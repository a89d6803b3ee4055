// Zones and record sets in the form in which they are answered.
#include "dns/zone_encoding.hpp"

#include <algorithm>
#include <array>

#include "dns/rdata.hpp"
#include "dns/zone_snapshot.hpp"

namespace hotswapd {
namespace {

using wire::Name;

// What is left of 64 KiB for header, question, CNAMEs and OPT.
constexpr std::size_t max_rrset_wire = 60'000;
constexpr std::uint32_t soa_refresh = 3600, soa_retry = 600, soa_expire = 1'209'600;

// Calls write(Writer&) for the RDATA of one record and appends the record, owner C0 0C; false when
// it was refused.
template <class Write>
bool add_record(WireRrset& to, std::uint16_t type, std::uint32_t ttl, Write write) {
  std::array<std::byte, 1024> buffer;
  wire::Writer out(buffer);
  out.pointer(wire::header_size);
  out.u16(type);
  out.u16(wire::klass::in);
  out.u32(ttl);
  const std::size_t length_at = out.size();
  out.u16(0);
  if (!write(out) || !out.ok()) return false;
  out.patch16(length_at, static_cast<std::uint16_t>(out.size() - length_at - 2));
  to.wire.append(reinterpret_cast<const char*>(out.written().data()), out.size());
  ++to.count;
  return true;
}

}  // namespace

std::optional<WireRrset> encode_rrset(const RecordSet& set) {
  auto values = set.values;
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  WireRrset out;
  for (const auto& value : values) {
    const bool ok =
        add_record(out, static_cast<std::uint16_t>(set.type), set.ttl,
                   [&](wire::Writer& w) { return wire::put_value(w, set.type, value); });
    if (!ok || out.wire.size() > max_rrset_wire) return std::nullopt;
  }
  return out;
}

std::optional<Name> mailbox_name(const std::string& text) {
  const auto at = text.find('@');
  if (at == std::string::npos) return Name::from_text(text);
  const auto domain = Name::from_text(std::string_view(text).substr(at + 1));
  if (!domain || at == 0) return std::nullopt;
  Name out;
  const auto* local = reinterpret_cast<const std::uint8_t*>(text.data());
  if (!out.append({local, at})) return std::nullopt;
  const auto rest = domain->wire();
  for (std::size_t i = 0; rest[i] != 0; i += rest[i] + 1U) {
    if (!out.append(rest.subspan(i + 1, rest[i]))) return std::nullopt;
  }
  return out;
}

std::shared_ptr<const ZoneApex> encode_apex(const ZoneSpec& spec, std::uint32_t serial,
                                            std::optional<std::uint32_t> lowest_ttl) {
  auto apex = std::make_shared<ZoneApex>();
  apex->name = Name::from_text(spec.name).value_or(Name());
  wire::Soa soa;
  soa.mname = Name::from_text(spec.name_servers.front().host).value_or(Name());
  soa.rname = mailbox_name(spec.rname).value_or(Name());
  soa.serial = serial;
  soa.refresh = soa_refresh;
  soa.retry = soa_retry;
  soa.expire = soa_expire;
  soa.minimum = std::min(max_negative_ttl, lowest_ttl.value_or(max_negative_ttl));
  const auto write_soa = [&](wire::Writer& out) {
    wire::put_soa(out, soa);
    return true;
  };
  add_record(apex->soa, wire::type::soa, zone_data_ttl, write_soa);
  add_record(apex->soa_negative, wire::type::soa, std::min(zone_data_ttl, soa.minimum), write_soa);
  std::vector<Name> hosts;
  for (const auto& server : spec.name_servers) {
    const auto host = Name::from_text(server.host).value_or(Name());
    if (std::find(hosts.begin(), hosts.end(), host) != hosts.end()) continue;
    hosts.push_back(host);
    const auto rdata_at = static_cast<std::uint16_t>(apex->ns.wire.size() + 12);
    add_record(apex->ns, wire::type::ns, zone_data_ttl, [&](wire::Writer& out) {
      out.name(host);
      return true;
    });
    if (host.is_under(apex->name)) apex->glue.push_back({rdata_at, host.lowered()});
  }
  return apex;
}

}  // namespace hotswapd
