// The TLS client contexts that all probes share: one per policy, each CA bundle read once.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
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

// TLS 1.2 (without DHE key exchange) and newer, chain verified, no compression, no renegotiation.
// Any thread; a prober keeps what it got and asks again only when generation() has moved, so the
// lock is never on the way of a probe.
class TlsContexts {
 public:
  using Context = std::shared_ptr<ssl_ctx_st>;

  TlsContexts() = default;
  TlsContexts(const TlsContexts&) = delete;
  TlsContexts& operator=(const TlsContexts&) = delete;

  // Reads the policy's bundle the first time (some 20 ms for the system's): call it once per policy
  // before the loops start. The error names the file and says what to do; it is tried again at the
  // earliest after 10 s.
  Fallible<Context> get(const TlsPolicy& policy, TimePoint now);

  // Forgets what was read: the next get() reads the files again. Contexts in use live on with their
  // users.
  void reload();

  std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    Fallible<Context> context = Error{};
    TimePoint tried;
  };

  std::mutex mutex_;
  std::map<TlsPolicy, Entry> entries_;
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace hotswapd
