// Gathers what /metrics says when it is asked: nothing is kept up to date for it in between.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/metrics_text.hpp"
#include "net/awaitable.hpp"
#include "net/background.hpp"
#include "net/shard.hpp"

namespace hotswapd {

// Lives on shard 0.
class MetricsSource {
 public:
  // `gather` fills in what is known on shard 0; `shards` are asked how long they take to answer.
  MetricsSource(asio::any_io_executor home, const std::vector<std::unique_ptr<Shard>>& shards,
                std::function<MetricsInput()> gather);

  // nullopt: as many scrapes as may are under way, or we are stopping. Takes 2 s at most.
  awaitable<std::optional<std::string>> page();

 private:
  awaitable<std::vector<std::pair<std::string, Micros>>> ask_loops();
  awaitable<std::optional<std::string>> write(MetricsInput input);

  asio::any_io_executor home_;
  const std::vector<std::unique_ptr<Shard>>& shards_;
  std::function<MetricsInput()> gather_;
  std::size_t scrapes_ = 0;
  Background background_;
};

}  // namespace hotswapd
