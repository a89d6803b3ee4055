// Descriptors with an owner, and the sockets that the DNS listeners are made of.
#pragma once

#include <unistd.h>

#include <utility>

#include "core/error.hpp"
#include "net/endpoint.hpp"

namespace hotswapd {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Descriptor() { reset(); }
  void reset() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Non-blocking; bound to `at`. The error names the address and what to do about it.
Fallible<Descriptor> bind_udp(const DnsEndpoint& at, bool shared_by_workers);
Fallible<Descriptor> listen_tcp(const DnsEndpoint& at);
DnsEndpoint local_endpoint(const Descriptor& socket);

}  // namespace hotswapd
