// Who serves a zone.
#include "dns/name_server_set.hpp"

#include <algorithm>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t most_servers = 64;

awaitable<Fallible<std::vector<std::string>>> in_zone_addresses(PrimaryLink& link, wire::Name name,
                                                                TimePoint deadline) {
  std::vector<PrimaryQuestion> questions;
  questions.push_back({name, wire::type::a});
  questions.push_back({name, wire::type::aaaa});
  const auto replies = co_await link.ask(std::move(questions), deadline);
  if (!replies) co_return replies.error();
  std::vector<std::string> out;
  for (const auto& reply : *replies) {
    for (const auto& set : reply.sets) {
      if (set.type != RecordType::cname)
        out.insert(out.end(), set.values.begin(), set.values.end());
    }
  }
  co_return out;
}

void take(NameServerSet& out, const std::string& name,
          const Fallible<std::vector<std::string>>& addresses) {
  const auto before = out.servers.size();
  if (addresses) {
    for (const auto& address : *addresses) {
      const auto at = DnsEndpoint::parse(address, 53);
      const bool fresh =
          at && std::find(out.servers.begin(), out.servers.end(), *at) == out.servers.end();
      if (fresh && out.servers.size() < most_servers) out.servers.push_back(*at);
    }
  }
  const bool none = addresses ? addresses->empty() : true;
  if (none && out.servers.size() == before) {
    out.unknown.emplace_back(
        clean(name),
        addresses ? "it has no address" : "its address is not known: " + addresses.error().text);
  }
}

}  // namespace

std::vector<ServerEvidence> NameServerSet::evidence() const {
  std::vector<ServerEvidence> out;
  for (const auto& [name, why] : unknown) {
    ServerEvidence line;
    line.server = name;
    line.detail = why;
    out.push_back(std::move(line));
  }
  if (servers.empty() && out.empty()) {
    ServerEvidence line;
    line.server = "the zone's name servers";
    line.detail = "are not known: " + (trouble.empty() ? "the zone names none" : trouble);
    out.push_back(std::move(line));
  }
  return out;
}

awaitable<NameServerSet> find_name_servers(PrimaryLink& link, std::string zone,
                                           const AddressLookup& lookup, TimePoint deadline) {
  NameServerSet out;
  const auto apex = wire::Name::from_text(zone);
  if (!apex) {
    out.trouble = clean(zone) + " is no name of a zone";
    co_return out;
  }
  std::vector<PrimaryQuestion> questions;
  questions.push_back({*apex, wire::type::ns});
  const auto replies = co_await link.ask(std::move(questions), deadline);
  if (!replies) {
    out.trouble = link.server().text() + " " + replies.error().text;
    co_return out;
  }
  for (const auto& name : replies->front().name_servers) {
    const auto text = lower(name.text());
    Fallible<std::vector<std::string>> addresses = Error{};
    if (name.is_under(*apex)) {
      addresses = co_await in_zone_addresses(link, name, deadline);
    } else {
      addresses = co_await lookup(text, deadline);
    }
    take(out, text, addresses);
  }
  co_return out;
}

awaitable<NameServerSet> find_addresses(std::vector<wire::Name> names, AddressLookup lookup,
                                        TimePoint deadline) {
  NameServerSet out;
  for (const auto& name : names) {
    const auto text = lower(name.text());
    const auto addresses = co_await lookup(text, deadline);
    take(out, text, addresses);
  }
  co_return out;
}

}  // namespace hotswapd
