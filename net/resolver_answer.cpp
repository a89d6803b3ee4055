// Reads answers to a stub resolver's questions.
#include "net/resolver_answer.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

namespace hotswapd {
namespace {

// Enough for every honest answer; the rest of a longer one is not looked at.
constexpr int records_read = 256;
constexpr std::size_t aliases_kept = 16;
constexpr std::size_t addresses_kept = 64;

struct Alias {
  wire::Name owner;
  wire::Name target;
  std::uint32_t ttl = 0;
};

struct Address {
  wire::Name owner;
  std::string text;
  std::uint32_t ttl = 0;
};

NameAnswer unusable(std::string trouble) {
  NameAnswer out;
  out.trouble = std::move(trouble);
  return out;
}

NameAnswer statement(NameState state) {
  NameAnswer out;
  out.state = state;
  return out;
}

std::uint8_t byte_at(std::span<const std::byte> data, std::size_t at) {
  return std::to_integer<std::uint8_t>(data[at]);
}

// Empty for an address that no target can have.
std::string address_text(std::span<const std::byte> rdata) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto zero = [](std::byte b) { return b == std::byte{0}; };
  if (rdata.size() == 4) {
    const auto first = byte_at(rdata, 0);
    if (first == 0 || first >= 224) return {};  // this network, multicast, reserved, broadcast
    ::inet_ntop(AF_INET, rdata.data(), text.data(), text.size());
    return text.data();
  }
  const bool low = std::all_of(rdata.begin(), rdata.begin() + 10, zero);
  const bool mapped = low && byte_at(rdata, 10) == 0xff && byte_at(rdata, 11) == 0xff;
  const bool unspecified = std::all_of(rdata.begin(), rdata.end(), zero);
  if (mapped || unspecified || byte_at(rdata, 0) == 0xff) return {};
  ::inet_ntop(AF_INET6, rdata.data(), text.data(), text.size());
  return text.data();
}

std::array<std::uint8_t, 17> order_of(const std::string& address) {
  std::array<std::uint8_t, 17> key{};
  key[0] = address.find(':') == std::string::npos ? 4 : 6;
  ::inet_pton(key[0] == 4 ? AF_INET : AF_INET6, address.c_str(), key.data() + 1);
  return key;
}

void put_in_order(std::vector<std::string>& addresses) {
  std::sort(addresses.begin(), addresses.end(),
            [](const auto& a, const auto& b) { return order_of(a) < order_of(b); });
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  if (addresses.size() > most_addresses) addresses.resize(most_addresses);
}

// RFC 2181 8: a TTL with the top bit set is none.
std::uint32_t ttl_of(const wire::Record& record) {
  return record.ttl > 0x7fffffffU ? 0 : record.ttl;
}

struct Answers {
  std::vector<Alias> aliases;
  std::vector<Address> addresses;
};

bool take(const wire::Record& record, const NameQuestion& question,
          std::span<const std::byte> message, Answers& into) {
  if (record.klass != wire::klass::in) return true;
  if (record.type == wire::type::cname) {
    // A compressed target points backwards, so the message up to the record's end is enough.
    wire::Reader reader(message.first(record.rdata_at + record.rdata.size()));
    if (!reader.bytes(record.rdata_at)) return false;
    const auto target = reader.name();
    if (!target || !reader.at_end()) return false;
    if (into.aliases.size() < aliases_kept)
      into.aliases.push_back({record.owner, *target, ttl_of(record)});
    return true;
  }
  if (record.type != question.type) return true;
  if (record.rdata.size() != (question.type == wire::type::a ? 4U : 16U)) return false;
  auto text = address_text(record.rdata);
  if (!text.empty() && into.addresses.size() < addresses_kept)
    into.addresses.push_back({record.owner, std::move(text), ttl_of(record)});
  return true;
}

// nullopt: malformed.
std::optional<Answers> take_all(wire::Reader& reader, const wire::Header& header,
                                const NameQuestion& question) {
  Answers found;
  for (int i = 0; i < header.count[1]; ++i) {
    if (i == records_read) break;
    const auto record = reader.record();
    if (!record || !take(*record, question, reader.message(), found)) return std::nullopt;
  }
  return found;
}

// An empty answer is a statement about the name, unless it only sends us on to other servers (RFC
// 2308 2.1).
bool refers(wire::Reader& reader, const wire::Header& header) {
  bool name_servers = false;
  for (int i = 0; i < std::min<int>(header.count[2], records_read); ++i) {
    const auto record = reader.record();
    if (!record) return true;
    if (record->type == wire::type::soa) return false;
    name_servers = name_servers || record->type == wire::type::ns;
  }
  return name_servers;
}

std::vector<std::byte> message_of(const NameQuestion& question, std::uint16_t flags) {
  std::vector<std::byte> out(wire::header_size + wire::max_name + 4 + 11);
  wire::Writer writer(out);
  wire::Header header;
  header.id = question.id;
  header.flags = flags;
  header.count[0] = 1;
  header.count[3] = question.edns ? 1 : 0;
  writer.header(header);
  writer.question({question.name, question.type, wire::klass::in});
  // For OPT the class is the size of datagrams that we take (RFC 6891 6.1.2).
  if (question.edns) writer.record(wire::Name(), wire::type::opt, largest_datagram, 0, {});
  out.resize(writer.size());
  return out;
}

}  // namespace

