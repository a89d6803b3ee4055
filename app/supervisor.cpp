#include "app/supervisor.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <string>

#include "app/wall_clock.hpp"
#include "net/sleep.hpp"

namespace hotswapd {
namespace {

constexpr Millis look_every{500};
// A commit that has been waiting for so long means a stuck disk.
constexpr Millis stuck_after{2'000};
// The state directory is well again when it has been for so long: a small write may go through
// where the next swap's would not, and that is to be one alarm, not a storm.
constexpr Millis well_after{10'000};
// Files are read in milliseconds; a mount that hangs takes for ever.
constexpr Millis reload_hangs_after{10'000};

}  // namespace

awaitable<void> Supervisor::run() {
  // A local copy: g++ 12.2 compiles `co_await f(watched_.executor)` into a trap.
  const auto executor = watched_.executor;
  while (!co_await being_stopped()) {
    co_await sleep_for(executor, look_every);
    look();
  }
}

void Supervisor::look() {
  const auto health = watched_.store.health();
  look_at_disk(health);
  if (!health.set_aside.empty() && !set_aside_told_) {
    set_aside_told_ = true;
    watched_.log.log(
        LogLevel::error, "HS1002",
        "state set aside as " + health.set_aside + ": it could not be loaded at the start");
  }
  if (health.dropped > dropped_) {
    watched_.log.log(LogLevel::error, "HS1405",
                     "writes dropped because the disk does not keep up count=" +
                         std::to_string(health.dropped - dropped_));
    dropped_ = health.dropped;
  }
  if (watched_.reloader.reading_for(Clock::now()) > reload_hangs_after) {
    watched_.alarms.raise("HS1020", LogLevel::error,
                          "a reload hangs in reading the configuration or its secrets; the old "
                          "configuration goes on",
                          wall_now());
  } else {
    watched_.alarms.clear("HS1020", "HS1021", "the reload that hung has been read");
  }
}

void Supervisor::look_at_disk(const StoreHealth& health) {
  if (health.failing || health.oldest > stuck_after) {
    const auto why = health.failing ? "the journal cannot be written (" + health.why + ")"
                                    : "a write to the journal has been waiting for " +
                                          std::to_string(health.oldest.count()) + " ms";
    watched_.alarms.raise("HS1401", LogLevel::error,
                          "state not writable: " + why + "; no swap begins meanwhile", wall_now());
    watched_.monitor.block_writes(why);
    // A disk that answers with an error is asked again; one that does not answer has been asked
    // already.
    if (health.failing && health.queued == 0) watched_.monitor.try_disk();
    ill_at_ = Clock::now();
  } else {
    watched_.monitor.block_writes(std::nullopt);
    if (Clock::now() - ill_at_ > well_after)
      watched_.alarms.clear("HS1401", "HS1402", "state writable again");
  }
  if (health.reserve_missing) {
    watched_.alarms.raise("HS1403", LogLevel::error,
                          "the disk of the state directory has no room to keep a reserve for swaps",
                          wall_now());
  } else {
    watched_.alarms.clear("HS1403", "HS1402", "the reserve of the state directory is there again");
  }
}

awaitable<void> Supervisor::heartbeat(Millis interval) {
  const auto executor = watched_.executor;
  while (!co_await being_stopped()) {
    ++beat_;
    beat_missing_ = watched_.shards.size();
    for (const auto& shard : watched_.shards) {
      asio::post(shard->context(), [this, beat = beat_] {
        asio::post(watched_.executor, [this, beat] {
          if (beat == beat_ && --beat_missing_ == 0) watched_.manager.alive();
        });
      });
    }
    co_await sleep_for(executor, interval);
  }
}

}  // namespace hotswapd
