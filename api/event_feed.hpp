// Events for the clients of /api/v1/events (Server-Sent Events): each has a bounded queue of its
// own, and is told what it missed.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "api/http_message.hpp"
#include "core/time.hpp"

namespace hotswapd {

struct FeedLimits {
  std::size_t clients = 64;
  std::size_t queued = 1000;  // events that wait for one client; beyond, the oldest is dropped
  std::size_t kept = 1000;    // for clients that come back with a Last-Event-ID
  std::size_t at_once = 64 * 1024;  // bytes of one write, and one event more
  Millis quiet = Millis(15'000);    // without an event: a comment
};

// Lives on the server's thread. `run` tells the ids of this process from those of another.
class EventFeed {
 public:
  EventFeed(asio::any_io_executor executor, std::string run, FeedLimits limits = {});
  ~EventFeed();

  void publish(std::string json);  // the text of one object, without line feeds

  // The events from now on; those since `last_event_id` too, as far as they are kept. Null: there
  // are as many clients as there may be.
  std::shared_ptr<HttpStream> subscribe(std::string_view last_event_id);
  void end_all();  // who still may comes back

  std::size_t clients();
  std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  struct Event {
    std::uint64_t number;
    std::shared_ptr<const std::string> json;
  };
  class Client;

  void offer(Client& client, const Event& event);
  std::uint64_t number_of(std::string_view id) const;  // 0: not one of this run

  asio::any_io_executor executor_;
  const std::string run_;
  const FeedLimits limits_;
  std::deque<Event> kept_;
  std::uint64_t last_ = 0;
  std::uint64_t dropped_ = 0;
  std::vector<std::weak_ptr<Client>> clients_;
};

}  // namespace hotswapd
