// How a thread wants to share the CPU with the others of this process.
#pragma once

namespace hotswapd {

// For the calling thread: short turns, and therefore soon (Linux 6.12 and newer: the thread that
// wakes with the shorter slice goes first). It gets no more of the CPU than before. Needs no
// privilege; where the kernel does not know it or forbids it, nothing changes.
void prefer_short_turns() noexcept;

}  // namespace hotswapd
