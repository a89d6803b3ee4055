// The embedded DNS's behaviour. Numbers of RFCs stand where the rule comes from; the rest is what
// the well-known servers agree on.
#include "dns/answerer.hpp"

#include <algorithm>
#include <array>

#include "core/text.hpp"
#include "dns/rdata.hpp"

namespace hotswapd {
namespace {

using wire::Header;
using wire::Rcode;

constexpr std::size_t opt_size = 11;    // of an OPT without options
constexpr std::size_t max_hops = 8;     // of a CNAME chain
constexpr std::size_t address_rr = 12;  // bytes of a record before its RDATA, the owner a pointer

struct Query {
  Header header;
  wire::LookupName name;
  std::size_t question_size = 0;  // name, type and class
  std::uint16_t type = 0;
  std::uint16_t klass = 0;
  bool has_edns = false;
  wire::Edns edns;
};

std::uint16_t read16(std::span<const std::byte> in, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(in[at]) << 8 |
                                    std::to_integer<unsigned>(in[at + 1]));
}

// The question and the OPT record; false: FORMERR.
bool parse(std::span<const std::byte> packet, Query& query) noexcept {
  const auto& count = query.header.count;
  if (count[0] != 1 || count[1] != 0) return false;
  if (!query.name.parse(packet.subspan(wire::header_size))) return false;
  const std::size_t end = wire::header_size + query.name.size + 4;
  if (end > packet.size()) return false;
  query.question_size = query.name.size + 4;
  query.type = read16(packet, end - 4);
  query.klass = read16(packet, end - 2);
  // An IXFR carries the SOA that the asker has (RFC 1995 3); nothing else has business in there.
  if (count[2] != 0 && !(query.type == wire::type::ixfr && count[2] == 1)) return false;
  if (count[2] == 0 && count[3] == 0) return true;

  wire::Reader rest(packet);
  rest.bytes(end);
  if (count[2] == 1 && !rest.record()) return false;
  for (unsigned left = count[3]; left > 0; --left) {
    const auto record = rest.record();
    if (!record) return false;
    if (record->type != wire::type::opt) continue;
    const auto edns = wire::edns_of(*record);
    if (!edns || query.has_edns) return false;
    query.has_edns = true;
    query.edns = *edns;
  }
  return true;
}

// Writes one answer. Sections are filled in order; what does not fit makes the whole answer TC.
class Answer {
 public:
  Answer(std::span<const std::byte> packet, const Query& query, DnsTransport transport,
         std::span<std::byte> out)
      : query_(query), out_(room_of(query, transport, out)) {
    header_.id = query.header.id;
    header_.flags =
        static_cast<std::uint16_t>(Header::qr | (query.header.flags & (0x7800 | Header::rd)));
    header_.count[0] = 1;
    out_.header(header_);
    out_.bytes(packet.subspan(wire::header_size, query.question_size));
  }

  void authoritative() noexcept { header_.flags |= Header::aa; }
  void refuse() noexcept {
    header_.flags = static_cast<std::uint16_t>(header_.flags & ~Header::aa);
    rcode_ = Rcode::refused;
  }
  void rcode(Rcode code) noexcept { rcode_ = code; }
  bool ok() const noexcept { return out_.ok(); }
  std::size_t position() const noexcept { return out_.size(); }
  wire::Writer& writer() noexcept { return out_; }
  void counted(std::size_t section, std::uint16_t records) noexcept {
    header_.count[section] = static_cast<std::uint16_t>(header_.count[section] + records);
  }

  // Records whose owner is the name that stands at `owner` in the message.
  void rrset(std::size_t section, WireRrsetView set, std::size_t owner) noexcept {
    const std::size_t begin = out_.size();
    out_.bytes(std::as_bytes(std::span(set.wire)));
    if (!out_.ok()) return;
    counted(section, set.count);
    if (owner == wire::header_size) return;
    for (std::size_t at = begin; at < out_.size();) {
      out_.patch16(at, static_cast<std::uint16_t>(0xc000U | owner));
      at += address_rr + read16(out_.written(), at + 10);
    }
  }

  // Additional records may be left out when there is no room (RFC 2181 9).
  void optional_rrset(WireRrsetView set, std::size_t owner) noexcept {
    if (!out_.ok() || set.empty()) return;
    const std::size_t begin = out_.size();
    rrset(3, set, owner);
    if (!out_.ok()) out_.rewind(begin);
  }

