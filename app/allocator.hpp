// The allocator of the process.
#pragma once

namespace hotswapd {

// Gives the system back what is free: for once, when a lot has been let go of that will not be
// needed again. Takes some milliseconds.
void give_back_memory();

}  // namespace hotswapd
