#include "net/poller.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace hotswapd {
namespace {

constexpr Clock::duration turn = Millis(4);

constexpr std::uint32_t everything = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

// A closed descriptor's events may still be in a batch, or come late while a forked child holds a
// copy: the generation tells them from those of the slot's next user.
std::uint64_t pack(std::uint32_t slot, std::uint32_t generation) noexcept {
  return (std::uint64_t{generation} << 32) | slot;
}

error_code last_error() noexcept {
  return {errno, boost::system::system_category()};
}

}  // namespace

asio::execution_context::id Poller::id;

Poller::Poller(asio::execution_context& owner)
    : asio::execution_context::service(owner),
      loop_(static_cast<asio::io_context&>(owner)),
      epoll_(loop_),
      timer_(loop_),
      scratch_(16 * 1024) {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) {
    broken_ = last_error();
    return;
  }
  epoll_.assign(fd, broken_);
  if (broken_) ::close(fd);
}

Poller::~Poller() = default;

Poller& Poller::of(asio::io_context& context) {
  return asio::use_service<Poller>(context);
}

void Poller::shutdown() noexcept {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Watch* const watch = slots_[i].watch;
    if (watch == nullptr) continue;
    remove(*watch);
    watch->abandoned();
  }
  error_code ignored;
  epoll_.close(ignored);
}

error_code Poller::add(Watch& watch, int fd, TimePoint deadline) {
  const std::uint32_t slot = take_slot();
  if (const error_code ec = register_fd(slot, fd, everything)) return ec;
  begin(watch, slot, deadline);
  return {};
}

error_code Poller::add_deadline(Watch& watch, TimePoint deadline) {
  if (broken_) return broken_;
  begin(watch, take_slot(), deadline);
  return {};
}

error_code Poller::attend(Watch& watch, int fd) {
  const std::uint32_t slot = take_slot();
  if (const error_code ec = register_fd(slot, fd, EPOLLIN)) return ec;
  slots_[slot].watch = &watch;
  watch.slot_ = slot;
  return {};
}

void Poller::move(Watch& from, Watch& to, TimePoint deadline) {
  const std::uint32_t slot = std::exchange(from.slot_, Watch::none);
  deadlines_.remove(from.due_);
  begin(to, slot, deadline);
}

void Poller::set_deadline(Watch& watch, TimePoint deadline) {
  if (watch.slot_ == Watch::none) return;
  deadlines_.remove(watch.due_);
  begin(watch, watch.slot_, deadline);
}

std::uint32_t Poller::take_slot() {
  if (free_.empty()) {
    slots_.emplace_back();
    free_.reserve(slots_.size());  // so that remove() never allocates
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

// On an error the slot is free again.
error_code Poller::register_fd(std::uint32_t slot, int fd, std::uint32_t events) {
  error_code why = broken_;
  epoll_event event{};
  event.events = events;
  event.data.u64 = pack(slot, slots_[slot].generation);
  if (!why && ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0) {
    why = last_error();
  }
  if (why) free_.push_back(slot);
  return why;
}

void Poller::begin(Watch& watch, std::uint32_t slot, TimePoint deadline) {
  slots_[slot].watch = &watch;
  watch.slot_ = slot;
  watch.due_.owner = &watch;
  watch.due_.deadline = deadline;
  deadlines_.add(watch.due_, deadline);
  // Most watches end long before their deadline: the timer is only moved by an earlier one, and
  // finds the next one when it fires.
  arm(DeadlineWheel::grid_point(deadline));
  if (!listening_ && !dispatching_) listen();
}

void Poller::remove(Watch& watch) noexcept {
  if (watch.slot_ == Watch::none) return;
  auto& slot = slots_[watch.slot_];
  slot.watch = nullptr;
  ++slot.generation;
  free_.push_back(std::exchange(watch.slot_, Watch::none));
  deadlines_.remove(watch.due_);
  if (!dispatching_ && deadlines_.size() == 0) rest();
}

void Poller::again(Watch& watch, int fd) noexcept {
  if (watch.slot_ == Watch::none) return;
  epoll_event event{};
  event.events = everything;
  event.data.u64 = pack(watch.slot_, slots_[watch.slot_].generation);
  ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, fd, &event);
}

// Hands out what is ready, for one turn: a handshake takes a good part of a millisecond, and the
// loop has other work than probes. True when something may be left.
bool Poller::dispatch() {
  dispatching_ = true;
  const TimePoint until = Clock::now() + turn;
  std::array<epoll_event, 64> events;
  bool more = true;
  do {
    const int count =
        ::epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      const auto slot = static_cast<std::uint32_t>(event.data.u64);
      const auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
      if (slot >= slots_.size() || slots_[slot].generation != generation) continue;
      if (Watch* const watch = slots_[slot].watch; watch != nullptr) watch->ready(event.events);
    }
    more = count == static_cast<int>(events.size());
  } while (more && Clock::now() < until);
  dispatching_ = false;
  return more;
}

void Poller::expire() {
  const TimePoint now = Clock::now();
  dispatching_ = true;
  while (auto* const node = deadlines_.pop(now)) {
    const auto& due = static_cast<Watch::Due&>(*node);
    Watch& watch = *due.owner;
    const auto late = now - due.deadline;
    // pop() took it out of the wheel; the rest of remove().
    auto& slot = slots_[watch.slot_];
    slot.watch = nullptr;
    ++slot.generation;
    free_.push_back(std::exchange(watch.slot_, Watch::none));
    watch.expired(late);
  }
  dispatching_ = false;
}

void Poller::drained() {
  if (deadlines_.size() == 0) {
    rest();
  } else if (!listening_) {
    listen();
  }
}

void Poller::listen() {
  listening_ = true;
  epoll_.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code ec) {
    listening_ = false;
    if (ec && deadlines_.size() == 0) return;
    dispatch();
    drained();
  });
}

void Poller::arm(TimePoint at) {
  if (at >= armed_) return;
  armed_ = at;
  timer_.expires_at(at);
  timer_.async_wait([this](error_code ec) {
    if (ec) return;  // moved, or at rest
    armed_ = TimePoint::max();
    // An answer that came in time is not overtaken by its deadline, unless answers never end.
    for (int turns = 0; turns < 8 && dispatch(); ++turns) {
    }
    expire();
    if (const auto next = deadlines_.next(Clock::now())) arm(*next);
    drained();
  });
}

void Poller::rest() noexcept {
  if (listening_) {
    error_code ignored;
    epoll_.cancel(ignored);
  }
  if (armed_ != TimePoint::max()) {
    armed_ = TimePoint::max();
    timer_.cancel();
  }
}

}  // namespace hotswapd
