// `hotswapctl probe`: one round of one target from here, without a daemon, as the daemon would make
// it. The one part of hotswapctl that probes by itself.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/probe_result.hpp"
#include "ctl/commands.hpp"
#include "ctl/render.hpp"
#include "net/resolver_settings.hpp"
#include "probes/prober.hpp"

namespace hotswapd::ctl {

// What the options mean, or what is wrong with them, a line each.
struct ProbePlan {
  std::optional<TargetSpec> target;   // absent: there are errors
  std::vector<DnsEndpoint> resolver;  // empty: the system's
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

// Pure. The options are the keys of `monitor`, with their ranges and defaults.
ProbePlan plan_probe(const ProbeOptions& options);

// First attempt, then up to `retries` more while it fails. Blocks as long as that takes.
TargetRound run_round(const TargetSpec& target, const std::vector<DnsEndpoint>& resolver);

// Pure: the data of --json.
Data probe_view(const TargetSpec& target, const TargetRound& round);

// 0 pass, 1 fail or inconclusive, 2 wrong usage.
int run_probe(const Arguments& arguments, const Surroundings& around);

}  // namespace hotswapd::ctl
