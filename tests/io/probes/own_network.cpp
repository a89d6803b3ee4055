#include "own_network.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace hotswapd::testing {

std::optional<std::string> in_own_network(const std::function<void()>& body) {
  std::optional<std::string> trouble;
  std::thread thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      trouble = std::string("needs a network namespace of its own: ") + std::strerror(errno);
      return;
    }
    set_loopback(true);
    body();
  });
  thread.join();
  return trouble;
}

bool write_sysctl(const std::string& path, const std::string& text) {
  const int fd = ::open(("/proc/sys/" + path).c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<long>(text.size());
  ::close(fd);
  return written;
}

bool run(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;  // NOLINT(concurrency-mt-unsafe)
}

void set_loopback(bool up) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  EXPECT_EQ(::ioctl(fd, SIOCGIFFLAGS, &request), 0);
  const int flags = up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP;
  request.ifr_flags = static_cast<short>(flags);
  EXPECT_EQ(::ioctl(fd, SIOCSIFFLAGS, &request), 0);
  ::close(fd);
}

void allow_datagram_pings(bool allowed) {
  EXPECT_TRUE(write_sysctl("net/ipv4/ping_group_range", allowed ? "0 2147483647" : "1 0"));
}

void drop_raw_privilege() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  ASSERT_EQ(::syscall(SYS_capget, &header, data), 0);
  data[0].effective &= ~(1u << CAP_NET_RAW);
  ASSERT_EQ(::syscall(SYS_capset, &header, data), 0);
}

}  // namespace hotswapd::testing
