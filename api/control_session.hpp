// One client of the control socket: requests in, one answer line each, in order; or a stream of
// events.
#pragma once

#include <atomic>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "api/control_handler.hpp"
#include "api/control_server.hpp"
#include "core/error.hpp"
#include "net/awaitable.hpp"

namespace hotswapd {

// Lives on the server's thread. Requests of one client are taken one after the other: the next line
// is read when the answer to the one before has been written.
class ControlSession : public std::enable_shared_from_this<ControlSession> {
 public:
  ControlSession(asio::local::stream_protocol::socket socket, std::string peer_user,
                 ControlHandler& handler, const ControlLimits& limits);
  ~ControlSession();

  // Ends when the client leaves, breaks a limit or is dropped, or when the task is cancelled.
  static awaitable<void> run(std::shared_ptr<ControlSession> self);

  // From the sinks, on the loop: lines of a request that is no longer the current one are dropped.
  void take_answer(std::uint64_t request, std::string line, bool stream_follows);
  void take_event(std::uint64_t request, std::string line);

 private:
  struct Answer {
    std::string line;
    bool stream_follows = false;
  };

  awaitable<result<std::string>> read_line();
  awaitable<error_code> write(std::string text);  // all of it, before the write deadline
  awaitable<result<Answer>> wait_for_answer();
  awaitable<void> stream();       // until the client leaves or is dropped
  awaitable<error_code> drain();  // what a watching client says is read and forgotten
  awaitable<error_code> pump_events();
  void ask(ControlRequest request);
  void drop() noexcept;

  asio::local::stream_protocol::socket socket_;
  const std::string peer_user_;
  ControlHandler& handler_;
  const ControlLimits limits_;
  asio::steady_timer wake_;  // cancelled when an answer or an event has come
  std::string input_;        // read, not yet taken as a line
  std::size_t scanned_ = 0;  // how much of input_ holds no line feed
  std::uint64_t request_ = 0;
  std::optional<Answer> answer_;
  std::deque<std::string> events_;
  std::size_t event_bytes_ = 0;
  std::shared_ptr<std::atomic<bool>> open_ = std::make_shared<std::atomic<bool>>(true);
};

}  // namespace hotswapd
