// The control socket: hands the requests of the operator's tool to a ControlHandler and carries its
// answers back.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "api/control_handler.hpp"
#include "core/error.hpp"
#include "core/time.hpp"
#include "net/awaitable.hpp"
#include "net/task_group.hpp"

namespace hotswapd {

struct ControlLimits {
  std::size_t line = 16 * 1024 * 1024;  // bytes of one request
  std::size_t clients = 64;
  Millis started_line = Seconds(30);  // to finish a line that was begun
  Millis idle = Seconds(600);         // between requests
  Millis answer = Seconds(60);        // for the handler
  Millis write = Seconds(30);         // for the client to take one answer or event
  std::size_t queued_events = 1024;   // of one watching client; beyond it the client is dropped
  std::size_t queued_bytes = 1024 * 1024;
};

struct ControlServerOptions {
  std::string path = "/run/hotswapd/control.sock";
  std::string group = "hotswapd";  // whose members may operate
  ControlLimits limits;
};

class ControlServer {
 public:
  // Makes the socket file; blocking, start-up only. `handler` must outlive the server.
  static Fallible<std::unique_ptr<ControlServer>> open(asio::any_io_executor executor,
                                                       ControlServerOptions options,
                                                       ControlHandler& handler,
                                                       TaskGroup::ExceptionSink on_exception);
  ~ControlServer();  // after stop() has completed, or when start() was never called; removes the
                     // file

  // What the operator should know of, such as a group that does not exist.
  const std::vector<std::string>& warnings() const noexcept;

  void start();            // on the executor's thread
  awaitable<void> stop();  // on the executor's thread; completes when the last client is gone
  std::size_t clients() const noexcept;  // on the executor's thread

 private:
  struct Impl;
  explicit ControlServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hotswapd
