#include "api/control_handler.hpp"

#include <atomic>
#include <utility>

namespace hotswapd {

struct ControlResponder::Shared {
  explicit Shared(std::shared_ptr<ControlSink> s) : sink(std::move(s)) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  ~Shared() {
    if (answered) return;
    const Error error{errc::internal, "the daemon dropped the request without an answer"};
    sink->answer(error_line(error), false);
  }

  void answer_once(std::string line, bool stream_follows) {
    if (!answered.exchange(true)) sink->answer(std::move(line), stream_follows);
  }

  std::shared_ptr<ControlSink> sink;
  std::atomic<bool> answered = false;
};

ControlResponder::ControlResponder(std::shared_ptr<ControlSink> sink)
    : shared_(std::make_shared<Shared>(std::move(sink))) {}

void ControlResponder::answer(const boost::json::object& data) const {
  shared_->answer_once(answer_line(data), false);
}

void ControlResponder::fail(const Error& error, const std::vector<std::string>& errors) const {
  shared_->answer_once(error_line(error, errors), false);
}

void ControlResponder::stream() const {
  shared_->answer_once(answer_line({}), true);
}

void ControlResponder::event(const boost::json::object& event) const {
  if (shared_->sink->open()) shared_->sink->event(event_line(event));
}

bool ControlResponder::open() const noexcept {
  return shared_->sink->open();
}

}  // namespace hotswapd
