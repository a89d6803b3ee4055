#include "http_peer.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>

#include "core/text.hpp"

namespace hotswapd::testing {
namespace {

std::size_t body_size(const std::string& head) {
  const auto at = lower(head).find("content-length:");
  return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 15, nullptr, 10);
}

std::string receive(int fd, std::size_t size) {
  std::string out(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const auto count = ::recv(fd, out.data() + got, size - got, 0);
    if (count <= 0) break;
    got += static_cast<std::size_t>(count);
  }
  out.resize(got);
  return out;
}

}  // namespace

HttpPeer::HttpPeer(Answer answer, std::shared_ptr<ssl_ctx_st> tls)
    : answer_(std::move(answer)), tls_(std::move(tls)), peer_([this](int fd) { serve(fd); }) {}

void HttpPeer::serve(int fd) {
  int number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = ++connections_;
    most_open_ = std::max(most_open_, ++open_);
  }
  std::optional<TlsServer> tls;
  if (tls_) tls.emplace(tls_, fd);
  const bool shaken = !tls || tls->shake();
  while (shaken) {
    HttpRequestSeen seen;
    seen.connection = number;
    // Requests of the TLS tests have no body.
    seen.head = tls ? tls->read_request() : read_request(fd);
    if (!seen.head.ends_with("\r\n\r\n")) break;
    if (!tls) seen.body = receive(fd, body_size(seen.head));
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(seen);
    }
    const auto answer = answer_(seen);
    if (!answer) break;
    const bool sent = tls ? tls->send(*answer)
                          : ::send(fd, answer->data(), answer->size(), MSG_NOSIGNAL) ==
                                static_cast<ssize_t>(answer->size());
    if (!sent) break;
  }
  const std::lock_guard lock(mutex_);
  --open_;
}

std::string HttpPeer::url(const std::string& target) const {
  return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port()) + target;
}

std::vector<HttpRequestSeen> HttpPeer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

int HttpPeer::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

int HttpPeer::most_open() const {
  const std::lock_guard lock(mutex_);
  return most_open_;
}

std::string ok(const std::string& body, const std::string& headers) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers +
         "\r\n" + body;
}

}  // namespace hotswapd::testing
