// The TLS context that one prober holds on to, renewed when the certificates were read again.
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
    if (generation_ == generation) return {};
    auto got = contexts_.get(policy_, Clock::now());
    if (!got) return std::move(got).error().text;
    context_ = *std::move(got);
    generation_ = generation;
    return {};
  }

  const TlsContexts::Context& context() const noexcept { return context_; }
  std::uint64_t generation() const noexcept { return generation_; }

 private:
  TlsContexts& contexts_;
  const TlsPolicy policy_;
  TlsContexts::Context context_;
  std::uint64_t generation_ = 0;
};

}  // namespace hotswapd
