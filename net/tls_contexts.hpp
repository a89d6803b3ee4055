// The TLS client contexts that all probes share: one per policy, each CA bundle read once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

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
// moved, so the lock is never on the way of a probe. A file that could not be read is tried again
// at the earliest after 10 s. Destroying this waits for nobody, not even for a file that hangs.
class TlsContexts {
 public:
  using Context = std::shared_ptr<ssl_ctx_st>;

  TlsContexts();
  TlsContexts(const TlsContexts&) = delete;
  TlsContexts& operator=(const TlsContexts&) = delete;

  struct Loaded {
    Context context;  // never null
    // What was read before goes on, because the file could not be read again: why.
    std::optional<Error> outdated = {};
  };

  // For threads that may wait: reads the policy's bundle where that has not been done since the
  // last reload() (some 20 ms for the system's, for ever from a mount that hangs), or waits for the
  // thread that does. Call it once per policy before a loop needs it. The error names the file and
  // says what to do.
  Fallible<Loaded> get(const TlsPolicy& policy, TimePoint now);

  // For loops: what was read last; what is to be read again is read meanwhile on a thread of its
  // own. Only a policy that nobody has asked for before is read at once, here.
  Fallible<Loaded> in_use(const TlsPolicy& policy, TimePoint now);

  // The files are read again. Contexts live on with their users, and here until the file that
  // replaces them has been read.
  void reload();

  std::uint64_t generation() const noexcept;

 private:
  struct State;
  const std::shared_ptr<State> state_;  // of the reading threads, too
};

}  // namespace hotswapd
