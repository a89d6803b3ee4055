#include "net/command.hpp"

#include <sys/wait.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "core/error.hpp"
#include "net/background.hpp"
#include "net/places.hpp"
#include "net/sleep.hpp"
#include "net/spawn.hpp"

namespace hotswapd {
namespace {

using How = CommandEnd::How;

// One program from its start to its reaping. Held by its handlers; the coroutine that asked for it
// may have gone before.
class Run : public std::enable_shared_from_this<Run> {
 public:
  Run(const asio::any_io_executor& executor, Places::Place place, TimePoint deadline)
      : timer(executor, deadline),
        place_(std::move(place)),
        output_(executor),
        errors_(executor),
        process_(executor) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { kill_group(); }

  void started(Spawned& spawned) {
    if (spawned.pid == 0) {
      place_.give_back();
      end.trouble = std::move(spawned.trouble);
      finish(spawned.no_program ? How::no_program : How::not_started);
      return;
    }
    pid_ = std::exchange(spawned.pid, 0);
    process_.assign(std::exchange(spawned.process, -1));
    output_.assign(std::exchange(spawned.output, -1));
    errors_.assign(std::exchange(spawned.errors, -1));
    error_code ignored;
    output_.non_blocking(true, ignored);
    errors_.non_blocking(true, ignored);
    watch();
    if (finished) {
      give_up();
      return;
    }
    read_output();
    read_errors();
  }

  // Nobody waits any more: it is killed, and reaped when it has gone.
  void give_up() {
    finished = true;
    kill_group();
    close(output_);
    close(errors_);
  }

  asio::steady_timer timer;  // until the deadline; cancelled when `finished`
  bool finished = false;
  CommandEnd end;

 private:
  using Descriptor = asio::posix::stream_descriptor;

  static constexpr int most_reads = 16;

  void finish(How how) {
    if (finished) return;
    finished = true;
    end.how = how;
    timer.cancel();
  }

  void kill_group() noexcept {
    // The leader is not reaped yet, so the number is nobody else's.
    if (pid_ > 0) ::kill(-pid_, SIGKILL);
  }

  static void close(Descriptor& descriptor) {
    error_code ignored;
    descriptor.close(ignored);
  }

  void watch() {
    process_.async_wait(Descriptor::wait_read, [self = shared_from_this()](error_code ec) {
      if (!ec) self->ended();
    });
  }

  // Waited for first and read then: what has been read is always in its place when the program is
  // found to have ended.
  void listen(Descriptor& from, void (Run::*read)()) {
    from.async_wait(Descriptor::wait_read, [self = shared_from_this(), read](error_code ec) {
      if (!ec && !self->finished) ((*self).*read)();
    });
  }

  void read_output() {
    if (take_output()) listen(output_, &Run::read_output);
  }

  void read_errors() {
    if (take_errors()) listen(errors_, &Run::read_errors);
  }

  // A few buffers at a time, so that a flood leaves room for others. False: there will be no more.
  bool take_output() {
    for (int i = 0; i < most_reads; ++i) {
      error_code ec;
      const auto size = output_.read_some(asio::buffer(buffer_), ec);
      if (ec) return ec == asio::error::would_block;
      if (!keep_output(size)) return false;
    }
    return true;
  }

  bool take_errors() {
    for (int i = 0; i < most_reads; ++i) {
      error_code ec;
      const auto size = errors_.read_some(asio::buffer(buffer_), ec);
      if (ec) return ec == asio::error::would_block;
      keep_errors(size);
    }
    return true;
  }

  bool keep_output(std::size_t size) {
    end.output.append(buffer_.data(), size);
    if (end.output.size() <= CommandRunner::most_output) return true;
    end.output.clear();
    finish(How::flooded);
    return false;
  }

  void keep_errors(std::size_t size) {
    auto& errors = end.errors;
    errors.append(buffer_.data(), size);
    if (errors.size() > CommandRunner::most_errors)
      errors.erase(0, errors.size() - CommandRunner::most_errors);
  }

  void ended() {
    kill_group();  // what it left behind
    // What it said last lies in the pipes; no more than they hold.
    for (int i = 0; i < most_reads && !finished; ++i) take_output();
    if (!finished) take_errors();
    siginfo_t how{};
    const auto id = static_cast<id_t>(std::exchange(pid_, 0));
    if (::waitid(P_PID, id, &how, WEXITED | WNOHANG) != 0) how.si_code = CLD_EXITED;
    close(process_);
    close(output_);
    close(errors_);
    place_.give_back();
    end.status = how.si_status;
    finish(how.si_code == CLD_EXITED ? How::exited : How::signalled);
  }

  Places::Place place_;
  pid_t pid_ = 0;
  Descriptor output_;
  Descriptor errors_;
  Descriptor process_;
  std::array<char, 4096> buffer_;
};

}  // namespace

struct CommandRunner::State {
  State(const asio::any_io_executor& home, std::size_t at_once)
      : executor(home), places(home, at_once), background(home) {}

  void started(std::uint64_t number, Spawned& spawned) {
    const auto found = starting.find(number);
    const auto run = found->second;
    starting.erase(found);
    run->started(spawned);
  }

  asio::any_io_executor executor;
  Places places;
  std::uint64_t last = 0;
  std::map<std::uint64_t, std::shared_ptr<Run>> starting;
  Background background;
};

CommandRunner::CommandRunner(asio::any_io_executor executor, std::size_t at_once)
    : state_(std::make_shared<State>(executor, at_once)) {}

CommandRunner::~CommandRunner() = default;

awaitable<CommandEnd> CommandRunner::run(std::shared_ptr<const Command> command, std::string input,
                                         TimePoint deadline) {
  const auto state = state_;
  CommandEnd none;
  if (input.size() > most_input) {
    none.trouble = "the request is longer than " + std::to_string(most_input) + " bytes";
    co_return none;
  }
  auto place = co_await state->places.take(deadline);
  const bool stopped_early = co_await being_stopped();
  if (!place || stopped_early) {
    none.how = stopped_early ? How::not_started : How::no_place;
    none.trouble = stopped_early ? "the daemon is being stopped" : "";
    co_return none;
  }
  auto run = std::make_shared<Run>(state->executor, std::move(place), deadline);
  const auto number = ++state->last;
  state->starting.emplace(number, run);
  // On a thread: a program on a mount that hangs takes for ever to start.
  std::function<Background::Result()> start = [weak = std::weak_ptr<State>(state), number,
                                               command = std::move(command),
                                               input = std::move(input)] {
    auto spawned = std::make_shared<Spawned>();
    spawn(*command, input, *spawned);
    // Nobody there to take it over: its end kills it.
    return Background::Result([weak, number, spawned] {
      if (const auto there = weak.lock()) there->started(number, *spawned);
    });
  };
  state->background.run(std::move(start));
  if (!run->finished) co_await run->timer.async_wait(nothrow);
  if (!run->finished) {
    run->end.how = co_await being_stopped() ? How::stopped : How::timed_out;
    run->give_up();
  } else if (run->end.how == How::flooded) {
    run->give_up();
  }
  co_return std::move(run->end);
}

}  // namespace hotswapd
