// Connections whose verdict is in and whose peer was told that we leave: closed when the peer has
// closed, or soon.
#pragma once

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <vector>

#include "net/poller.hpp"

namespace hotswapd {

// A connection that ends in a reset loses what was sent before it, and the peer notes a lost
// connection for each probe. So the descriptor waits for the peer's close (which leaves TIME_WAIT
// to the peer): for a second, and among 128 of one loop at most. Then it is closed in order,
// without waiting. Lives on the thread of its io_context, like the poller.
class Farewells final : public asio::execution_context::service {
 public:
  static asio::execution_context::id id;
  static constexpr std::size_t most = 128;
  static constexpr Millis patience{1000};

  explicit Farewells(asio::execution_context& owner);
  ~Farewells() override;
  static Farewells& of(asio::io_context& context);

  // One connection that waits.
  class Place final : public Poller::Watch {
   public:
    explicit Place(Farewells& owner) noexcept : owner_(owner) {}
    // `fd` is watched by this place already; from here on it belongs to it.
    void take(int fd) noexcept;

   private:
    friend class Farewells;
    void ready(std::uint32_t events) override;
    void expired(Clock::duration late) override;
    void abandoned() override;
    void end() noexcept;

    Farewells& owner_;
    int fd_ = -1;
    std::size_t heard_ = 0;  // bytes, which nobody reads
  };

  // A free place, which has to be taken; nullptr when there is none.
  Place* find_place();
  std::size_t waiting() const noexcept { return places_.size() - free_.size(); }

 private:
  void shutdown() noexcept override;

  Poller& poller_;
  std::vector<std::unique_ptr<Place>> places_;
  std::vector<Place*> free_;
};

}  // namespace hotswapd
