#include "api/http_server.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
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
namespace ssl = asio::ssl;
using asio::ip::tcp;

// Accepting fails for want of descriptors or memory: a pause, so that the loop does not spin.
constexpr Millis pause_after_failure{200};
constexpr std::size_t read_at_once = 16 * 1024;

using Parser = http::request_parser<http::string_body>;
using Message = http::response<http::string_body>;
using Head = http::response<http::empty_body>;

template <class Stream>
awaitable<result<std::size_t>> read_some(Stream& stream, beast::flat_buffer& buffer) {
  auto [ec, bytes] = co_await stream.async_read_some(buffer.prepare(read_at_once), nothrow);
  if (ec) co_return ec;
  buffer.commit(bytes);
  co_return bytes;
}

template <class Stream>
awaitable<result<std::size_t>> read_request(Stream& stream, beast::flat_buffer& buffer,
                                            Parser& parser) {
  auto [ec, bytes] = co_await http::async_read(stream, buffer, parser, nothrow);
  if (ec) co_return ec;
  co_return bytes;
}

template <class Stream>
awaitable<result<std::size_t>> write_response(Stream& stream, Message& message) {
  auto [ec, bytes] = co_await http::async_write(stream, message, nothrow);
  if (ec) co_return ec;
  co_return bytes;
}

template <class Stream>
awaitable<result<std::size_t>> write_head(Stream& stream, Head& head) {
  http::response_serializer<http::empty_body> serializer(head);
  auto [ec, bytes] = co_await http::async_write_header(stream, serializer, nothrow);
  if (ec) co_return ec;
  co_return bytes;
}

template <class Stream>
awaitable<result<std::size_t>> write_bytes(Stream& stream, const std::string& text) {
  auto [ec, bytes] = co_await asio::async_write(stream, asio::buffer(text), nothrow);
  if (ec) co_return ec;
  co_return bytes;
}

awaitable<result<std::size_t>> shake_hands(ssl::stream<tcp::socket>& stream) {
  auto [ec] = co_await stream.async_handshake(ssl::stream_base::server, nothrow);
  if (ec) co_return ec;
  co_return std::size_t{0};
}

awaitable<result<std::size_t>> say_goodbye(ssl::stream<tcp::socket>& stream) {
  auto [ec] = co_await stream.async_shutdown(nothrow);
  if (ec) co_return ec;
  co_return std::size_t{0};
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

// "GET https://host/REST/Job/1 HTTP/1.1" is meant for us as well.
std::string_view origin_form(std::string_view target) {
  const auto scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  const auto path = target.find_first_of("/?", scheme + 3);
  return path == std::string_view::npos ? "/" : target.substr(path);
}

HttpRequest as_request(Parser& parser, const std::string& peer) {
  auto& message = parser.get();
  HttpRequest request;
  request.method = std::string(message.method_string());
  const std::string_view whole = message.target();
  const std::string_view target = origin_form(whole);
  const auto mark = target.find('?');
  request.path = std::string(target.substr(0, mark));
  if (mark != std::string_view::npos) request.query = std::string(target.substr(mark + 1));
  for (const auto& field : message) {
    request.headers.emplace_back(lower(field.name_string()), field.value());
  }
  request.body = std::move(message.body());
  request.peer = peer;
  return request;
}

template <class Body>
void set_head(http::response<Body>& message, const HttpResponse& response, bool keep_alive) {
  message.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) message.insert(name, value);
  message.keep_alive(keep_alive);
}

Message as_message(HttpResponse response, unsigned version, bool head, bool keep_alive) {
  Message message(static_cast<http::status>(response.status), version);
  set_head(message, response, keep_alive);
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
  awaitable<void> serve_with_tls(tcp::socket& socket, const std::string& peer);
  template <class Stream>
  awaitable<void> converse(Stream& stream, const std::string& peer);
  template <class Stream>
  awaitable<bool> exchange(Stream& stream, beast::flat_buffer& buffer, const std::string& peer);
  template <class Stream>
  awaitable<void> pour(Stream& stream, HttpResponse response, unsigned version);
  awaitable<HttpResponse> respond(HttpRequest request);

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
  error_code ignored;
  // Head and body of an answer are one write; the next answer is not to wait for an ACK of it.
  socket.set_option(tcp::no_delay(true), ignored);
  const std::string peer = address.to_string();
  if (options.identity) {
    co_await serve_with_tls(socket, peer);
  } else {
    co_await converse(socket, peer);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }
}

