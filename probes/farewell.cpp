#include "probes/farewell.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace hotswapd {
namespace {

// The answer to QUIT has a line or two.
constexpr std::size_t most_heard = 16'384;

}  // namespace

asio::execution_context::id Farewells::id;

Farewells::Farewells(asio::execution_context& owner)
    : asio::execution_context::service(owner),
      poller_(Poller::of(static_cast<asio::io_context&>(owner))) {}

Farewells::~Farewells() = default;

Farewells& Farewells::of(asio::io_context& context) {
  return asio::use_service<Farewells>(context);
}

void Farewells::shutdown() noexcept {
  for (const auto& place : places_) {
    if (place->fd_ >= 0) place->end();
  }
}

Farewells::Place* Farewells::find_place() {
  if (free_.empty()) {
    if (places_.size() == most) return nullptr;
    places_.push_back(std::make_unique<Place>(*this));
    free_.reserve(places_.size());  // so that end() never allocates
    free_.push_back(places_.back().get());
  }
  Place* const place = free_.back();
  free_.pop_back();
  return place;
}

void Farewells::Place::take(int fd) noexcept {
  fd_ = fd;
  heard_ = 0;
  ready(EPOLLIN);  // what came before raises no event any more
}

void Farewells::Place::ready(std::uint32_t) {
  std::array<char, 512> unread;
  while (heard_ < most_heard) {
    const auto n = ::recv(fd_, unread.data(), unread.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) break;
    heard_ += static_cast<std::size_t>(n);
  }
  end();
}

void Farewells::Place::expired(Clock::duration) {
  end();
}

void Farewells::Place::abandoned() {
  end();
}

void Farewells::Place::end() noexcept {
  owner_.poller_.remove(*this);
  ::close(std::exchange(fd_, -1));
  owner_.free_.push_back(this);
}

}  // namespace hotswapd
