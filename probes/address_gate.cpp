#include "probes/address_gate.hpp"

#include <utility>

namespace hotswapd {

boost::asio::execution_context::id AddressGate::id;

AddressGate& AddressGate::of(boost::asio::io_context& context) {
  return boost::asio::use_service<AddressGate>(context);
}

std::optional<Finding> AddressGate::refuse(const boost::asio::ip::address& address) const {
  if (!policy_) return std::nullopt;
  PlainAddress plain;
  if (address.is_v4()) {
    plain = PlainAddress::from(address.to_v4().to_bytes());
  } else {
    plain = PlainAddress::from(address.to_v6().to_bytes());
  }
  const ProbeNetwork* const network = policy_->denies(plain);
  if (network == nullptr) return std::nullopt;
  return inconclusive("denied by probe_policy (" + network->text() + "): " + address.to_string());
}

}  // namespace hotswapd
