// What operators see of a service, as the JSON that the control socket (and later the API) hands
// out. The shapes are described in docs/control-protocol.md.
#pragma once

#include <boost/json.hpp>

#include "monitor/failover_service.hpp"

namespace hotswapd {

boost::json::object status_view(const FailoverService& service);  // one row of `status`
boost::json::object show_view(const FailoverService& service, const Moment& now);
// `blocked`: why no swap may begin now, if so.
boost::json::object explain_view(const FailoverService& service, const Moment& now,
                                 const Surroundings& around,
                                 const std::optional<std::string>& blocked);
boost::json::array targets_view(const ServiceModel& model,
                                WallTime now);  // with every attempt of the last round
boost::json::object story_view(const SwapStory& story);
// A stored story_view() whose swap has been proved since; what is no story stays as it is.
std::string proved_story(const std::string& stored, const std::vector<ServerEvidence>& proof);
boost::json::object history_view(const std::vector<TransitionRow>& rows);

}  // namespace hotswapd
