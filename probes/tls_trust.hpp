// The TLS context that the probers of one loop hold on to, renewed when the certificates were read
// again.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "net/tls_contexts.hpp"

namespace hotswapd {

// Used on one thread; `contexts` outlives it.
class TlsTrust {
 public:
  TlsTrust(TlsContexts& contexts, TlsPolicy policy)
      : contexts_(contexts), policy_(std::move(policy)) {}

  // Before each use of context(). What it returns is why there is none; empty: all is well.
  std::string refresh() {
    const auto generation = contexts_.generation();
    if (asked_ == generation) return {};
    auto got = contexts_.in_use(policy_, Clock::now());
    if (!got) return std::move(got).error().text;
    if (got->context != context_) generation_ = generation;
    // Until the file has been read again the one in use goes on, and is asked for each time.
    if (!got->outdated) asked_ = generation;
    context_ = std::move(got->context);
    return {};
  }

  bool is_of(const TlsContexts& contexts, const TlsPolicy& policy) const noexcept {
    return &contexts_ == &contexts && policy_ == policy;
  }

  const TlsContexts::Context& context() const noexcept { return context_; }
  // Moves when context() is another one.
  std::uint64_t generation() const noexcept { return generation_; }

 private:
  TlsContexts& contexts_;
  const TlsPolicy policy_;
  TlsContexts::Context context_;
  std::uint64_t asked_ = 0;       // at which all was well
  std::uint64_t generation_ = 0;  // at which context_ came
};

}  // namespace hotswapd
