#include "api/http_server.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>
#include <exception>
#include <map>
#include <optional>

#include "core/text.hpp"
#include "net/deadline.hpp"

namespace hotswapd {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

// Accepting fails for want of descriptors or memory: a pause, so that the loop does not spin.
constexpr Millis pause_after_failure{200};

using Parser = http::request_parser<http::string_body>;
using Message = http::response<http::string_body>;

awaitable<result<std::size_t>> read_request(tcp::socket& socket, beast::flat_buffer& buffer,
                                            Parser& parser) {
  auto [ec, bytes] = co_await http::async_read(socket, buffer, parser, nothrow);
  if (ec) co_return ec;
  co_return bytes;
}

awaitable<result<std::size_t>> write_response(tcp::socket& socket, Message& message) {
  auto [ec, bytes] = co_await http::async_write(socket, message, nothrow);
  if (ec) co_return ec;
  co_return bytes;
}

std::optional<tcp::endpoint> parse_listen(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (bad != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  error_code ec;
  const auto address = asio::ip::make_address(std::string(host), ec);
  if (ec || address.is_v6() != bracketed) return std::nullopt;
  return tcp::endpoint(address, port);
}

// The status to answer a request with that could not be read; 0: there is nobody to answer.
unsigned status_of_bad_request(error_code ec) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) return 431;
  if (ec == http::error::body_limit) return 413;
  if (ec == http::error::end_of_stream || ec == http::error::partial_message) return 0;
  if (ec.category() == make_error_code(http::error::bad_method).category()) return 400;
  return 0;
}

HttpResponse plain(unsigned status) {
  HttpResponse response;
  response.status = status;
  response.body = std::string(http::obsolete_reason(static_cast<http::status>(status))) + "\n";
  return response;
}

Message as_message(HttpResponse response, unsigned version, bool head, bool keep_alive) {
  Message message(static_cast<http::status>(response.status), version);
  message.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(keep_alive);
  message.content_length(response.body.size());
  if (!head) message.body() = std::move(response.body);
  return message;
}

}  // namespace

struct HttpServer::Impl {
  Impl(asio::any_io_executor executor, HttpServerOptions o, HttpHandler& h,
       TaskGroup::ExceptionSink on_exception)
      : options(std::move(o)),
        handler(h),
        acceptor(executor),
        tasks(executor, std::move(on_exception)) {}

  awaitable<void> accept_connections();
  awaitable<void> serve(tcp::socket socket, asio::ip::address address);
  awaitable<bool> exchange(tcp::socket& socket, beast::flat_buffer& buffer);
  HttpResponse respond(const HttpRequest& request) noexcept;

  HttpServerOptions options;
  HttpHandler& handler;
  tcp::acceptor acceptor;
  std::size_t connections = 0;
  std::map<asio::ip::address, std::size_t> by_address;
  TaskGroup tasks;
};

awaitable<void> HttpServer::Impl::accept_connections() {
  co_await asio::this_coro::throw_if_cancelled(false);
  asio::steady_timer pause(acceptor.get_executor());
  for (;;) {
    auto [ec, socket] = co_await acceptor.async_accept(nothrow);
    if (tasks.stopping()) co_return;
    error_code gone;
    const tcp::endpoint peer = ec ? tcp::endpoint() : socket.remote_endpoint(gone);
    if (!ec && !gone) {
      auto& from_there = by_address[peer.address()];
      if (connections < options.limits.connections && from_there < options.limits.per_address) {
        ++connections;
        ++from_there;
        tasks.spawn("http connection", serve(std::move(socket), peer.address()));
      } else if (from_there == 0) {
        by_address.erase(peer.address());
      }
    } else if (ec && ec != asio::error::connection_aborted) {
      pause.expires_after(pause_after_failure);
      co_await pause.async_wait(nothrow);
      if (tasks.stopping()) co_return;
    }
  }
}

awaitable<void> HttpServer::Impl::serve(tcp::socket socket, asio::ip::address address) {
  struct Leave {
    Impl& server;
    const asio::ip::address& address;
    ~Leave() {
      --server.connections;
      const auto entry = server.by_address.find(address);
      if (--entry->second == 0) server.by_address.erase(entry);
    }
  };
  const Leave leave{*this, address};
  co_await asio::this_coro::throw_if_cancelled(false);
  beast::flat_buffer buffer(options.limits.header + options.limits.body);
  for (;;) {
    const bool more = co_await exchange(socket, buffer);
    if (!more || tasks.stopping()) break;
  }
  error_code ignored;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

// One request and its answer; false when the connection is done with.
awaitable<bool> HttpServer::Impl::exchange(tcp::socket& socket, beast::flat_buffer& buffer) {
  const TimePoint deadline = Clock::now() + options.limits.request;
  Parser parser;
  parser.header_limit(options.limits.header);
  parser.body_limit(options.limits.body);
  auto read = co_await with_deadline(read_request(socket, buffer, parser), deadline,
                                     asio::error::timed_out);
  HttpResponse response;
  bool head = false;
  bool keep_alive = false;
  unsigned version = 11;
  if (!read) {
    const unsigned status = status_of_bad_request(read.error());
    if (status == 0) co_return false;
    response = plain(status);
  } else {
    const auto& message = parser.get();
    version = message.version();
    head = message.method() == http::verb::head;
    if (version >= 11 && message.find(http::field::host) == message.end()) {
      response = plain(400);
    } else {
      keep_alive = message.keep_alive();
      HttpRequest request;
      request.method = std::string(message.method_string());
      request.path = std::string(message.target());
      request.path = request.path.substr(0, request.path.find('?'));
      response = respond(request);
    }
  }
  if (tasks.stopping())
    co_return false;  // the cancellation may have met a read that had just completed
  Message message = as_message(std::move(response), version, head, keep_alive);
  const auto written =
      co_await with_deadline(write_response(socket, message), deadline, asio::error::timed_out);
  co_return written.has_value() && keep_alive;
}

HttpResponse HttpServer::Impl::respond(const HttpRequest& request) noexcept {
  try {
    return handler.handle(request);
  } catch (const std::exception&) {
    return plain(500);
  }
}

Fallible<std::unique_ptr<HttpServer>> HttpServer::open(asio::any_io_executor executor,
                                                       HttpServerOptions options,
                                                       HttpHandler& handler,
                                                       TaskGroup::ExceptionSink on_exception) {
  const std::string listen = options.listen;
  const auto endpoint = parse_listen(listen);
  if (!endpoint) {
    return Error{errc::invalid_argument, "api.listen " + clean(listen) +
                                             ": not an address and a port, like 127.0.0.1:8053"};
  }
  auto impl = std::make_unique<Impl>(std::move(executor), std::move(options), handler,
                                     std::move(on_exception));
  error_code ec;
  auto& acceptor = impl->acceptor;
  acceptor.open(endpoint->protocol(), ec);
  if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec && endpoint->address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), ec);
  if (!ec) acceptor.bind(*endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return Error{errc::unavailable, "api.listen " + listen + ": " + ec.message()};
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const noexcept {
  error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

void HttpServer::start() {
  impl_->tasks.spawn("http listener", impl_->accept_connections());
}

awaitable<void> HttpServer::stop() {
  impl_->tasks.request_stop();
  error_code ignored;
  impl_->acceptor.close(ignored);
  co_await impl_->tasks.join();
}

}  // namespace hotswapd