  DnsAnswer finish(std::span<std::byte> out) noexcept {
    DnsAnswer done;
    done.rcode = rcode_;
    if (!out_.ok()) {
      out_.rewind(wire::header_size + query_.question_size);
      header_.count[1] = header_.count[2] = header_.count[3] = 0;
      header_.flags |= Header::tc;
      done.truncated = true;
    }
    const std::size_t body = out_.size();
    wire::Writer whole(out);
    if (query_.has_edns) ++header_.count[3];
    header_.flags =
        static_cast<std::uint16_t>(header_.flags | (static_cast<unsigned>(rcode_) & 0x0f));
    whole.header(header_);
    done.size = body;
    if (query_.has_edns) {
      wire::Writer tail(out.subspan(body));
      wire::Edns edns;
      edns.size = max_udp_answer;
      edns.extended_rcode = static_cast<std::uint8_t>(static_cast<unsigned>(rcode_) >> 4);
      edns.dnssec_ok = query_.edns.dnssec_ok;
      wire::put_opt(tail, edns);
      done.size += tail.size();
    }
    return done;
  }

 private:
  // What the answer may take, without our OPT.
  static std::span<std::byte> room_of(const Query& query, DnsTransport transport,
                                      std::span<std::byte> out) noexcept {
    std::size_t most = wire::max_message;
    if (transport == DnsTransport::udp) {
      most = query.has_edns
                 ? std::clamp<std::size_t>(query.edns.size, min_udp_answer, max_udp_answer)
                 : min_udp_answer;
    }
    most = std::min(most, out.size());
    return out.first(most - (query.has_edns ? opt_size : 0));
  }

  const Query& query_;
  wire::Writer out_;
  Header header_;
  Rcode rcode_ = Rcode::noerror;
};

void answer_any(Answer& answer) noexcept {
  // RFC 8482 4.2: something true and small.
  auto& out = answer.writer();
  out.pointer(wire::header_size);
  out.u16(wire::type::hinfo);
  out.u16(wire::klass::in);
  out.u32(zone_data_ttl);
  out.u16(9);
  wire::put_string(out, "RFC8482");
  wire::put_string(out, "");
  answer.counted(1, 1);
}

// The SOA of the closest zone above the name that stands at `owner`; RFC 2308 3.
void add_soa(Answer& answer, const ZoneSnapshot::Enclosing& zone, const wire::LookupName& name,
             std::size_t owner) noexcept {
  answer.rrset(2, zone.apex->soa_negative, owner + name.start[zone.label]);
}

void answer_apex(Answer& answer, std::uint16_t type, const ZoneApex& apex,
                 const ZoneSnapshot& zones, std::size_t owner) noexcept {
  if (type == wire::type::soa) return answer.rrset(1, apex.soa, owner);
  const std::size_t begin = answer.position();
  answer.rrset(1, apex.ns, owner);
  for (const auto& host : apex.glue) {
    wire::LookupName name;
    name.assign(host.name.wire());
    const auto* node = zones.find(name);
    if (node == nullptr) continue;
    answer.optional_rrset(node->records.a(), begin + host.rdata_at);
    answer.optional_rrset(node->records.aaaa(), begin + host.rdata_at);
  }
}

WireRrsetView rrset_of(const ZoneNode& node, std::uint16_t type) noexcept {
  if (type == wire::type::a) return node.records.a();
  if (type == wire::type::aaaa) return node.records.aaaa();
  if (type == wire::type::cname) return node.records.cname();
  return {};
}

// A name, followed through CNAMEs as far as our zones go.
void answer_name(Answer& answer, const Query& query, const ZoneSnapshot& zones) noexcept {
  answer.authoritative();
  wire::LookupName target;
  const auto* name = &query.name;
  std::size_t owner = wire::header_size;
  std::array<const ZoneNode*, max_hops> seen{};
  for (std::size_t hops = 0;; ++hops) {
    const auto* node = zones.find(*name);
    if (node != nullptr) {
      if (query.type == wire::type::any && node->has_records()) return answer_any(answer);
      if (node->apex) {
        if (query.type == wire::type::any) return answer_any(answer);
        if (query.type == wire::type::soa || query.type == wire::type::ns) {
          return answer_apex(answer, query.type, *node->apex, zones, owner);
        }
      }
      const auto set = rrset_of(*node, query.type);
      if (!set.empty()) return answer.rrset(1, set, owner);
      const auto cname = node->records.cname();
      if (!cname.empty()) {
        if (hops == max_hops || std::find(seen.begin(), seen.end(), node) != seen.end()) return;
        seen[hops] = node;
        const std::size_t begin = answer.position();
        answer.rrset(1, cname, owner);
        if (!answer.ok()) return;
        owner = begin + address_rr;
        const auto rdata = std::span(cname.wire).subspan(address_rr);
        target.assign({reinterpret_cast<const std::uint8_t*>(rdata.data()), rdata.size()});
        name = &target;
        continue;
      }
    }
    const auto zone = zones.enclosing_zone(*name);
    if (zone.apex == nullptr) {
      if (hops == 0) answer.refuse();  // not ours
      return;                          // a chain that leads out of our zones is complete as it is
    }
    if (node == nullptr)
      answer.rcode(Rcode::nxdomain);  // of the last name of the chain, RFC 6604 3
    return add_soa(answer, zone, *name, owner);
  }
}

void answer_chaos(Answer& answer, const Query& query, const ChaosTexts& texts) noexcept {
  using namespace std::string_view_literals;
  const std::string_view name(reinterpret_cast<const char*>(query.name.bytes.data()),
                              query.name.size);
  const std::string* text = nullptr;
  if (name == "\7version\4bind\0"sv || name == "\7version\6server\0"sv) text = &texts.version;
  if (name == "\2id\6server\0"sv || name == "\10hostname\4bind\0"sv) text = &texts.id;
  const bool wanted = query.type == wire::type::txt || query.type == wire::type::any;
  if (text == nullptr || text->empty() || text->size() > 255 || !wanted) return answer.refuse();
  answer.authoritative();
  auto& out = answer.writer();
  out.pointer(wire::header_size);
  out.u16(wire::type::txt);
  out.u16(wire::klass::chaos);
  out.u32(0);
  out.u16(static_cast<std::uint16_t>(text->size() + 1));
  wire::put_string(out, *text);
  answer.counted(1, 1);
}

DnsAnswer header_only(const Header& asked, Rcode rcode, std::span<std::byte> out) noexcept {
  Header header;
  header.id = asked.id;
  header.flags = static_cast<std::uint16_t>(Header::qr | (asked.flags & (0x7800 | Header::rd)) |
                                            static_cast<unsigned>(rcode));
  wire::Writer writer(out);
  writer.header(header);
  DnsAnswer done;
  done.size = writer.size();
  done.rcode = rcode;
  return done;
}

}  // namespace

