// An HTTP/1.1 server on loopback for tests of the client: keeps each request, answers as a function
// says, and counts connections.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "../probes/scripted_peer.hpp"
#include "../probes/test_certificates.hpp"

namespace hotswapd::testing {

struct HttpRequestSeen {
  std::string head;  // request line and headers as they came
  std::string body;
  int connection = 0;  // 1 is the first

  std::string line() const { return head.substr(0, head.find("\r\n")); }
  bool has(const std::string& text) const { return head.find(text) != std::string::npos; }
};

class HttpPeer {
 public:
  // What goes back, byte for byte; nullopt: the connection is closed.
  using Answer = std::function<std::optional<std::string>(const HttpRequestSeen&)>;

  explicit HttpPeer(Answer answer, std::shared_ptr<ssl_ctx_st> tls = nullptr);

  std::uint16_t port() const noexcept { return peer_.port(); }
  std::string url(const std::string& target = "/") const;
  std::vector<HttpRequestSeen> requests() const;
  int connections() const;
  int most_open() const;  // at one time
  void await_closed(int connections) { peer_.await_ended(connections); }

 private:
  void serve(int fd);

  Answer answer_;
  std::shared_ptr<ssl_ctx_st> tls_;
  mutable std::mutex mutex_;  // over what follows
  std::vector<HttpRequestSeen> requests_;
  int connections_ = 0;
  int open_ = 0;
  int most_open_ = 0;
  ScriptedPeer peer_;  // last: its threads use the rest
};

std::string ok(const std::string& body, const std::string& headers = "");

}  // namespace hotswapd::testing
