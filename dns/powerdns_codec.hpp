// The HTTP API of PowerDNS: calls made and replies understood. Pure.
#pragma once

#include <string>

#include "core/error.hpp"
#include "core/swap_plan.hpp"
#include "dns/proof.hpp"
#include "net/http_call.hpp"

namespace hotswapd::powerdns {

struct Api {
  std::string url;  // "http://192.0.2.6:8081"
  std::string server_id = "localhost";
  std::string api_key;
};

// Everything at `name`, which is in `zone`.
HttpCall read_call(const Api& api, const std::string& zone, const std::string& name,
                   TimePoint deadline);

struct Found {
  // What is served: sets, texts, name servers at the name, and the zone's serial.
  AuthReply records;
  // "LUA", "ALIAS": makes answers that no set shows. "" is the rule.
  std::string maker;
};

// Of a 200 reply to a read_call().
Fallible<Found> parse_zone(const HttpCall& call, const HttpReply& reply, const std::string& name);

// The record, the one it replaces where that is of another type, and the generation record: one
// change that happens as a whole or not at all. `before`: what read_call() found at the name.
HttpCall write_call(const Api& api, const SwapPlan& plan, const Found& before, TimePoint deadline);

// What a reply that is no success says for people.
std::string said(const HttpReply& reply);

}  // namespace hotswapd::powerdns
