#include "app/logging.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "core/timestamp.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t queued_lines = 8192;
constexpr Millis gathering{2};

// To wake this thread once for each line costs who logs more than the line does: when nothing is
// left to write it naps before it listens again.
class GatheringStderr final : public spdlog::sinks::stderr_sink_mt {
 public:
  void gather_from(spdlog::details::thread_pool& pool) noexcept { pool_ = &pool; }

  void flush() override {
    spdlog::sinks::stderr_sink_mt::flush();
    if (pool_ != nullptr && pool_->queue_size() == 0) std::this_thread::sleep_for(gathering);
  }

 private:
  spdlog::details::thread_pool* pool_ = nullptr;  // whose thread calls this
};

class StderrLogger final : public Logger {
 public:
  StderrLogger() : journald_(std::getenv("JOURNAL_STREAM") != nullptr) {
    pool_ = std::make_shared<spdlog::details::thread_pool>(queued_lines, 1);
    auto sink = std::make_shared<GatheringStderr>();
    sink->gather_from(*pool_);
    log_ = std::make_shared<spdlog::async_logger>("hotswapd", std::move(sink), pool_,
                                                  spdlog::async_overflow_policy::overrun_oldest);
    log_->set_pattern("%v");
    log_->flush_on(spdlog::level::info);
  }

  void log(LogLevel level, std::string_view id, std::string_view text) override {
    static constexpr const char* words[] = {"info", "warning", "error"};
    static constexpr const char* priorities[] = {"<6>", "<4>", "<3>"};
    const auto i = static_cast<std::size_t>(level);
    std::string line;
    if (journald_) {
      line = priorities[i];
    } else {
      const auto now = std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
      line = to_rfc3339_millis(now) + " " + words[i] + " ";
    }
    line += id;
    line += ' ';
    line += text;
    log_->info("{}", line);
  }

 private:
  bool journald_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> log_;
};

}  // namespace

std::unique_ptr<Logger> make_stderr_logger() {
  return std::make_unique<StderrLogger>();
}

}  // namespace hotswapd
