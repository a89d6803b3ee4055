// Writes batches into a state directory and names each one on stdout once it is acknowledged, until
// it is killed.
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>

#include "tests/io/monitor/store_support.hpp"

int main(int argc, char** argv) {
  using namespace hotswapd;
  using namespace hotswapd::test;
  if (argc != 3) return 2;
  const long begin = std::stol(argv[2]);
  auto opened = StateStore::open(argv[1], wall_now());
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().text.c_str());
    return 1;
  }
  auto& store = **opened;
  if (const auto loaded = store.take_loaded(); !loaded.set_aside.empty()) {
    std::fprintf(stderr, "set aside: %s\n", loaded.set_aside_why.c_str());
    return 1;
  }
  for (long n = begin;; ++n) {
    Batch batch;  // all of it or nothing: the parent looks for each part
    batch.states = {state(0, static_cast<std::uint64_t>(n))};
    batch.transitions = {transition(0, "n", wall_now(), std::to_string(n))};
    batch.outbox = {outbox(store.next_outbox_id(), "event-" + std::to_string(n), 0)};
    batch.outbox[0].expires = wall_now() + std::chrono::hours(24);
    store.commit(std::move(batch), [n](const Fallible<void>& result) {
      if (!result) return;
      const std::string line = std::to_string(n) + "\n";  // below PIPE_BUF: whole or not at all
      if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) ::_exit(1);
    });
    while (store.health().queued > 20) std::this_thread::yield();
  }
}
