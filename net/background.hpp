// Work that may block for ever (a file on a mount that hangs), away from the loop: nobody waits for
// it, neither while it runs nor at the end.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>

#include "net/awaitable.hpp"

namespace hotswapd {

// Lives on one executor (one thread); every member function is called there, the destructor too.
class Background {
 public:
  // What is to be done at home with what came of the work. May be destroyed on another thread,
  // unrun, when its owner has gone meanwhile: it captures values and plain pointers to what
  // outlives the Background, never a handle whose end means something.
  using Result = std::function<void()>;

  explicit Background(asio::any_io_executor home);
  ~Background();  // what still runs half a second later is left behind; no result comes any more
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Runs `work` on a thread of its own, then its result at home. `work` refers to nothing that
  // could go before it ends: it owns what it needs. It must not throw. The caller bounds how many
  // run at a time. When the system gives no thread, `work` runs at once, here.
  void run(std::function<Result()> work);

 private:
  struct Home;
  std::shared_ptr<Home> home_;
};

}  // namespace hotswapd
