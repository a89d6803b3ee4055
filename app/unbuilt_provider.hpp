// Stands for the kinds of DNS provider that the configuration knows and this build does not have:
// services on one are probed and shown, and never written.
#pragma once

#include <string>
#include <utility>

#include "dns/provider.hpp"

namespace hotswapd {

class UnbuiltProvider final : public Provider {
 public:
  explicit UnbuiltProvider(std::string type) : type_(std::move(type)) {}

  ProviderCapabilities capabilities() const override { return {}; }
  awaitable<Fallible<LiveRecord>> read(RecordKey, TimePoint) override { co_return error(); }
  awaitable<ApplyResult> apply(SwapPlan, TimePoint) override {
    co_return ApplyResult{SwapOutcome::refused, error().text};
  }
  awaitable<std::vector<ServerEvidence>> prove(RecordKey, RecordSet, TimePoint) override {
    std::vector<ServerEvidence> evidence;
    evidence.push_back({type_, false, error().text, 0});
    co_return evidence;
  }

 private:
  Error error() const { return {errc::not_built, "not built yet: DNS provider `" + type_ + "`"}; }
  std::string type_;
};

}  // namespace hotswapd