std::vector<std::byte> encode(const NameQuestion& question) {
  return message_of(question, wire::Header::rd);
}

bool refuses_barely(const NameQuestion& question, std::span<const std::byte> message) noexcept {
  wire::Reader reader(message);
  const auto header = reader.header();
  if (!header || header->id != question.id || !header->has(wire::Header::qr) ||
      header->opcode() != 0 || header->count[0] != 0 || header->count[1] != 0) {
    return false;
  }
  switch (static_cast<wire::Rcode>(header->rcode())) {
    case wire::Rcode::formerr:
    case wire::Rcode::servfail:
    case wire::Rcode::notimp:
    case wire::Rcode::refused:
      return true;
    default:
      return false;
  }
}

bool may_lack_edns(const NameQuestion& question, wire::Rcode rcode) noexcept {
  return question.edns && (rcode == wire::Rcode::formerr || rcode == wire::Rcode::notimp);
}

std::vector<std::byte> refusal(const NameQuestion& question, wire::Rcode rcode) {
  return message_of(question, static_cast<std::uint16_t>(wire::Header::qr | wire::Header::rd |
                                                         static_cast<unsigned>(rcode)));
}

Match match(const NameQuestion& question, std::span<const std::byte> message) noexcept {
  wire::Reader reader(message);
  const auto header = reader.header();
  if (!header || header->id != question.id || !header->has(wire::Header::qr) ||
      header->opcode() != 0 || header->count[0] != 1) {
    return Match::no;
  }
  const auto asked = reader.question();
  if (!asked || asked->type != question.type || asked->klass != wire::klass::in ||
      !(asked->name == question.name)) {
    return Match::no;
  }
  const auto ours = question.name.wire();
  return std::equal(ours.begin(), ours.end(), asked->name.wire().begin()) ? Match::yes
                                                                          : Match::other_case;
}

NameAnswer read_answer(const NameQuestion& question, std::span<const std::byte> message) {
  if (match(question, message) == Match::no) return unusable("gives a malformed answer");
  wire::Reader reader(message);
  const auto header = reader.header();
  const auto asked = reader.question();
  if (!header || !asked) return unusable("gives a malformed answer");
  const auto rcode = static_cast<wire::Rcode>(header->rcode());
  if (rcode != wire::Rcode::noerror && rcode != wire::Rcode::nxdomain)
    return unusable(std::string("answers ") + wire::to_string(rcode));

  auto found = take_all(reader, *header, question);
  if (!found) return unusable("gives a malformed answer");
  wire::Name name = question.name;
  std::uint32_t ttl = 0x7fffffffU;
  for (std::size_t hops = 0;; ++hops) {
    const auto alias = std::find_if(found->aliases.begin(), found->aliases.end(),
                                    [&](const Alias& a) { return a.owner == name; });
    if (alias == found->aliases.end()) break;
    if (hops == aliases_kept) return unusable("gives a loop of CNAME records");
    // RFC 2181 10.1: a name has one. Which of two would be meant nobody can say.
    const bool two = std::any_of(std::next(alias), found->aliases.end(), [&](const Alias& a) {
      return a.owner == name && !(a.target == alias->target);
    });
    if (two) return unusable("gives two CNAME records for one name");
    ttl = std::min(ttl, alias->ttl);
    name = alias->target;
  }
  NameAnswer out = statement(NameState::addresses);
  for (auto& address : found->addresses) {
    if (!(address.owner == name)) continue;
    ttl = std::min(ttl, address.ttl);
    out.addresses.push_back(std::move(address.text));
  }
  put_in_order(out.addresses);
  out.ttl = Seconds(ttl);
  if (!out.addresses.empty() && rcode == wire::Rcode::noerror) return out;

  if (!header->has(wire::Header::ra) && !header->has(wire::Header::aa))
    return unusable("does not resolve names for us (recursion is not offered)");
  if (rcode == wire::Rcode::nxdomain) return statement(NameState::no_name);
  if (header->count[1] > records_read) return unusable("gives too long an answer");
  if (refers(reader, *header)) return unusable("only refers to other name servers");
  return statement(NameState::no_address);
}

NameAnswer combine(NameAnswer a, NameAnswer aaaa) {
  const bool four = a.state == NameState::addresses;
  const bool six = aaaa.state == NameState::addresses;
  if (four && six) {
    std::move(aaaa.addresses.begin(), aaaa.addresses.end(), std::back_inserter(a.addresses));
    put_in_order(a.addresses);
    a.ttl = std::min(a.ttl, aaaa.ttl);
    return a;
  }
  if (four) return a;
  if (six) return aaaa;
  if (a.state == NameState::unusable) return a;
  if (aaaa.state == NameState::unusable) return aaaa;
  return a.state == NameState::no_name ? a : aaaa;
}

}  // namespace hotswapd