awaitable<void> HttpServer::Impl::serve_with_tls(tcp::socket& socket, const std::string& peer) {
  SSL* const session = SSL_new(options.identity->context());
  if (session == nullptr) co_return;
  ssl::stream<tcp::socket> stream(std::move(socket), session);
  const TimePoint deadline = Clock::now() + options.limits.request;
  const auto shaken = co_await with_deadline(shake_hands(stream), deadline, asio::error::timed_out);
  if (!shaken || tasks.stopping()) co_return;
  co_await converse(stream, peer);
  if (tasks.stopping()) co_return;
  const TimePoint goodbye = Clock::now() + options.limits.request;
  co_await with_deadline(say_goodbye(stream), goodbye, asio::error::timed_out);
}

template <class Stream>
awaitable<void> HttpServer::Impl::converse(Stream& stream, const std::string& peer) {
  beast::flat_buffer buffer(options.limits.header + options.limits.body + read_at_once);
  Millis patience = options.limits.request;
  for (;;) {
    if (buffer.size() == 0) {
      const TimePoint until = Clock::now() + patience;
      const auto begun =
          co_await with_deadline(read_some(stream, buffer), until, asio::error::timed_out);
      if (!begun || tasks.stopping()) co_return;
    }
    const bool more = co_await exchange(stream, buffer, peer);
    if (!more || tasks.stopping()) co_return;
    patience = options.limits.idle;
  }
}

// One request and its answer; false when the connection is done with.
template <class Stream>
awaitable<bool> HttpServer::Impl::exchange(Stream& stream, beast::flat_buffer& buffer,
                                           const std::string& peer) {
  Parser parser;
  parser.header_limit(options.limits.header);
  parser.body_limit(options.limits.body);
  const TimePoint read_by = Clock::now() + options.limits.request;
  auto read =
      co_await with_deadline(read_request(stream, buffer, parser), read_by, asio::error::timed_out);
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
    keep_alive = message.keep_alive();
    if (version >= 11 && message.find(http::field::host) == message.end()) {
      response = plain(400);
      keep_alive = false;
    } else {
      HttpRequest request = as_request(parser, peer);
      response = co_await respond(std::move(request));
    }
  }
  if (tasks.stopping())
    co_return false;  // the cancellation may have met a read that had just completed
  if (response.stream) {
    co_await pour(stream, std::move(response), version);
    co_return false;
  }
  keep_alive = keep_alive && !response.close;
  Message message = as_message(std::move(response), version, head, keep_alive);
  const TimePoint written_by = Clock::now() + options.limits.request;
  const auto written =
      co_await with_deadline(write_response(stream, message), written_by, asio::error::timed_out);
  co_return written.has_value() && keep_alive;
}

// Piece by piece, until it ends or nobody takes it; the end of the connection is the end of it.
template <class Stream>
awaitable<void> HttpServer::Impl::pour(Stream& stream, HttpResponse response, unsigned version) {
  Head head(static_cast<http::status>(response.status), version);
  set_head(head, response, false);
  const std::shared_ptr<HttpStream> source = std::move(response.stream);
  const TimePoint begun_by = Clock::now() + options.limits.request;
  const auto begun =
      co_await with_deadline(write_head(stream, head), begun_by, asio::error::timed_out);
  if (!begun) co_return;
  while (!tasks.stopping()) {
    const auto piece = co_await source->next();
    if (!piece || tasks.stopping()) co_return;
    const TimePoint taken_by = Clock::now() + options.limits.request;
    const auto taken =
        co_await with_deadline(write_bytes(stream, *piece), taken_by, asio::error::timed_out);
    if (!taken) co_return;
  }
}

awaitable<HttpResponse> HttpServer::Impl::respond(HttpRequest request) {
  try {
    co_return co_await handler.handle(std::move(request));
  } catch (const std::exception&) {
    co_return plain(500);
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

void HttpServer::use(std::shared_ptr<const TlsIdentity> identity) {
  impl_->options.identity = std::move(identity);
}

awaitable<void> HttpServer::stop() {
  impl_->tasks.request_stop();
  error_code ignored;
  impl_->acceptor.close(ignored);
  co_await impl_->tasks.join();
}

}  // namespace hotswapd
