// A number of places that coroutines take in turn and give back: how many of something go on at a
// time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>

#include "core/time.hpp"
#include "net/awaitable.hpp"

namespace hotswapd {

// Lives on one executor (one thread). First come, first served.
class Places {
  struct State;

 public:
  // One place; given back by its end. May outlive the Places.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&& other) noexcept;
    ~Place() { give_back(); }

    explicit operator bool() const noexcept { return state_ != nullptr; }
    void give_back() noexcept;

   private:
    friend class Places;
    explicit Place(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
  };

  Places(asio::any_io_executor executor, std::size_t count);

  // No place: the deadline passed first, or the task was cancelled (ask being_stopped()).
  awaitable<Place> take(TimePoint deadline);

  std::size_t waiting() const noexcept;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace hotswapd
