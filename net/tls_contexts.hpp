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

// Leaves a context no key exchange whose arithmetic the other side can make as long as it likes:
// elliptic curves in OpenSSL's own order, no finite fields.
bool bound_key_exchange(ssl_ctx_st* context);

// TLS 1.2 and newer, without finite-field Diffie-Hellman, chain verified, no compression, no
// renegotiation. Any thread; a prober keeps what it got and asks again only when generation() has
// moved, so the lock is never on the way of a probe. A file that could not be read is tried again
// at the earliest after 10 s. Destroying this waits for nobody, not even for a file that hangs.
// Files are read by threads of its own, at most one for each policy.
class TlsContexts {
 public:
  using Context = std::shared_ptr<ssl_ctx_st>;

  TlsContexts();
  ~TlsContexts();
  TlsContexts(const TlsContexts&) = delete;
  TlsContexts& operator=(const TlsContexts&) = delete;

  struct Loaded {
    Context context;  // never null
    // What was read before goes on, because the file could not be read again: why.
    std::optional<Error> outdated = {};
  };

  // For threads that may wait, until `until` at most, since a file on a mount that hangs is read
  // for ever (some 20 ms for the system's bundle): what the policy's bundle holds since the last
  // reload(). Call it once per policy before a loop needs it. The error names the file and says
  // what to do; so does `outdated`.
  Fallible<Loaded> get(const TlsPolicy& policy, TimePoint now, TimePoint until);

  // For loops: what was read last; what is to be read again is read meanwhile. Only a policy that
  // nobody has asked for before is waited for, until it is read. errc::timed_out: it is still being
  // read.
  Fallible<Loaded> in_use(const TlsPolicy& policy, TimePoint now);

  // The files are read again. Contexts live on with their users, and here until the file that
  // replaces them has been read.
  void reload();

  std::uint64_t generation() const noexcept;

 private:
  void begin(const TlsPolicy& policy, TimePoint now);

  struct State;
  const std::shared_ptr<State> state_;  // of the reading threads, too
};

}  // namespace hotswapd
