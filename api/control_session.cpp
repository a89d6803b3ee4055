#include "api/control_session.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <utility>

#include "core/text.hpp"
#include "net/deadline.hpp"
#include "net/sleep.hpp"

namespace hotswapd {
namespace {

using Socket = asio::local::stream_protocol::socket;

// What a responder holds: it reaches the session on the session's own loop, and only while that is
// alive.
class SessionSink final : public ControlSink {
 public:
  SessionSink(asio::any_io_executor executor, std::weak_ptr<ControlSession> session,
              std::uint64_t request, std::shared_ptr<const std::atomic<bool>> open)
      : executor_(std::move(executor)),
        session_(std::move(session)),
        request_(request),
        open_(std::move(open)) {}

  void answer(std::string line, bool stream_follows) override {
    if (!*open_) return;  // and perhaps no loop any more
    asio::dispatch(executor_, [weak = session_, request = request_, text = std::move(line),
                               stream_follows]() mutable {
      if (auto session = weak.lock())
        session->take_answer(request, std::move(text), stream_follows);
    });
  }

  void event(std::string line) override {
    if (!*open_) return;
    asio::dispatch(executor_,
                   [weak = session_, request = request_, text = std::move(line)]() mutable {
                     if (auto session = weak.lock()) session->take_event(request, std::move(text));
                   });
  }

  bool open() const noexcept override { return *open_; }

