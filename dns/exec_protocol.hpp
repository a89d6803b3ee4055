// What the provider `exec` says to the operator's program, and what its answers mean: JSON, one
// object each way. docs/exec-provider.md is the page for those who write such programs. Pure.
#pragma once

#include <string>

#include "core/error.hpp"
#include "core/record.hpp"
#include "core/swap_plan.hpp"
#include "net/command_end.hpp"

namespace hotswapd::exec_protocol {

std::string encode_read(const RecordKey& key);
// Without generations none is spoken of.
std::string encode_apply(const SwapPlan& plan, bool with_generation);

// `with_generation`: the program keeps one, and says it in each answer; else it is passed over. The
// error's code: refused (a matter of configuration), corrupt (no answer of this protocol),
// timed_out, unavailable.
Fallible<LiveRecord> judge_read(const CommandEnd& end, bool with_generation);

// `failed` and `refused` only when nothing can have happened: the program says so, or it was never
// started. Whatever cannot be understood is `unknown`.
ApplyResult judge_apply(const CommandEnd& end);

}  // namespace hotswapd::exec_protocol
