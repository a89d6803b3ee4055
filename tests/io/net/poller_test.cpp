// The poller's watches beyond one descriptor with one deadline: deadlines alone, descriptors that
// serve many, and descriptors that change hands.
#include "net/poller.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

namespace hotswapd {
namespace {

class Notes final : public Poller::Watch {
 public:
  int readied = 0;
  int expired_after = 0;  // how many were ready before
  int expirations = 0;
  int abandonments = 0;
  std::function<void(std::uint32_t)> on_ready;

 private:
  void ready(std::uint32_t events) override {
    ++readied;
    if (on_ready) on_ready(events);
  }
  void expired(Clock::duration) override {
    ++expirations;
    expired_after = readied;
  }
  void abandoned() override { ++abandonments; }
};

struct Pair {
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0); }
  ~Pair() {
    for (const int fd : ends) ::close(fd);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  void say() const { EXPECT_EQ(::write(ends[1], "x", 1), 1); }
  void hear() const {
    char byte = 0;
    EXPECT_EQ(::read(ends[0], &byte, 1), 1);
  }
  std::array<int, 2> ends{};
};

TEST(Poller, ADeadlineNeedsNoDescriptor) {
  asio::io_context context(1);
  auto& poller = Poller::of(context);
  Notes early;
  Notes late;
  Notes removed;
  const TimePoint began = Clock::now();
  EXPECT_FALSE(poller.add_deadline(late, began + Millis(60)));
  EXPECT_FALSE(poller.add_deadline(early, began + Millis(20)));
  EXPECT_FALSE(poller.add_deadline(removed, began + Seconds(60)));
  EXPECT_EQ(poller.watching(), 3u);
  poller.remove(removed);
  poller.remove(removed);
  context.run();  // ends with the last deadline
  EXPECT_GE(Clock::now() - began, Millis(60));
  EXPECT_EQ(early.expirations, 1);
  EXPECT_EQ(late.expirations, 1);
  EXPECT_EQ(removed.expirations, 0);
  EXPECT_EQ(poller.watching(), 0u);
}

TEST(Poller, ADeadlineCanBeMovedBothWays) {
  asio::io_context context(1);
  auto& poller = Poller::of(context);
  Notes sooner;
  Notes later;
  const TimePoint began = Clock::now();
  EXPECT_FALSE(poller.add_deadline(sooner, began + Seconds(60)));
  EXPECT_FALSE(poller.add_deadline(later, began + Millis(20)));
  poller.set_deadline(sooner, began + Millis(40));
  poller.set_deadline(later, began + Millis(80));
  EXPECT_EQ(poller.watching(), 2u);
  while (sooner.expirations + later.expirations == 0) context.run_one();
  EXPECT_GE(Clock::now() - began, Millis(40));
  EXPECT_EQ(sooner.expirations, 1);
  context.run();
  EXPECT_GE(Clock::now() - began, Millis(80));
  EXPECT_EQ(later.expirations, 1);
  EXPECT_EQ(sooner.expirations, 1);
  poller.set_deadline(later, began + Seconds(60));  // it is watched no more
  EXPECT_EQ(poller.watching(), 0u);
}

TEST(Poller, AnAttendedDescriptorIsHeardButKeepsNoLoopRunning) {
  asio::io_context context(1);
  auto& poller = Poller::of(context);
  Pair pair;
  Notes attended;
  attended.on_ready = [&](std::uint32_t) { pair.hear(); };
  EXPECT_FALSE(poller.attend(attended, pair.ends[0]));
  EXPECT_EQ(poller.watching(), 0u);
  pair.say();
  pair.say();
  context.run();  // returns: nothing else is watched
  context.restart();
  const int before = attended.readied;
  Notes deadline;
  EXPECT_FALSE(poller.add_deadline(deadline, Clock::now() + Millis(50)));
  context.run();
  EXPECT_EQ(before, 0);
  EXPECT_EQ(attended.readied, 2) << "level-triggered: one byte was read a time";
  EXPECT_EQ(deadline.expirations, 1);
  poller.remove(attended);
}

TEST(Poller, AnHeirHearsTheDescriptorUntilItsOwnDeadline) {
  asio::io_context context(1);
  auto& poller = Poller::of(context);
  Pair pair;
  Notes first;
  Notes heir;
  const TimePoint began = Clock::now();
  EXPECT_FALSE(poller.add(first, pair.ends[0], began + Millis(20)));
  // As after an answer: the first watch hands over inside its ready().
  first.on_ready = [&](std::uint32_t events) {
    if ((events & EPOLLIN) == 0) return;
    pair.hear();
    poller.move(first, heir, began + Millis(80));
    pair.say();
  };
  int heard = 0;
  heir.on_ready = [&](std::uint32_t) {
    pair.hear();
    ++heard;
  };
  pair.say();
  context.run();
  EXPECT_EQ(heard, 1);
  EXPECT_EQ(first.expirations, 0);
  EXPECT_EQ(heir.expirations, 1);
  EXPECT_GE(Clock::now() - began, Millis(80));
}

TEST(Poller, ALoopThatEndsLetsGoOfEveryKind) {
  Pair pair;
  Pair other;
  Notes deadline;
  Notes attended;
  Notes first;
  Notes heir;
  {
    asio::io_context context(1);
    auto& poller = Poller::of(context);
    const TimePoint at = Clock::now() + Seconds(60);
    EXPECT_FALSE(poller.add_deadline(deadline, at));
    EXPECT_FALSE(poller.attend(attended, pair.ends[0]));
    EXPECT_FALSE(poller.add(first, other.ends[0], at));
    poller.move(first, heir, at);
  }
  EXPECT_EQ(deadline.abandonments, 1);
  EXPECT_EQ(attended.abandonments, 1);
  EXPECT_EQ(first.abandonments, 0);
  EXPECT_EQ(heir.abandonments, 1);
}

TEST(Poller, ADescriptorThatCannotBeWatchedIsAnError) {
  asio::io_context context(1);
  auto& poller = Poller::of(context);
  Notes watch;
  EXPECT_TRUE(poller.attend(watch, -1));
  EXPECT_TRUE(poller.add(watch, -1, Clock::now() + Seconds(60)));
  EXPECT_EQ(poller.watching(), 0u);
  EXPECT_FALSE(poller.add_deadline(watch, Clock::now() + Millis(10)));
  context.run();
  EXPECT_EQ(watch.expirations, 1);
}

}  // namespace
}  // namespace hotswapd
