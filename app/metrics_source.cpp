#include "app/metrics_source.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <utility>

namespace hotswapd {
namespace {

constexpr std::size_t scrapes_at_once = 4;
constexpr Millis loops_may_take{1'000};
constexpr Millis writing_may_take{1'000};

struct Loops {
  explicit Loops(const asio::any_io_executor& home) : all(home) {}
  asio::steady_timer all;
  std::size_t missing = 0;
  std::vector<std::optional<Micros>> lags;
};

struct Written {
  explicit Written(const asio::any_io_executor& home) : done(home) {}
  asio::steady_timer done;
  std::optional<std::string> text;
};

Micros since(TimePoint then) {
  return std::chrono::duration_cast<Micros>(Clock::now() - then);
}

// Linux 6.2 and newer say it in the size of the folder; before, its entries are counted.
std::optional<std::uint64_t> open_descriptors() {
  struct stat info {};
  if (::stat("/proc/self/fd", &info) != 0) return std::nullopt;
  if (info.st_size > 0) return static_cast<std::uint64_t>(info.st_size);
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), &::closedir);
  if (!folder) return std::nullopt;
  std::uint64_t count = 0;
  while (const auto* entry = ::readdir(folder.get())) count += entry->d_name[0] == '.' ? 0 : 1;
  return count - 1;  // the folder itself
}

void look_at_process(ProcessFigures& process) {
  process.open_descriptors = open_descriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) process.most_descriptors = limit.rlim_cur;
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    process.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/statm", "re"),
                                                             &std::fclose);
  unsigned long long all = 0;
  unsigned long long resident = 0;
  if (file && std::fscanf(file.get(), "%llu %llu", &all, &resident) == 2) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    process.virtual_bytes = all * page;
    process.resident_bytes = resident * page;
  }
}

}  // namespace

MetricsSource::MetricsSource(asio::any_io_executor home,
                             const std::vector<std::unique_ptr<Shard>>& shards,
                             std::function<MetricsInput()> gather)
    : home_(home), shards_(shards), gather_(std::move(gather)), background_(std::move(home)) {}

awaitable<std::optional<std::string>> MetricsSource::page() {
  std::optional<std::string> text;
  if (scrapes_ >= scrapes_at_once) co_return text;
  struct Leave {
    std::size_t& scrapes;
    ~Leave() { --scrapes; }
  };
  ++scrapes_;
  const Leave leave{scrapes_};
  auto loops = co_await ask_loops();
  MetricsInput input = gather_();
  input.loops = std::move(loops);
  text = co_await write(std::move(input));
  co_return text;
}

awaitable<std::vector<std::pair<std::string, Micros>>> MetricsSource::ask_loops() {
  const auto asked = Clock::now();
  const auto loops = std::make_shared<Loops>(home_);
  loops->missing = shards_.size() + 1;
  loops->lags.resize(loops->missing);
  loops->all.expires_at(asked + loops_may_take);
  const auto answer = [waits = std::weak_ptr<Loops>(loops)](std::size_t place, Micros lag) {
    const auto there = waits.lock();
    if (!there) return;
    there->lags[place] = lag;
    if (--there->missing == 0) there->all.cancel();
  };
  asio::post(home_, [answer, asked] { answer(0, since(asked)); });
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    asio::post(shards_[i]->context(), [home = home_, answer, asked, i] {
      asio::post(home, [answer, i, lag = since(asked)] { answer(i + 1, lag); });
    });
  }
  co_await loops->all.async_wait(nothrow);
  std::vector<std::pair<std::string, Micros>> lags;
  for (std::size_t i = 0; i < loops->lags.size(); ++i) {
    std::string name = "main";
    if (i > 0) name = shards_[i - 1]->name();
    lags.emplace_back(std::move(name), loops->lags[i].value_or(since(asked)));
  }
  co_return lags;
}

// Ten thousand series take their time: that is not the loop's.
awaitable<std::optional<std::string>> MetricsSource::write(MetricsInput input) {
  const auto written = std::make_shared<Written>(home_);
  written->done.expires_after(writing_may_take);
  const std::weak_ptr<Written> waits = written;
  background_.run([waits, input = std::move(input)]() mutable -> Background::Result {
    look_at_process(input.process);
    return [waits, text = metrics_text(input)]() mutable {
      const auto there = waits.lock();
      if (!there) return;
      there->text = std::move(text);
      there->done.cancel();
    };
  });
  co_await written->done.async_wait(nothrow);
  co_return std::move(written->text);
}

}  // namespace hotswapd
