#include "net/curl_pool.hpp"

#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "core/record.hpp"
#include "core/text.hpp"
#include "net/curl_driver.hpp"
#include "net/curl_transfer.hpp"
#include "net/resolver.hpp"

namespace hotswapd {
namespace {

Error stopped(const HttpUrl& url) {
  return {errc::unavailable, url.origin() + ": stopped"};
}

}  // namespace

struct CurlPool::State {
  asio::io_context& loop;
  TlsContexts& tls;
  Options options;
  // One for each trust: libcurl shares connections without asking what they were verified by.
  std::map<std::string, std::unique_ptr<CurlDriver>> drivers;
  std::size_t calls = 0;
  bool closed = false;

  Fallible<CurlDriver*> driver(const std::string& ca_file) {
    auto& found = drivers[ca_file];
    if (!found) {
      auto made = CurlDriver::make(loop, {options.connections_per_host, options.connections});
      if (!made) return made.error();
      found = std::move(*made);
    }
    return found.get();
  }
};

namespace {

struct Counted {
  explicit Counted(std::size_t& calls) : calls_(calls) { ++calls_; }
  ~Counted() { --calls_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  std::size_t& calls_;
};

}  // namespace

CurlPool::CurlPool(asio::io_context& loop, TlsContexts& tls, Options options)
    : state_(std::make_shared<State>(State{loop, tls, std::move(options), {}, 0, false})) {}

CurlPool::CurlPool(asio::io_context& loop, TlsContexts& tls)
    : CurlPool(loop, tls, Options{.proxies = proxies_of_environment()}) {}

CurlPool::~CurlPool() {
  state_->closed = true;
}

std::size_t CurlPool::open_connections() const noexcept {
  std::size_t open = 0;
  for (const auto& [file, driver] : state_->drivers) open += driver ? driver->open_sockets() : 0;
  return open;
}

// `state` is the coroutine's own: it keeps the drivers as long as a transfer is on one.
awaitable<Fallible<HttpReply>> CurlPool::run(std::shared_ptr<State> state, HttpCall call,
                                             std::string ca_file) {
  const auto url = check(call);
  if (!url) co_return url.error();
  if (state->closed) co_return stopped(*url);
  if (state->calls >= state->options.calls)
    co_return Error{errc::unavailable, url->origin() + ": too many HTTP calls at once"};
  const Counted counted(state->calls);
  const auto began = Clock::now();
  const auto deadline = call.deadline;
  const auto budget = deadline - began;
  const auto proxy = proxy_for(state->options.proxies, *url);
  if (!proxy) co_return Error{errc::refused, url->origin() + ": " + proxy.error().text};
  TlsContexts::Context trust;
  if (url->tls) {
    TlsPolicy policy;
    policy.ca_file = ca_file;
    const auto loaded = state->tls.in_use(policy, began);
    if (!loaded) {
      // One that is still being read is nobody's mistake, and is there soon.
      const bool reading = loaded.error().code == errc::timed_out;
      const auto code = reading ? errc::unavailable : errc::refused;
      co_return Error{code, url->origin() + ": " + loaded.error().text};
    }
    trust = loaded->context;
  }
  const HttpUrl& to = *proxy ? **proxy : *url;
  std::vector<std::string> addresses;
  if (!canonical_address(to.host)) {
    auto& resolver = Resolver::of(state->loop);
    auto found = co_await resolver.resolve(to.host, deadline);
    if (found.addresses.empty()) {
      const auto& trouble = found.trouble.empty() ? "the name has no address" : found.trouble;
      co_return Error{errc::unavailable, url->origin() + ": " + clean(trouble)};
    }
    addresses = std::move(found.addresses);
  }
  const auto left = deadline - Clock::now();
  if (left <= Clock::duration::zero())
    co_return Error{errc::timed_out, url->origin() + ": no time left"};
  const auto driver = state->driver(ca_file);
  if (!driver) co_return driver.error();
  asio::steady_timer wake(state->loop, deadline);
  CurlTransfer transfer(**driver, std::move(call), *url, *proxy, std::move(trust), wake);
  if (const auto started = transfer.start(addresses, left); !started) co_return started.error();
  // Ends with the transfer, with the deadline, or with ours.
  const auto [ec] = co_await wake.async_wait(nothrow);
  if (transfer.done()) co_return transfer.take(budget);
  if (!ec) co_return transfer.out_of_time(budget);
  co_return transfer.failure(errc::unavailable, "stopped");
}

awaitable<Fallible<HttpReply>> CurlPool::request(HttpCall call, std::string ca_file) {
  return run(state_, std::move(call), std::move(ca_file));
}

HttpSend CurlPool::sender(std::string ca_file) {
  return [state = state_, ca_file = std::move(ca_file)](HttpCall call) {
    return run(state, std::move(call), ca_file);
  };
}

}  // namespace hotswapd
