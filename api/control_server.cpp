#include "api/control_server.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "api/control_peer.hpp"
#include "api/control_session.hpp"
#include "api/control_socket.hpp"

namespace hotswapd {
namespace {

using Socket = asio::local::stream_protocol::socket;

// Accepting fails for want of descriptors or memory: a pause, so that the loop does not spin.
constexpr Millis pause_after_failure{200};

// One short line into the empty buffer of a fresh connection: this neither blocks nor is cut.
void refuse(Socket& socket, const Error& error) {
  const std::string line = error_line(error);
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(line), ignored);
}

}  // namespace

struct ControlServer::Impl {
  Impl(asio::any_io_executor executor, ControlServerOptions o, ControlHandler& h, ControlSocket s,
       TaskGroup::ExceptionSink on_exception)
      : options(std::move(o)),
        handler(h),
        file(std::move(s)),
        acceptor(executor, asio::local::stream_protocol(), file.release_descriptor()),
        tasks(executor, std::move(on_exception)) {}

  awaitable<void> accept_clients();
  void welcome(Socket socket);
  awaitable<void> serve(std::shared_ptr<ControlSession> session);

  ControlServerOptions options;
  ControlHandler& handler;
  ControlSocket file;
  asio::local::stream_protocol::acceptor acceptor;
  std::size_t clients = 0;
  TaskGroup tasks;
};

awaitable<void> ControlServer::Impl::accept_clients() {
  co_await asio::this_coro::throw_if_cancelled(false);
  asio::steady_timer pause(acceptor.get_executor());
  for (;;) {
    auto [ec, socket] = co_await acceptor.async_accept(nothrow);
    if (tasks.stopping()) co_return;
    if (!ec) {
      welcome(std::move(socket));
      continue;
    }
    pause.expires_after(pause_after_failure);
    co_await pause.async_wait(nothrow);
    if (tasks.stopping()) co_return;
  }
}

void ControlServer::Impl::welcome(Socket socket) {
  const auto peer = peer_of(socket.native_handle());
  if (!peer) return refuse(socket, peer.error());
  if (auto why = refusal(*peer, file.policy())) {
    return refuse(socket, {errc::refused, std::move(*why)});
  }
  if (clients >= options.limits.clients) {
    return refuse(socket, {errc::unavailable, "the daemon has " + std::to_string(clients) +
                                                  " control clients already; close one"});
  }
  ++clients;
  tasks.spawn("control client",
              serve(std::make_shared<ControlSession>(std::move(socket), user_name(peer->uid),
                                                     handler, options.limits)));
}

awaitable<void> ControlServer::Impl::serve(std::shared_ptr<ControlSession> session) {
  struct Leave {
    std::size_t& clients;
    ~Leave() { --clients; }
  };
  const Leave leave{clients};
  co_await ControlSession::run(std::move(session));
}

Fallible<std::unique_ptr<ControlServer>> ControlServer::open(
    asio::any_io_executor executor, ControlServerOptions options, ControlHandler& handler,
    TaskGroup::ExceptionSink on_exception) {
  auto file = ControlSocket::open(options.path, options.group);
  if (!file) return file.error();
  auto impl = std::make_unique<Impl>(std::move(executor), std::move(options), handler,
                                     std::move(*file), std::move(on_exception));
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

ControlServer::ControlServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlServer::~ControlServer() = default;

const std::vector<std::string>& ControlServer::warnings() const noexcept {
  return impl_->file.warnings();
}

void ControlServer::start() {
  impl_->tasks.spawn("control listener", impl_->accept_clients());
}

awaitable<void> ControlServer::stop() {
  impl_->tasks.request_stop();
  error_code ignored;
  impl_->acceptor.close(ignored);
  co_await impl_->tasks.join();
}

std::size_t ControlServer::clients() const noexcept {
  return impl_->clients;
}

}  // namespace hotswapd
