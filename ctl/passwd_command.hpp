// `hotswapctl passwd`: a password in, its hash out, as api.users takes it. No daemon is asked.
#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/secret.hpp"
#include "ctl/commands.hpp"

namespace hotswapd::ctl {

// yescrypt with a fresh salt; an error when there is nothing to hash, or too much (511 bytes).
Fallible<std::string> hash_of(const Secret& password);

// Asks twice, unseen, at a terminal; elsewhere the password is the first line of the standard
// input.
int run_passwd(const Surroundings& around);

}  // namespace hotswapd::ctl
