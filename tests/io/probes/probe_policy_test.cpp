// The probe policy where it matters: before the connection, on the address that is connected to.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "probes/address_gate.hpp"
#include "scripted_peer.hpp"

namespace hotswapd {
namespace {

using namespace testing;

std::function<void(asio::io_context&)> denying(const char* address, int prefix) {
  auto policy = std::make_shared<AddressPolicy>();
  policy->deny.push_back(ProbeNetwork::parse(address, prefix).value());
  return [policy](asio::io_context& context) { AddressGate::of(context).configure(policy); };
}

TEST(ProbePolicyAtConnect, ADeniedAddressIsNotTouched) {
  std::atomic<int> visits{0};
  ScriptedPeer peer([&](int) { ++visits; });
  TlsContexts contexts;
  for (const auto protocol :
       {Protocol::tcp, Protocol::http, Protocol::https, Protocol::smtp, Protocol::ping}) {
    auto target = target_at(peer.port(), protocol);
    target.monitor.tls.verify = false;
    EXPECT_EQ(summary(probe_on(denying("127.0.0.0", 8), target, contexts)),
              "inconclusive local denied by probe_policy (127.0.0.0/8): 127.0.0.1");
  }
  EXPECT_EQ(visits.load(), 0);
}

TEST(ProbePolicyAtConnect, EveryWayToWriteAnAddressIsTheSameAddress) {
  ScriptedPeer peer(await_close);
  TlsContexts contexts;
  for (const char* const address : {"::ffff:127.0.0.1", "0.0.0.0"}) {
    const auto target = target_at(peer.port(), Protocol::tcp, Millis(5000), address);
    EXPECT_EQ(probe_on(denying("127.0.0.0", 8), target, contexts).verdict, Verdict::inconclusive)
        << address;
  }
}

TEST(ProbePolicyAtConnect, OtherAddressesAreProbed) {
  ScriptedPeer peer(await_close);
  TlsContexts contexts;
  EXPECT_EQ(summary(probe_on(denying("169.254.0.0", 16), target_at(peer.port(), Protocol::tcp),
                             contexts)),
            "pass none connected");
}

}  // namespace
}  // namespace hotswapd
