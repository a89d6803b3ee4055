// One libcurl multi handle in an event loop: its sockets and its timer are the loop's, and each
// transfer is told when it has ended.
#pragma once

#include <curl/curl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>

#include "core/error.hpp"

namespace hotswapd {

namespace asio = boost::asio;

// Lives on one loop, used on its thread; keeps the loop running only while a transfer is under way.
// libcurl's sockets stand in an epoll set of their own, level-triggered, which the loop watches as
// a single descriptor: what libcurl closes leaves the set by itself, and an event for a descriptor
// number that has a new owner meanwhile only makes libcurl look once more.
class CurlDriver {
 public:
  // A transfer: what CURLOPT_PRIVATE of its easy handle points to.
  class Job {
   public:
    // Called within the driver: do not call back into it.
    virtual void ended(CURLcode code) noexcept = 0;

   protected:
    ~Job() = default;
  };

  struct Limits {
    int per_host = 4;
    int total = 64;
  };

  static Fallible<std::unique_ptr<CurlDriver>> make(asio::io_context& loop, Limits limits);
  ~CurlDriver();  // every transfer was removed
  CurlDriver(const CurlDriver&) = delete;
  CurlDriver& operator=(const CurlDriver&) = delete;

  // From here to remove() the handle is libcurl's to work on. Its sockets are counted.
  CURLMcode add(CURL* easy);
  void remove(CURL* easy) noexcept;

  std::size_t open_sockets() const noexcept { return open_sockets_; }

 private:
  CurlDriver(asio::io_context& loop, int epoll, CURLM* multi, Limits limits);

  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* known);
  static int on_timer(CURLM* multi, long milliseconds, void* self);
  static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int on_close(void* self, curl_socket_t fd);

  void listen();
  void arm(long milliseconds);
  void dispatch();
  void tell();
  void rest() noexcept;

  CURLM* multi_;
  int epoll_fd_;
  asio::posix::stream_descriptor epoll_;
  asio::steady_timer timer_;
  std::size_t transfers_ = 0;
  std::size_t open_sockets_ = 0;
  bool listening_ = false;
  std::shared_ptr<CurlDriver*> self_;  // what handlers hold: null when the driver is gone
};

}  // namespace hotswapd
