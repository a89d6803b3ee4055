// Pings on one loop, and tests that run in a network of their own with either kind of ICMP socket.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/poller.hpp"
#include "net/task_group.hpp"
#include "own_network.hpp"
#include "probes/factory.hpp"
#include "probes/ping_engine.hpp"
#include "scripted_peer.hpp"

namespace hotswapd::testing {

inline TargetSpec ping_to(const std::string& address, Millis timeout = Millis(2000)) {
  return target_at(0, Protocol::ping, timeout, address);
}

inline awaitable<void> run_one(Prober& prober, Millis timeout, ProbeResult& result) {
  const TimePoint deadline = Clock::now() + timeout;
  result = co_await prober.run(deadline);
}

// A loop with a few pings on it.
class Loop {
 public:
  ~Loop() { context_.run(); }

  ProbeResult& start(const std::string& address, Millis timeout = Millis(2000)) {
    probers_.push_back(make_prober(context_, ping_to(address, timeout), contexts_));
    results_.push_back(std::make_unique<ProbeResult>());
    tasks_.spawn("probe", run_one(*probers_.back(), timeout, *results_.back()));
    context_.poll();
    context_.restart();
    return *results_.back();
  }

  void run() {
    context_.run();
    context_.restart();
    EXPECT_EQ(Poller::of(context_).watching(), 0u);
    EXPECT_EQ(engine().out(IpFamily::v4) + engine().out(IpFamily::v6), 0u);
  }

  std::string ping(const std::string& address, Millis timeout = Millis(2000)) {
    const ProbeResult& result = start(address, timeout);
    run();
    return summary(result);
  }

  asio::io_context& context() { return context_; }
  PingEngine& engine() { return PingEngine::of(context_); }

 private:
  asio::io_context context_{1};
  TlsContexts contexts_;
  std::vector<std::unique_ptr<Prober>> probers_;
  std::vector<std::unique_ptr<ProbeResult>> results_;
  TaskGroup tasks_{context_.get_executor(),
                   [](const std::string&, const std::string& what) { ADD_FAILURE() << what; }};
};

// The same test for each kind of socket.
class PingProbe : public ::testing::TestWithParam<PingEngine::Means> {
 protected:
  void in_network(const std::function<void()>& body) {
    const auto trouble = in_own_network([&] {
      allow_datagram_pings(GetParam() == PingEngine::Means::datagram);
      body();
    });
    if (trouble) GTEST_SKIP() << *trouble;
  }
};

inline std::string name_of(const ::testing::TestParamInfo<PingEngine::Means>& kind) {
  return kind.param == PingEngine::Means::datagram ? "Datagram" : "Raw";
}

}  // namespace hotswapd::testing
