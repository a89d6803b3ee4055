// Watches many short-lived descriptors of one event loop, each with a deadline, at the cost of a
// bare epoll loop.
#pragma once

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <span>
#include <vector>

#include "core/error.hpp"
#include "core/time.hpp"
#include "net/deadline_wheel.hpp"

namespace hotswapd {

namespace asio = boost::asio;

// One epoll set per io_context, watched by that io_context as a single descriptor. A probe's socket
// then costs one epoll_ctl and no Asio object, and all that became ready between two turns of the
// loop is dispatched in one go. Lives and is used on the thread of its io_context; keeps that loop
// running only while something is watched.
class Poller final : public asio::execution_context::service {
 public:
  // One descriptor with one deadline. Its functions may remove and destroy the watch, and add
  // others.
  class Watch {
   public:
    Watch() = default;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    virtual ~Watch() = default;

    // Edge-triggered: `events` are epoll's; read and write until EAGAIN.
    virtual void ready(std::uint32_t events) = 0;
    // The deadline has passed; the watch is in the poller no more. `late` is by how much the loop
    // missed it: what the target sent before was dispatched first, so a large value means that this
    // process did not run.
    virtual void expired(Clock::duration late) = 0;
    // The io_context is being destroyed: let go of everything that refers to it.
    virtual void abandoned() = 0;

   private:
    friend class Poller;
    struct Due : DeadlineWheel::Node {
      Watch* owner = nullptr;
      TimePoint deadline;
    };
    Due due_;
    std::uint32_t slot_ = none;
    static constexpr std::uint32_t none = 0xffffffff;
  };

  static asio::execution_context::id id;

  explicit Poller(asio::execution_context& owner);
  ~Poller() override;

  // The poller of this loop, made when it is first asked for.
  static Poller& of(asio::io_context& context);

  // Watches `fd` for everything (in, out, peer's half-close, errors) until remove() or the
  // deadline. The descriptor stays the caller's, who removes the watch before closing it. On an
  // error nothing is watched.
  error_code add(Watch& watch, int fd, TimePoint deadline);
  // Watches a deadline and no descriptor.
  error_code add_deadline(Watch& watch, TimePoint deadline);
  // Watches a descriptor that serves many for input and errors, level-triggered, without a deadline
  // and without keeping the loop running: it is heard while anything else is watched.
  error_code attend(Watch& watch, int fd);
  // Another watch takes over a descriptor with a deadline of its own; `from` is watched no more.
  void move(Watch& from, Watch& to, TimePoint deadline);
  // Another deadline for a watch that is in the poller.
  void set_deadline(Watch& watch, TimePoint deadline);
  void remove(Watch& watch) noexcept;  // nothing when it is not watched
  // Makes ready() come again if the descriptor is ready now: for a watch that stopped reading to
  // let others run.
  void again(Watch& watch, int fd) noexcept;

  // A buffer that any watch may use within one call of ready().
  std::span<char> scratch() noexcept { return scratch_; }

  asio::io_context& loop() noexcept { return loop_; }
  std::size_t watching() const noexcept { return deadlines_.size(); }

 private:
  struct Slot {
    Watch* watch = nullptr;
    std::uint32_t generation = 0;
  };

  void shutdown() noexcept override;
  std::uint32_t take_slot();
  error_code register_fd(std::uint32_t slot, int fd, std::uint32_t events);
  void begin(Watch& watch, std::uint32_t slot, TimePoint deadline);
  bool dispatch();
  void expire();
  void drained();
  void listen();
  void arm(TimePoint at);
  void rest() noexcept;

  asio::io_context& loop_;
  error_code broken_;  // epoll_create1 failed
  asio::posix::stream_descriptor epoll_;
  asio::steady_timer timer_;
  TimePoint armed_ = TimePoint::max();
  bool listening_ = false;
  bool dispatching_ = false;
  DeadlineWheel deadlines_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<char> scratch_;
};

}  // namespace hotswapd
