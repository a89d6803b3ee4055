#include "net/shard.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "net/resolver.hpp"

namespace hotswapd {

Shard::Shard(std::string name, TaskGroup::ExceptionSink on_exception)
    : name_(std::move(name)), tasks_(context_.get_executor(), std::move(on_exception)) {}

Shard::~Shard() {
  if (!thread_.joinable()) return;
  work_.reset();
  context_.stop();
  thread_.join();
}

void Shard::start() {
  work_.emplace(context_.get_executor());
  thread_ = std::thread([this] { context_.run(); });
  pthread_setname_np(thread_.native_handle(), name_.substr(0, 15).c_str());
}

void Shard::stop() {
  if (!thread_.joinable()) return;
  asio::post(context_, [this] {
    tasks_.request_stop();
    if (asio::has_service<Resolver>(context_)) Resolver::of(context_).stop();
    work_.reset();
  });
  thread_.join();
}

}  // namespace hotswapd
