// What this process or host has run out of, in words with their remedy.
#pragma once

namespace hotswapd {

// nullptr when `error` (an errno) says nothing of the kind.
const char* exhaustion(int error) noexcept;

}  // namespace hotswapd
