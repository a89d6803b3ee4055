// The TLS client contexts that all probes share: one per policy, each CA bundle read once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/time.hpp"

struct ssl_ctx_st;

namespace hotswapd {

struct TlsPolicy {
  bool verify = true;
  std::string ca_file;  // empty: the system's bundle; means nothing without verify
  auto operator<=>(const TlsPolicy&) const = default;
};

// TLS 1.2 and newer, without finite-field Diffie-Hellman, chain verified, no compression, no
// renegotiation. Any thread; a prober keeps what it got and asks again only when generation() has
// moved, so the lock is never on the way of a probe.
class TlsContexts {
 public:
  using Context = std::shared_ptr<ssl_ctx_st>;

  TlsContexts() = default;
  TlsContexts(const TlsContexts&) = delete;
  TlsContexts& operator=(const TlsContexts&) = delete;

  struct Loaded {
    Context context;  // never null
    // What was read before goes on, because the file could not be read again: why.
    std::optional<Error> outdated = {};
  };

  // Reads the policy's bundle the first time (some 20 ms for the system's): call it once per policy
  // before the loops start. The error names the file and says what to do. A file that could not be
  // read is tried again at the earliest after 10 s. While one thread reads, the others go on with
  // what was read before, and wait only where there is nothing.
  Fallible<Loaded> get(const TlsPolicy& policy, TimePoint now);

  // The next get() reads the files again. Contexts live on with their users, and here until the
  // file that replaces them has been read.
  void reload();

  std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    Context context;
    bool current = false;  // what the file holds since the last reload
    bool reading = false;
    Error error{errc::unavailable, "its certificates are being read again"};  // of the last try
    std::optional<TimePoint> tried;
  };

  std::mutex mutex_;
  std::condition_variable read_;
  std::map<TlsPolicy, Entry> entries_;
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace hotswapd
