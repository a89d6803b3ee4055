#include "notifiers/mark_writer.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace hotswapd {
namespace {

// A disk that refuses is asked again after so long, also when nothing is told.
constexpr Seconds again{2};

}  // namespace

struct MarkWriter::Shared {
  struct Told {
    std::uint64_t number = 0;
    std::vector<std::int64_t> ids;
  };

  explicit Shared(DeliveryMark m, Written w) : marks(std::move(m)), written(std::move(w)) {}

  void run();
  void report(std::uint64_t number, const Fallible<void>& result);

  DeliveryMark marks;  // the thread's own
  std::mutex mutex;
  std::condition_variable changed;
  // Under the mutex.
  std::deque<Told> queue;
  std::uint64_t next = 1;
  Written written;  // none: abandoned
  bool closing = false;
  bool ended = false;
};

// Under the mutex: after close() nobody is called.
void MarkWriter::Shared::report(std::uint64_t number, const Fallible<void>& result) {
  const std::lock_guard held(mutex);
  if (written) written(number, result);
}

void MarkWriter::Shared::run() {
  std::uint64_t last = 0;
  Fallible<void> result = marks.save();
  report(last, result);
  std::unique_lock held(mutex);
  while (true) {
    const auto something = [this] { return closing || !queue.empty(); };
    if (result) {
      changed.wait(held, something);
    } else {
      changed.wait_for(held, again, something);
    }
    if (!written || (closing && queue.empty())) break;
    Told told;
    if (!queue.empty()) {
      told = std::move(queue.front());
      queue.pop_front();
      last = told.number;
    }
    held.unlock();
    result = {};
    for (const auto id : told.ids) {
      if (auto marked = marks.mark(id); !marked) result = std::move(marked);
    }
    if (told.ids.empty()) result = marks.save();
    report(last, result);
    held.lock();
  }
  ended = true;
  changed.notify_all();
}

MarkWriter::MarkWriter(DeliveryMark marks, Written written) {
  for (const auto id : marks.ring()) {
    if (id != 0) known_.insert(id);
  }
  shared_ = std::make_shared<Shared>(std::move(marks), std::move(written));
  thread_ = std::thread([shared = shared_] { shared->run(); });
}

MarkWriter::~MarkWriter() {
  close(Clock::now());
}

std::uint64_t MarkWriter::mark(std::vector<std::int64_t> ids) {
  const std::lock_guard held(shared_->mutex);
  if (shared_->queue.size() >= DeliveryMark::default_slots) shared_->queue.pop_front();
  shared_->queue.push_back({shared_->next, std::move(ids)});
  shared_->changed.notify_all();
  return shared_->next++;
}

void MarkWriter::close(TimePoint deadline) {
  if (!thread_.joinable()) return;
  std::unique_lock held(shared_->mutex);
  shared_->closing = true;
  shared_->changed.notify_all();
  const bool ended = shared_->changed.wait_until(held, deadline, [this] { return shared_->ended; });
  shared_->written = nullptr;
  held.unlock();
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();  // hangs in the disk
  }
}

}  // namespace hotswapd
