// Telling must not wait for a disk that does not answer, nor tell anything twice when it answers
// after all.
#include "app/outbox_teller.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace hotswapd {
namespace {

// A disk that hangs: every pwrite() of this program waits while it is held.
class Disk {
 public:
  void hold() { set(true); }
  void release() { set(false); }
  void pass() {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [this] { return !held_; });
  }

 private:
  void set(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    free_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable free_;
  bool held_ = false;
};

Disk& disk() {
  static auto* the_disk = new Disk;  // a thread that was left behind may still wait at the end
  return *the_disk;
}

}  // namespace
}  // namespace hotswapd

extern "C" ssize_t pwrite(int descriptor, const void* data, std::size_t size, off_t at) {
  hotswapd::disk().pass();
  return ::syscall(SYS_pwrite64, descriptor, data, size, at);
}

namespace hotswapd {
namespace {

// Keeps what it is asked to write, and answers only when the test says so.
class MuteStore final : public StateStore {
 public:
  struct Write {
    Batch batch;
    std::function<void(Fallible<void>)> done;
  };
  StoredState take_loaded() override { return {}; }
  void commit(Batch batch, std::function<void(Fallible<void>)> done) override {
    writes.push_back({std::move(batch), std::move(done)});
  }
  void history(RecordKey, std::size_t,
               std::function<void(Fallible<std::vector<TransitionRow>>)>) override {}
  void intents(RecordKey, std::size_t,
               std::function<void(Fallible<std::vector<IntentRow>>)>) override {}
  std::int64_t next_outbox_id() override { return next_id++; }
  StoreHealth health() const override { return {}; }
  void close(TimePoint) override {}

