// How monitor/ hands over what is to be told, without knowing syslog, mail or webhooks.
#pragma once

#include <cstdint>
#include <vector>

#include "core/event.hpp"
#include "core/service_spec.hpp"
#include "monitor/state_store.hpp"

namespace hotswapd {

// Lives on shard 0.
class Teller {
 public:
  virtual ~Teller() = default;

  // Adds the outbox rows of the events to the batch that makes them durable, and queues the
  // messages in order. What is queued waits for durable(), but no longer than two seconds: a disk
  // that does not answer silences nobody (rule S12). Events that are no change are told without
  // being stored.
  virtual std::vector<std::int64_t> prepare(const ServiceSpec& service,
                                            const std::vector<MonitorEvent>& events,
                                            Batch& batch) = 0;
  // The batch is on disk: the messages may leave.
  virtual void durable(const std::vector<std::int64_t>& ids) = 0;
  // The disk refused: they leave all the same (rule S12), and are not told again after a restart.
  virtual void not_durable(const std::vector<std::int64_t>& ids) = 0;
};

}  // namespace hotswapd
