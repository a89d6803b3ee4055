#include "app/allocator.hpp"

#ifdef HOTSWAPD_MIMALLOC
#include <mimalloc.h>
#else
#include <malloc.h>
#endif

namespace hotswapd {

void give_back_memory() {
#ifdef HOTSWAPD_MIMALLOC
  mi_collect(true);
#else
  ::malloc_trim(0);
#endif
}

}  // namespace hotswapd
