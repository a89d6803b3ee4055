// Asks authoritative name servers directly, by UDP and where they say so by TCP, and reports what
// each one serves.
#pragma once

#include <vector>

#include "core/error.hpp"
#include "core/swap_plan.hpp"
#include "core/time.hpp"
#include "dns/proof.hpp"
#include "net/awaitable.hpp"
#include "net/endpoint.hpp"

namespace hotswapd {

// One question: a fresh connected socket and random id and case for each packet, two tries of a
// second each within the deadline, forgeries and strays ignored. The error is a sentence ("no
// answer within 2 s").
awaitable<Fallible<AuthReply>> ask_server(DnsEndpoint server, wire::Name name, std::uint16_t type,
                                          TimePoint deadline);
// The same of a resolver (RD=1).
awaitable<Fallible<AuthReply>> ask_resolver(DnsEndpoint server, wire::Name name, std::uint16_t type,
                                            TimePoint deadline);

// Does this server serve `want`, and which SOA serial has it? What UDP denies is asked by TCP, too.
awaitable<ServerEvidence> prove_on_server(DnsEndpoint server, RecordKey key, RecordSet want,
                                          TimePoint deadline);

// All of them side by side, in the order given. Completes by the deadline.
awaitable<std::vector<ServerEvidence>> prove_on_servers(std::vector<DnsEndpoint> servers,
                                                        RecordKey key, RecordSet want,
                                                        TimePoint deadline);

}  // namespace hotswapd