  std::vector<Write> writes;
  std::int64_t next_id = 1;
};

struct LinesLogger final : Logger {
  void log(LogLevel, std::string_view id, std::string_view text) override {
    lines.push_back(std::string(id) + " " + std::string(text));
  }
  std::vector<std::string> lines;
};

// A collector on loopback.
class Collector {
 public:
  Collector() : descriptor_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* where = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(descriptor_, where, size), 0);
    EXPECT_EQ(::getsockname(descriptor_, where, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;
  ~Collector() { ::close(descriptor_); }

  std::uint16_t port() const { return port_; }
  // The texts of all that came in so far: what stands behind "ident: ".
  const std::vector<std::string>& heard() {
    std::array<char, 2048> buffer{};
    for (;;) {
      const auto got = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
      if (got <= 0) return heard_;
      const std::string frame(buffer.data(), static_cast<std::size_t>(got));
      heard_.push_back(frame.substr(frame.find("t: ") + 3));
    }
  }

 private:
  int descriptor_;
  std::uint16_t port_ = 0;
  std::vector<std::string> heard_;
};

class OutboxTellerTest : public ::testing::Test {
 protected:
  OutboxTellerTest() {
    std::string folder = (std::filesystem::temp_directory_path() / "tellerXXXXXX").string();
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    service_.key = {"example.com", "www.example.com"};
    service_.telling.change([this](TellingSpec& telling) {
      SyslogSpec& syslog = telling.syslog;
      syslog.server = "127.0.0.1";
      syslog.port = collector_.port();
      syslog.ident = "t";
      syslog.delivery = SyslogDelivery::all;
      syslog.probe_fmt = syslog.status_fmt = "%sta";
    });
    open();
  }
  ~OutboxTellerTest() override {
    disk().release();
    if (teller_) stop();
    teller_.reset();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    auto mark = DeliveryMark::read((folder_ / "delivered").string());
    ASSERT_TRUE(mark.has_value());
    teller_ = std::make_unique<OutboxTeller>(context_.get_executor(), store_, std::move(*mark),
                                             log_, alarms_, SyslogSite{}, "host", row_may_take_,
                                             mark_may_take_);
  }
  void stop() {
    bool done = false;
    asio::co_spawn(context_, teller_->stop(Clock::now() + Seconds(1)),
                   [&done](const std::exception_ptr&) { done = true; });
    EXPECT_TRUE(until([&done] { return done; }));
  }

  // Runs the loop until the condition holds; at most 10 s.
  template <class Condition>
  bool until(Condition condition) {
    const TimePoint end = Clock::now() + Seconds(10);
    while (!condition() && Clock::now() < end) {
      context_.restart();
      context_.run_one_for(Millis(20));
    }
    return condition();
  }
  bool until_heard(std::size_t messages) {
    return until([this, messages] { return collector_.heard().size() >= messages; });
  }

  // As FailoverService does it: prepare, then commit. Returns what the disk is to answer for.
  std::vector<std::int64_t> happens(const std::string& state, bool change) {
    MonitorEvent event;
    event.id = event_.empty() ? "event-" + std::to_string(++events_) : event_;
    event.service = service_.key;
    event.at = std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
    event.state = state;
    event.change = change;
    Batch batch;
    auto ids = teller_->prepare(service_, {event}, batch);
    rows_.insert(rows_.end(), batch.outbox.begin(), batch.outbox.end());
    if (!batch.empty()) store_.commit(std::move(batch), [](const Fallible<void>&) {});
    return ids;
  }
  bool logged(const std::string& words) const {
    for (const auto& line : log_.lines) {
      if (line.find(words) != std::string::npos) return true;
    }
    return false;
  }
  std::vector<std::int64_t> deletions() const {
    std::vector<std::int64_t> out;
    for (const auto& write : store_.writes)
      out.insert(out.end(), write.batch.delivered.begin(), write.batch.delivered.end());
    return out;
  }

  using Words = std::vector<std::string>;
  using Ids = std::vector<std::int64_t>;
  Millis row_may_take_{50};
  Millis mark_may_take_{2'000};
  std::filesystem::path folder_;
  asio::io_context context_{1};
  Collector collector_;
  MuteStore store_;
  LinesLogger log_;
  Alarms alarms_{log_};
  ServiceSpec service_;
  int events_ = 0;
  std::string event_;  // the next one's id, where it matters
  std::vector<OutboxRow> rows_;
  std::unique_ptr<OutboxTeller> teller_;
};

TEST_F(OutboxTellerTest, ADiskThatNeverAnswersDoesNotSilenceTelling) {
  const TimePoint began = Clock::now();
  happens("trouble", true);
  happens("trouble", false);
  happens("failover", true);
  ASSERT_TRUE(until_heard(3));
  EXPECT_GE(Clock::now() - began, row_may_take_);
  EXPECT_EQ(collector_.heard(), (Words{"trouble", "trouble", "failover"}));
}

TEST_F(OutboxTellerTest, TheDisksLateAnswerTellsNothingTwice) {
  const auto first = happens("trouble", true);
  const auto second = happens("failover", true);
  ASSERT_TRUE(until_heard(2));
  teller_->durable(first);
  teller_->not_durable(second);
  teller_->durable(happens("ok", true));
  ASSERT_TRUE(until_heard(3));
  EXPECT_EQ(collector_.heard(), (Words{"trouble", "failover", "ok"}));
  // Behind the rows in the store's queue.
  ASSERT_TRUE(until([this] { return deletions().size() >= 3; }));
  EXPECT_EQ(deletions(), (Ids{1, 2, 3}));
  EXPECT_EQ(store_.writes[0].batch.outbox.size(), 1u);
  EXPECT_EQ(store_.writes[1].batch.outbox.size(), 1u);
}

TEST_F(OutboxTellerTest, ARowThatLandsLaterIsDeletedAtTheNextStartNotToldAgain) {
  happens("trouble", true);
  ASSERT_TRUE(until_heard(1));
  stop();
  open();
  store_.writes.clear();
  teller_->restore(rows_);
  EXPECT_EQ(deletions(), Ids{1});
  teller_->durable(happens("ok", true));
  ASSERT_TRUE(until_heard(2));
  EXPECT_EQ(collector_.heard(), (Words{"trouble", "ok"}));
}

TEST_F(OutboxTellerTest, ADeletionThatTheDiskRefusedIsAskedForAgain) {
  teller_->durable(happens("ok", true));
  ASSERT_TRUE(until([this] { return deletions().size() == 1; }));
  store_.writes.back().done(Error{errc::unavailable, "the queue is full"});
  EXPECT_TRUE(until([this] { return deletions().size() == 2; }));
  EXPECT_EQ(deletions(), (Ids{1, 1}));
}

TEST_F(OutboxTellerTest, TheFirstRoundOfManyServicesFits) {
  row_may_take_ = std::chrono::hours(1);
  stop();
  open();
  teller_->set_services(10'000);
  for (int i = 0; i < 10'000; ++i) {
    service_.key.fqdn = "w" + std::to_string(i) + ".example.com";
    for (int n = 0; n < 3; ++n) happens("ok", true);
  }
  stop();
  for (const auto& line : log_.lines) EXPECT_FALSE(line.starts_with("HS1503")) << line;
}

TEST_F(OutboxTellerTest, TheNextMessageWaitsUntilTheLastOnesMarkIsWritten) {
  mark_may_take_ = std::chrono::hours(1);
  stop();
  open();
  disk().hold();
  teller_->durable(happens("trouble", true));
  teller_->durable(happens("failover", true));
  ASSERT_TRUE(until_heard(1));
  asio::steady_timer a_while(context_, Millis(100));
  bool over = false;
  a_while.async_wait([&over](const error_code&) { over = true; });
  ASSERT_TRUE(until([&over] { return over; })) << "the loop must go on";
  EXPECT_EQ(collector_.heard(), Words{"trouble"});
  disk().release();
  ASSERT_TRUE(until_heard(2));
  EXPECT_EQ(collector_.heard(), (Words{"trouble", "failover"}));
}

TEST_F(OutboxTellerTest, ADiskThatHangsInAMarkIsAlarmedAndSilencesNobody) {
  mark_may_take_ = Millis(50);
  stop();
  open();
  disk().hold();
  for (const auto* state : {"trouble", "failover", "ok"}) teller_->durable(happens(state, true));
  const TimePoint began = Clock::now();
  ASSERT_TRUE(until_heard(3));
  EXPECT_GE(Clock::now() - began, mark_may_take_);
  EXPECT_TRUE(logged("HS1404 delivery mark not written: the disk has not answered for 50 ms"));
  EXPECT_FALSE(logged("HS1402"));
  disk().release();
  ASSERT_TRUE(until([this] { return logged("HS1402"); }));
  stop();
  open();
  store_.writes.clear();
  teller_->restore(rows_);
  EXPECT_EQ(deletions(), (Ids{1, 2, 3})) << "all were marked when the disk came back";
}

TEST_F(OutboxTellerTest, StoppingLeavesADiskThatHangsInAMarkBehind) {
  disk().hold();
  teller_->durable(happens("trouble", true));
  ASSERT_TRUE(until_heard(1));
  const TimePoint began = Clock::now();
  stop();
  teller_.reset();
  EXPECT_LT(Clock::now() - began, Seconds(5));
}

TEST_F(OutboxTellerTest, AMarkThatTheDiskRefusesIsWrittenWhenItIsWellAgain) {
  stop();
  std::filesystem::remove(folder_ / "delivered");
  std::filesystem::rename(folder_, folder_.string() + ".away");
  open();
  teller_->durable(happens("trouble", true));
  ASSERT_TRUE(until_heard(1));
  ASSERT_TRUE(until([this] { return logged("HS1404"); }));
  std::filesystem::rename(folder_.string() + ".away", folder_);
  ASSERT_TRUE(until([this] { return logged("HS1402"); })) << "nothing else is told meanwhile";
  stop();
  open();
  store_.writes.clear();
  teller_->restore(rows_);
  EXPECT_EQ(deletions(), Ids{1});
}

TEST_F(OutboxTellerTest, AnEventToldWithoutItsRowIsKnownToTheNextRun) {
  event_ = "0123456789abcdef:failover";
  happens("failover", true);  // the disk never answers
  ASSERT_TRUE(until_heard(1));
  stop();
  open();
  rows_.clear();
  EXPECT_EQ(happens("failover", true), Ids{}) << "the swap that was taken up again tells it";
  EXPECT_TRUE(rows_.empty());
  event_ = "0123456789abcdef:ok";
  teller_->durable(happens("ok", true));
  ASSERT_TRUE(until_heard(2));
  EXPECT_EQ(collector_.heard(), (Words{"failover", "ok"}));
}

TEST_F(OutboxTellerTest, AMessageWhoseRowGetsToTheDiskWhileStoppingIsTold) {
  row_may_take_ = std::chrono::hours(1);
  stop();
  open();
  const auto ids = happens("failover", true);
  asio::steady_timer slow_disk(context_, Millis(100));
  slow_disk.async_wait([this, ids](const error_code&) { teller_->durable(ids); });
  stop();
  EXPECT_EQ(collector_.heard(), Words{"failover"});
  EXPECT_EQ(deletions(), Ids{1});
}

}  // namespace
}  // namespace hotswapd
