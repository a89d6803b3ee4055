// The probe policy as the probes of one event loop obey it.
#pragma once

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <memory>
#include <optional>

#include "probes/finding.hpp"
#include "probes/probe_policy.hpp"

namespace hotswapd {

// One per io_context, used on its thread; without configure() every address may be probed.
class AddressGate final : public boost::asio::execution_context::service {
 public:
  static boost::asio::execution_context::id id;

  explicit AddressGate(boost::asio::execution_context& owner) : service(owner) {}

  // The gate of this loop, made when it is first asked for.
  static AddressGate& of(boost::asio::io_context& context);

  // For attempts that begin from now on.
  void configure(std::shared_ptr<const AddressPolicy> policy) { policy_ = std::move(policy); }

  // Just before connect(), on the address that is connected to: the end of an attempt that is
  // denied.
  std::optional<Finding> refuse(const boost::asio::ip::address& address) const;

 private:
  void shutdown() noexcept override {}

  std::shared_ptr<const AddressPolicy> policy_;
};

}  // namespace hotswapd
