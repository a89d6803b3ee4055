// Plain blocking sockets with a deadline, for asking servers in tests.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <optional>

#include "dns/socket.hpp"
#include "tests/unit/dns/messages.hpp"

namespace hotswapd::test {

// Long enough for a loaded machine; only a failing test waits for it.
inline constexpr int patience_ms = 10'000;

inline bool readable(int fd, int ms = patience_ms) {
  pollfd waited{fd, POLLIN, 0};
  return ::poll(&waited, 1, ms) == 1;
}

inline Descriptor connected(const DnsEndpoint& to, int kind,
                            const std::optional<DnsEndpoint>& from = {}) {
  Descriptor fd(::socket(to.v6 ? AF_INET6 : AF_INET, kind | SOCK_CLOEXEC, 0));
  sockaddr_storage storage;
  if (from) {
    const auto size = from->fill(storage);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size), 0) << from->text();
  }
  const auto size = to.fill(storage);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size), 0) << to.text();
  return fd;
}

inline void send_bytes(const Descriptor& fd, const Bytes& data) {
  EXPECT_EQ(::send(fd.get(), data.data(), data.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(data.size()));
}

// One datagram; empty when none came.
inline Bytes receive(const Descriptor& fd, int ms = patience_ms) {
  Bytes out(65536);
  if (!readable(fd.get(), ms)) return {};
  const auto got = ::recv(fd.get(), out.data(), out.size(), 0);
  out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return out;
}

inline Bytes framed(const Bytes& message) {
  return Bytes{static_cast<std::byte>(message.size() >> 8),
               static_cast<std::byte>(message.size())} +
         message;
}

// One message of a stream; empty when the stream ended or nothing came in time.
inline Bytes receive_framed(const Descriptor& fd, int ms = patience_ms) {
  const auto exactly = [&](std::size_t count) {
    Bytes out(count);
    for (std::size_t at = 0; at < count;) {
      if (!readable(fd.get(), ms)) return Bytes{};
      const auto got = ::recv(fd.get(), out.data() + at, count - at, 0);
      if (got <= 0) return Bytes{};
      at += static_cast<std::size_t>(got);
    }
    return out;
  };
  const auto length = exactly(2);
  if (length.empty()) return {};
  return exactly(std::to_integer<std::size_t>(length[0]) << 8 |
                 std::to_integer<std::size_t>(length[1]));
}

// True when the other side ends the connection within the time.
inline bool closed_within(const Descriptor& fd, int ms = patience_ms) {
  std::array<char, 512> sink;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  while (std::chrono::steady_clock::now() < until) {
    if (!readable(fd.get(), 50)) continue;
    if (::recv(fd.get(), sink.data(), sink.size(), 0) <= 0) return true;
  }
  return false;
}

}  // namespace hotswapd::test
