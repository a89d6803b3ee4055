#include "probes/named.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/text.hpp"
#include "net/resolver.hpp"
#include "net/sleep.hpp"
#include "probes/finding.hpp"
#include "probes/route.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t most_tried = 4;

std::vector<std::string> worth_trying(std::vector<std::string> addresses) {
  if (addresses.size() > 1) {
    auto routed = addresses;
    std::erase_if(routed, [](const std::string& text) {
      error_code ec;
      const auto address = asio::ip::make_address(text, ec);
      return ec || !has_route(address);
    });
    if (!routed.empty()) addresses = std::move(routed);
  }
  if (addresses.size() > most_tried) addresses.resize(most_tried);
  return addresses;
}

// Nothing was said by the target at this address; another one may be better.
bool gives_way(const ProbeResult& result) {
  return result.verdict == Verdict::fail && result.failure == FailureClass::connect;
}

class NamedProber final : public Prober {
 public:
  NamedProber(asio::io_context& context, TargetSpec target, AddressProber make)
      : resolver_(Resolver::of(context)), target_(std::move(target)), make_(std::move(make)) {}

  awaitable<ProbeResult> run(TimePoint deadline) override {
    const TimePoint began = Clock::now();
    const auto since = [began] { return std::chrono::duration_cast<Micros>(Clock::now() - began); };
    std::string name = target_.address;
    Resolution found = co_await resolver_.resolve(std::move(name), deadline);
    const Micros resolved = since();
    if (found.state != NameState::addresses) {
      ProbeResult result = unresolved(found);
      result.times.total = resolved;
      co_return result;
    }
    const auto addresses = worth_trying(std::move(found.addresses));
    keep_only(addresses);
    ProbeResult result;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const Micros before = since();
      Prober& prober = prober_of(addresses[i]);
      result = co_await prober.run(deadline);
      result.times.connect += before;
      result.times.tls += before;
      result.times.first_byte += before;
      result.times.total += before;
      result.address = addresses[i];
      const bool stopped = co_await being_stopped();
      if (stopped || !gives_way(result) || Clock::now() >= deadline) break;
    }
    result.times.resolve = resolved;
    result.stale = found.stale;
    explain(result, addresses, found);
    const bool late = result.verdict == Verdict::fail && result.failure == FailureClass::timeout;
    if (late && resolved > (deadline - began) / 2) blame_resolver(result, resolved);
    co_return result;
  }

 private:
  ProbeResult unresolved(const Resolution& found) const {
    ProbeResult result;
    result.phase = Phase::resolve;
    result.failure = FailureClass::resolve;
    switch (found.state) {
      case NameState::no_name:
        result.verdict = Verdict::fail;
        result.reason = target_.address + " does not exist (NXDOMAIN)";
        break;
      case NameState::no_address:
        result.verdict = Verdict::fail;
        result.reason = target_.address + " has no address (neither A nor AAAA)";
        break;
      case NameState::addresses:
      case NameState::unusable:
        if (found.trouble == "stopped") {
          result.failure = FailureClass::local;
          result.reason = found.trouble;
        } else {
          result.reason = "cannot resolve " + target_.address + ": " + found.trouble;
        }
        break;
    }
    result.reason = clean(result.reason);
    return result;
  }

  // The reason says which address it is about.
  void explain(ProbeResult& result, const std::vector<std::string>& addresses,
               const Resolution& found) const {
    const auto tried = static_cast<std::size_t>(
        std::find(addresses.begin(), addresses.end(), result.address) - addresses.begin() + 1);
    std::string note;
    if (result.reason.find(result.address) == std::string::npos)
      note = "at " + result.address.text();
    if (tried > 1) {
      note += (note.empty() ? "" : ", ") + std::string("after ") + std::to_string(tried - 1) +
              (tried == 2 ? " other address" : " other addresses");
    }
    if (found.stale)
      note += (note.empty() ? "" : ", ") + std::string("the last address known: ") + found.trouble;
    if (!note.empty()) result.reason = clean(result.reason + " (" + note + ")");
  }

  // The target was left the smaller part of the time: what did not fit into it proves nothing.
  void blame_resolver(ProbeResult& result, Micros resolved) const {
    result.verdict = Verdict::inconclusive;
    result.failure = FailureClass::resolve;
    result.reason = clean("resolving " + target_.address + " took " +
                          seconds_text(std::chrono::duration_cast<Millis>(resolved)) + ", then " +
                          result.reason);
  }

  void keep_only(const std::vector<std::string>& addresses) {
    std::erase_if(probers_, [&](const auto& known) {
      return std::find(addresses.begin(), addresses.end(), known.first) == addresses.end();
    });
  }

  Prober& prober_of(const std::string& address) {
    const auto known = std::find_if(probers_.begin(), probers_.end(),
                                    [&](const auto& entry) { return entry.first == address; });
    if (known != probers_.end()) return *known->second;
    TargetSpec spec = target_;
    spec.address = address;
    probers_.emplace_back(address, make_(spec));
    return *probers_.back().second;
  }

  Resolver& resolver_;
  const TargetSpec target_;
  const AddressProber make_;
  // What a prober keeps from attempt to attempt (its TLS context) belongs to its address.
  std::vector<std::pair<std::string, std::unique_ptr<Prober>>> probers_;
};

}  // namespace

std::unique_ptr<Prober> make_named_prober(asio::io_context& context, const TargetSpec& target,
                                          AddressProber make) {
  return std::make_unique<NamedProber>(context, target, std::move(make));
}

}  // namespace hotswapd
