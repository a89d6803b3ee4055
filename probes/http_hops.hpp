// The way of an HTTP attempt after its first redirect: each hop a connection of its own, all under
// the attempt's one deadline.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string>

#include "core/probe_result.hpp"
#include "net/awaitable.hpp"
#include "probes/http_judge.hpp"
#include "probes/prober.hpp"
#include "probes/redirect.hpp"
#include "probes/tls_trust.hpp"

namespace hotswapd {

// What a target answered that is to be gone after.
struct HttpRedirect {
  int status = 0;
  std::string location;  // as it came
};

// Made for one attempt. Hops to the probed host go to the probed address, whatever its name
// resolves to; other hosts are resolved. Every address passes the probe policy before it is
// connected to.
class HttpHops {
 public:
  // What is referred to outlives it.
  HttpHops(asio::io_context& loop, const TargetSpec& target, const HttpRule& rule, TlsTrust& trust);

  // The verdict at the end of the way that `redirect` begins, which ended `first`. The times count
  // from `began`, the attempt's beginning; connection, TLS and first byte are those of the last
  // hop.
  awaitable<ProbeResult> run(ProbeResult first, HttpRedirect redirect, TimePoint began,
                             TimePoint deadline);

 private:
  awaitable<ProbeResult> hop(TimePoint deadline, HttpRedirect& redirect, bool& redirected);

  asio::io_context& loop_;
  const TargetSpec& target_;
  const HttpRule& rule_;
  TlsTrust& trust_;
  RedirectTrail trail_;
};

}  // namespace hotswapd