DnsAnswer answer_packet(std::span<const std::byte> packet, DnsTransport transport,
                        const ZoneSnapshot& zones, std::span<std::byte> out,
                        const ChaosTexts& chaos) noexcept {
  Query query;
  const auto header = wire::Reader(packet).header();
  if (!header || header->has(Header::qr)) return {};  // never answer an answer
  query.header = *header;
  if (header->opcode() != static_cast<std::uint8_t>(wire::Opcode::query)) {
    auto done = header_only(*header, Rcode::notimp, out);
    done.notify = header->opcode() == static_cast<std::uint8_t>(wire::Opcode::notify);
    return done;
  }
  if (!parse(packet, query)) return header_only(*header, Rcode::formerr, out);

  Answer answer(packet, query, transport, out);
  if (query.has_edns && query.edns.version > 0) {
    answer.rcode(Rcode::badvers);
  } else if (query.klass == wire::klass::chaos) {
    answer_chaos(answer, query, chaos);
  } else if ((query.klass != wire::klass::in && query.klass != wire::klass::any) ||
             query.type == wire::type::axfr || query.type == wire::type::ixfr) {
    answer.refuse();
  } else {
    answer_name(answer, query, zones);
  }
  return answer.finish(out);
}

std::size_t slip_answer(std::span<std::byte> answer) noexcept {
  wire::Reader reader(answer);
  auto header = reader.header();
  if (!header) return 0;
  header->flags |= Header::tc;
  std::size_t size = wire::header_size;
  if (header->count[0] == 1 && reader.question()) size = reader.position();
  header->count[1] = header->count[2] = header->count[3] = 0;
  wire::Writer writer(answer);
  writer.header(*header);
  return size;
}

}  // namespace hotswapd
