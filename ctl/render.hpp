// The answers of the daemon as pages for people: pure functions of the data, the time and the
// terminal.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "core/time.hpp"
#include "ctl/page.hpp"

namespace hotswapd::ctl {

using Data = boost::json::object;

std::string render_status(const Data& data, WallTime now, Style style);
std::string render_show(const Data& data, WallTime now, Style style);
std::string render_explain(const Data& data, WallTime now, Style style);
std::string render_history(const Data& data, Style style);
// What a reload changed (`done`) or would change.
std::string render_changes(const Data& data, bool done, Style style);
std::string render_event(const Data& event, Style style);
// The sentence and the located lines of an answer that is not ok.
std::string render_refusal(const Data& envelope, Style style);

// The round of `probe`.
std::string render_probe(const Data& data, WallTime now, Style style);
// One attempt of a round: verdict, reason, times.
void render_attempt(Page& page, const Data& attempt, std::size_t index);
// What is to be said of a target besides its health: slowness, a certificate near its end.
std::vector<std::string> quality_lines(const Data& target, WallTime now);

// "primary", "backup 2", "neither" or "-": which target's address a service serves.
std::string serving_role(const Data& service);

}  // namespace hotswapd::ctl
