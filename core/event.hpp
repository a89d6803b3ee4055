// Everything worth telling a human: made by monitor/, worded by notifiers/, kept in the outbox
// until it is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/probe_result.hpp"
#include "core/record.hpp"
#include "core/time.hpp"

namespace hotswapd {

enum class EventKind : std::uint8_t {
  probe,   // one address's round: `state` is up, down or unk
  status,  // the service: `state` is unk, ok, trouble or failover
};

struct MonitorEvent {
  std::string id;  // stable and unique: a repetition carries the same (S18)
  EventKind kind = EventKind::status;
  RecordKey service;
  WallTime at;
  std::string state;
  std::string address;               // probe: the probed address; status: empty
  std::vector<std::string> serving;  // what DNS serves now
  std::uint32_t serial = 0;          // published zone serial, 0 when unknown
  // How sure we are that `serving` is what the world sees (S17): "read back", "proved",
  // "applied, not proved", "" before anything was written.
  std::string proof;
  std::string message;                 // clean text, may be empty
  std::vector<Micros> response_times;  // probe: of the round's attempts that got an answer
  // True when this is a change (delivery `change` tells only these); false for the repetitions that
  // `all` adds.
  bool change = true;
  // status: said besides the status, which did not change (the swap limit, a swap that is not
  // proved): `message` is what it is about.
  bool aside = false;
};

}  // namespace hotswapd
