// Writes delivery marks on a thread of its own, so that whoever tells never waits for the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_set>
#include <vector>

#include "core/error.hpp"
#include "core/time.hpp"
#include "notifiers/delivery_mark.hpp"

namespace hotswapd {

// Marks are written in the order they were given. While the disk refuses they stay in memory, and
// the file gets them when it can. A thread that hangs in the disk is left behind at the end.
class MarkWriter {
 public:
  // How it went, called on the writer's thread: first with number 0 for the opening of the file,
  // then after each mark with its number, and again with the last number when a disk that refused
  // has been tried again. A mark that could not be written has an error. It must not call back.
  using Written = std::function<void(std::uint64_t number, const Fallible<void>& result)>;

  MarkWriter(DeliveryMark marks, Written written);
  ~MarkWriter();  // waits for nothing
  MarkWriter(const MarkWriter&) = delete;
  MarkWriter& operator=(const MarkWriter&) = delete;

  // Queues what was told, all under one number, which rises from 1. Never blocks; beyond
  // DeliveryMark::default_slots the oldest that waits gives way, as in the file. Any thread.
  std::uint64_t mark(std::vector<std::int64_t> ids);
  // Marked by an earlier run. Any thread.
  bool knew(std::int64_t id) const { return known_.contains(id); }

  // Writes what is queued, until the deadline. Afterwards nobody is called any more.
  void close(TimePoint deadline);

 private:
  struct Shared;
  std::unordered_set<std::int64_t> known_;
  std::shared_ptr<Shared> shared_;  // the thread's as well, which may outlive us
  std::thread thread_;
};

}  // namespace hotswapd
