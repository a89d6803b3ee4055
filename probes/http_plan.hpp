// What an HTTP prober says and how it judges what comes back: all but the address, so that the
// targets of a service hold it once.
#pragma once

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "core/shared.hpp"
#include "core/target_spec.hpp"
#include "net/awaitable.hpp"
#include "net/poller.hpp"
#include "probes/http_judge.hpp"
#include "probes/tls_trust.hpp"

namespace hotswapd {

struct HttpPlan {
  asio::io_context* loop = nullptr;  // whose plan it is
  Poller* poller = nullptr;          // of that loop
  std::string request;
  std::string unusable;  // why there is none
  std::string tls_name;  // SNI, and what the certificate must be for; means nothing without TLS
  Shared<HttpRule> rule;
  std::shared_ptr<TlsTrust> trust;  // null: TLS is never needed
  Millis timeout{};
  Millis interval{};
  bool tls = false;
  bool operator==(const HttpPlan&) const = default;
};

// The plans of one loop. Used on its thread.
class HttpPlans final : public asio::execution_context::service {
 public:
  static asio::execution_context::id id;

  explicit HttpPlans(asio::execution_context& owner) : service(owner) {}

  // The plan for `target`, shared with the target before it when theirs are equal, as those of a
  // service mostly are. `contexts` outlives it.
  static std::shared_ptr<const HttpPlan> plan(asio::io_context& context, const TargetSpec& target,
                                              TlsContexts& contexts);

 private:
  void shutdown() noexcept override { last_.reset(); }

  std::shared_ptr<const HttpPlan> last_;
};

}  // namespace hotswapd