 private:
  asio::any_io_executor executor_;
  std::weak_ptr<ControlSession> session_;
  std::uint64_t request_;
  std::shared_ptr<const std::atomic<bool>> open_;
};

awaitable<result<std::size_t>> read_some(Socket& socket, asio::mutable_buffer into) {
  auto [ec, bytes] = co_await socket.async_read_some(into, nothrow);
  if (ec) co_return ec;
  co_return bytes;
}

awaitable<result<std::size_t>> write_all(Socket& socket, asio::const_buffer from) {
  auto [ec, bytes] = co_await asio::async_write(socket, from, nothrow);
  if (ec) co_return ec;
  co_return bytes;
}

}  // namespace

ControlSession::ControlSession(Socket socket, std::string peer_user, ControlHandler& handler,
                               const ControlLimits& limits)
    : socket_(std::move(socket)),
      peer_user_(std::move(peer_user)),
      handler_(handler),
      limits_(limits),
      wake_(socket_.get_executor()) {}

ControlSession::~ControlSession() {
  *open_ = false;
}

awaitable<void> ControlSession::run(std::shared_ptr<ControlSession> self) {
  co_await asio::this_coro::throw_if_cancelled(false);
  for (;;) {
    auto line = co_await self->read_line();
    if (!line) {
      std::string farewell;
      if (line.error() == asio::error::message_size) {
        farewell =
            error_line({errc::invalid_argument, "the request is longer than " +
                                                    std::to_string(self->limits_.line) + " bytes"});
      } else if (line.error() == asio::error::timed_out) {
        farewell = error_line({errc::timed_out, "no complete request came in time"});
      } else if (line.error() == asio::error::eof && !self->input_.empty()) {
        farewell = error_line({errc::invalid_argument, "the request does not end in a newline"});
      }
      if (!farewell.empty()) co_await self->write(std::move(farewell));
      break;
    }
    auto request = parse_request(*line, self->peer_user_);
    std::string reply;
    bool stream_follows = false;
    if (!request) {
      reply = error_line(request.error());
    } else {
      self->ask(std::move(*request));
      auto answer = co_await self->wait_for_answer();
      if (!answer) break;  // we are being stopped
      reply = std::move(answer->line);
      stream_follows = answer->stream_follows;
    }
    const error_code written = co_await self->write(std::move(reply));
    if (written) break;
    if (stream_follows) {
      co_await self->stream();
      break;
    }
  }
  self->drop();
}

awaitable<result<std::string>> ControlSession::read_line() {
  std::array<char, 16 * 1024> piece;
  TimePoint deadline = Clock::now() + (input_.empty() ? limits_.idle : limits_.started_line);
  for (;;) {
    const auto end = input_.find('\n', scanned_);
    if (end != std::string::npos ? end > limits_.line : input_.size() > limits_.line) {
      co_return error_code(asio::error::message_size);
    }
    if (end != std::string::npos) {
      std::string line = input_.substr(0, end);
      input_ = input_.substr(end + 1);  // a new string: the room of a long line is given back
      scanned_ = 0;
      co_return line;
    }
    scanned_ = input_.size();
    if (co_await being_stopped()) co_return error_code(asio::error::operation_aborted);
    const auto into = asio::buffer(piece);
    auto bytes = co_await with_deadline(read_some(socket_, into), deadline, asio::error::timed_out);
    if (!bytes) co_return bytes.error();
    if (input_.empty()) deadline = Clock::now() + limits_.started_line;
    input_.append(piece.data(), *bytes);
  }
}

awaitable<error_code> ControlSession::write(std::string text) {
  if (co_await being_stopped()) co_return error_code(asio::error::operation_aborted);
  const auto from = asio::buffer(std::as_const(text));
  const TimePoint deadline = Clock::now() + limits_.write;
  auto bytes = co_await with_deadline(write_all(socket_, from), deadline, asio::error::timed_out);
  co_return bytes.has_value() ? error_code() : bytes.error();
}

void ControlSession::ask(ControlRequest request) {
  answer_.reset();
  ++request_;
  auto sink =
      std::make_shared<SessionSink>(socket_.get_executor(), weak_from_this(), request_, open_);
  const ControlResponder responder(std::move(sink));
  try {
    handler_.handle(std::move(request), responder);
  } catch (const std::exception& e) {
    responder.fail(
        {errc::internal, "the request failed by a defect of the daemon: " + clean(e.what())});
  }
}

awaitable<result<ControlSession::Answer>> ControlSession::wait_for_answer() {
  wake_.expires_after(limits_.answer);
  while (!answer_) {
    if (co_await being_stopped()) co_return error_code(asio::error::operation_aborted);
    auto [ec] = co_await wake_.async_wait(nothrow);
    if (answer_) break;
    if (ec) co_return ec;
    ++request_;  // what comes after this is too late
    answer_ = Answer{error_line({errc::unknown_fate,
                                 "no answer came in time; what was asked may still be done"}),
                     false};
  }
  Answer answer = std::move(*answer_);
  answer_.reset();
  co_return answer;
}

void ControlSession::take_answer(std::uint64_t request, std::string line, bool stream_follows) {
  if (request != request_ || answer_) return;
  answer_ = Answer{std::move(line), stream_follows};
  wake_.cancel();
}

void ControlSession::take_event(std::uint64_t request, std::string line) {
  if (request != request_ || !*open_) return;
  event_bytes_ += line.size();
  events_.push_back(std::move(line));
  if (events_.size() > limits_.queued_events || event_bytes_ > limits_.queued_bytes) {
    drop();
    return;
  }
  wake_.cancel();
}

awaitable<void> ControlSession::stream() {
  using namespace asio::experimental::awaitable_operators;
  if (co_await being_stopped()) co_return;
  // Either side ends it: the client has left, or it could not be written to.
  co_await (drain() || pump_events());
}

awaitable<error_code> ControlSession::drain() {
  co_await asio::this_coro::throw_if_cancelled(false);
  std::array<char, 1024> piece;
  const auto into = asio::buffer(piece);
  for (;;) {
    if (co_await being_stopped()) co_return error_code(asio::error::operation_aborted);
    auto [ec, bytes] = co_await socket_.async_read_some(into, nothrow);
    if (ec) co_return ec;
  }
}

awaitable<error_code> ControlSession::pump_events() {
  co_await asio::this_coro::throw_if_cancelled(false);
  while (*open_) {
    if (co_await being_stopped()) co_return error_code(asio::error::operation_aborted);
    if (events_.empty()) {
      wake_.expires_at(TimePoint::max());
      co_await wake_.async_wait(nothrow);
      continue;
    }
    std::string line = std::move(events_.front());
    events_.pop_front();
    event_bytes_ -= line.size();
    const error_code written = co_await write(std::move(line));
    if (written) co_return written;
  }
  co_return error_code(asio::error::connection_aborted);
}

void ControlSession::drop() noexcept {
  *open_ = false;
  error_code ignored;
  socket_.close(ignored);
  events_.clear();
  event_bytes_ = 0;
  wake_.cancel();
}

}  // namespace hotswapd
