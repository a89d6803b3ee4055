// The seam between the control socket and what it controls: who implements ControlHandler supplies
// the commands.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <vector>

#include "api/control_protocol.hpp"
#include "core/error.hpp"

namespace hotswapd {

// Where the lines of one request go; the server's sessions are such sinks, a test may be another.
// Any thread.
class ControlSink {
 public:
  virtual ~ControlSink() = default;
  virtual void answer(std::string line, bool stream_follows) = 0;  // once
  virtual void event(std::string line) = 0;  // only after a stream was announced
  virtual bool open() const noexcept = 0;    // false once the client has left or was dropped
};

// The right to answer one request: exactly one of answer(), fail() and stream(), now or later.
// Copies share it; the second answer is dropped, and when the last copy goes without one, the
// client is told so. Any thread; once the server's stop() has completed it does nothing.
class ControlResponder {
 public:
  explicit ControlResponder(std::shared_ptr<ControlSink> sink);

  void answer(const boost::json::object& data) const;
  void fail(const Error& error, const std::vector<std::string>& errors = {}) const;

  // Begins a stream: answers with empty data, and every event() after it is a line of its own. Ends
  // when the client leaves; a client that does not keep up is dropped. Forget responders that are
  // no longer open() when adding one.
  void stream() const;
  void event(const boost::json::object& event) const;
  bool open() const noexcept;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

class ControlHandler {
 public:
  virtual ~ControlHandler() = default;
  // On the server's thread; must not block. An exception is answered as an internal error.
  virtual void handle(ControlRequest request, ControlResponder responder) = 0;
};

}  // namespace hotswapd
