#include "core/exhaustion.hpp"

#include <cerrno>

namespace hotswapd {

const char* exhaustion(int error) noexcept {
  switch (error) {
    case EMFILE:
      return "no file descriptor left in this process (raise LimitNOFILE)";
    case ENFILE:
      return "no file descriptor left on this host (raise fs.file-max)";
    case ENOBUFS:
    case ENOMEM:
      return "no memory left for another socket on this host";
    default:
      return nullptr;
  }
}

}  // namespace hotswapd
