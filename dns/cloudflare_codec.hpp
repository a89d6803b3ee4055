// Cloudflare's API v4 for DNS records: calls made and replies understood. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/swap_plan.hpp"
#include "dns/generation_mark.hpp"
#include "net/http_call.hpp"

namespace hotswapd::cloudflare {

struct Api {
  std::string url;  // "https://api.cloudflare.com/client/v4"
  std::string zone_id;
  std::string token;
};

// One A, AAAA or CNAME as Cloudflare keeps it: a value with an id of its own.
struct Record {
  std::string id;
  RecordType type = RecordType::a;
  std::string value;  // as core/record.hpp writes it
  std::uint32_t ttl = 0;
  bool proxied = false;
  std::string comment;
};

HttpCall list_call(const Api& api, const std::string& name, int page, TimePoint deadline);

struct Page {
  std::vector<Record> records;
  int pages = 1;  // of the whole list
};
// Of a reply to list_call(), whatever its status. Records of other names and types are left out.
Fallible<Page> parse_page(const HttpCall& call, const HttpReply& reply, const std::string& name,
                          WallTime now);

// The zone behind the id: its name in lower case, and who serves it.
HttpCall zone_call(const Api& api, TimePoint deadline);
struct Zone {
  std::string name;
  std::vector<std::string> name_servers;
};
Fallible<Zone> parse_zone(const HttpCall& call, const HttpReply& reply, WallTime now);

// From the values that are there to those that are wanted, as one batch: a record that may stay is
// changed in place, so the name is never without one. Each carries the generation mark as its
// comment.
HttpCall batch_call(const Api& api, const SwapPlan& plan, const std::vector<Record>& before,
                    TimePoint deadline);
// Of a reply to batch_call(): done, or why not.
Fallible<void> parse_done(const HttpCall& call, const HttpReply& reply, WallTime now);

// What the records of a name say together. An error: what no service can have there.
struct Snapshot {
  std::optional<RecordSet> set;
  std::optional<GenerationMark> mark;  // the highest; `op` only where every record has it
};
Fallible<Snapshot> snapshot_of(const std::vector<Record>& records, const std::string& name);

}  // namespace hotswapd::cloudflare
