// What the journal keeps of a swap in words of JSON, and back again: the record that it expects,
// with its generation, and the one that it wants. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/record.hpp"
#include "core/swap_plan.hpp"
#include "monitor/state_store.hpp"

namespace hotswapd {

// IntentRow::from_rr and to_rr. A swap is resumed with what it expected when it was journalled,
// never with what is read then: that is how a packet of another writer is told from one of ours.
std::string journalled_expectation(const SwapPlan& plan);
std::string journalled_target(const SwapPlan& plan, const std::string& provider);

// nullopt: the row cannot be read, or wants nothing.
std::optional<SwapPlan> journalled_plan(const IntentRow& row);

// By its name in the configuration, whom it was sent to; nullopt: of a release that did not write
// it down.
std::optional<std::string> journalled_provider(const IntentRow& row);

// Whether the swap whose story (IntentRow::evidence) this is counts for max_swaps_per_hour; a story
// that cannot be read does, which holds rather than moves.
bool journalled_as_counted(const std::string& story);

}  // namespace hotswapd
