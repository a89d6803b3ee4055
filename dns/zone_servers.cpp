#include "dns/zone_servers.hpp"

#include <algorithm>
#include <utility>

#include "core/text.hpp"
#include "dns/prover.hpp"

namespace hotswapd {
namespace {

// Its fair share of the time that is left.
TimePoint share(TimePoint deadline, std::size_t left) {
  const auto now = Clock::now();
  return now + std::max(deadline - now, Clock::duration::zero()) / static_cast<int>(left);
}

awaitable<Fallible<std::vector<wire::Name>>> ask_for_names(std::vector<DnsEndpoint> resolvers,
                                                           wire::Name zone, TimePoint deadline) {
  std::string troubles = resolvers.empty() ? "no name server is configured to ask" : "";
  for (std::size_t i = 0; i < resolvers.size(); ++i) {
    const auto until = share(deadline, resolvers.size() - i);
    auto reply = co_await ask_resolver(resolvers[i], zone, wire::type::ns, until);
    if (reply && reply->rcode == wire::Rcode::noerror && !reply->name_servers.empty())
      co_return std::move(reply->name_servers);
    troubles += (troubles.empty() ? "" : "; ") + resolvers[i].text() + " ";
    troubles += !reply ? reply.error().text
                : reply->rcode == wire::Rcode::noerror
                    ? std::string("knows no NS of the zone")
                    : std::string("answers ") + wire::to_string(reply->rcode);
  }
  co_return Error{errc::unavailable, troubles};
}

awaitable<NameServerSet> find(ZoneServerSources sources, std::string zone, TimePoint deadline) {
  NameServerSet out;
  const auto apex = wire::Name::from_text(zone);
  if (!apex) {
    out.trouble = clean(zone) + " is no name of a zone";
    co_return out;
  }
  auto resolvers = sources.resolvers();
  const auto names_until = share(deadline, 2);
  auto names = co_await ask_for_names(std::move(resolvers), *apex, names_until);
  if (!names) {
    out.trouble = names.error().text;
    co_return out;
  }
  auto lookup = sources.lookup;
  auto list = std::move(*names);
  out = co_await find_addresses(std::move(list), std::move(lookup), deadline);
  co_return out;
}

}  // namespace

ProofServers::Find find_by_resolvers(ZoneServerSources sources) {
  return [sources = std::move(sources)](std::string zone, TimePoint deadline) {
    return find(sources, std::move(zone), deadline);
  };
}

}  // namespace hotswapd
