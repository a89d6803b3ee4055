// Resolves host names for the probes of one event loop: hosts file, cache, name servers, and the
// last good answer when those are ill.
#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/awaitable.hpp"
#include "net/deadline_wheel.hpp"
#include "net/poller.hpp"
#include "net/resolver_answer.hpp"
#include "net/resolver_cache.hpp"
#include "net/resolver_lookup.hpp"
#include "net/resolver_settings.hpp"

namespace hotswapd {

struct Resolution {
  // `unusable`: our own trouble, and no last good answer to fall back on.
  NameState state = NameState::unusable;
  std::vector<std::string> addresses;  // canonical, in the order in which they are to be tried
  bool stale = false;                  // the last good ones: the name servers are ill
  std::string trouble;  // of `unusable` and stale: "name server 192.0.2.53:53 answers
                        // SERVFAIL"
};

// One per io_context, used on its thread. Questions for one name are one lookup, however many wait
// for it. So many lookups go on at once; names that get no answer do not hold the others up. Keeps
// its loop running only while somebody waits or a lookup is under way.
class Resolver final : public asio::execution_context::service {
 public:
  struct Figures {
    std::uint64_t lookups = 0;  // names asked of the name servers
    std::uint64_t ill = 0;      // of those, how many came to nothing
    std::uint64_t from_cache = 0;
    std::uint64_t stale = 0;    // last good answers given
    std::uint64_t foreign = 0;  // datagrams that answered no question of ours
    std::uint64_t dropped = 0;  // names not asked because too many were waiting
    std::uint64_t put_off = 0;  // lookups broken off because others were waiting
  };

  static asio::execution_context::id id;

  explicit Resolver(asio::execution_context& owner);
  ~Resolver() override;

  // The resolver of this loop, made when it is first asked for.
  static Resolver& of(asio::io_context& context);

  // From now on; lookups under way end with the servers that they began with, and are not kept.
  void configure(std::shared_ptr<const ResolverSettings> settings);

  // Whom it asks, in order.
  const std::vector<DnsEndpoint>& servers() const noexcept { return settings_->servers; }

  // `name` is a host name, not an address. Ends by `deadline`. With a last good answer at hand it
  // waits for half of that at most, and never longer than 1.8 s (RFC 8767 5): the probe needs time
  // too. Cancelled (terminal): ends at once, `unusable`, "stopped".
  awaitable<Resolution> resolve(std::string name, TimePoint deadline);

  // The loop is to end: from now on no lookup goes on that nobody waits for.
  void stop();

  const Figures& figures() const noexcept { return figures_; }
  std::size_t asking() const noexcept { return asking_.size(); }

 private:
  using Resume = asio::any_completion_handler<void()>;
  struct Timed : DeadlineWheel::Node {
    virtual void due() = 0;

   protected:
    ~Timed() = default;
  };
  struct Waiter;
  struct Asking;

  void shutdown() noexcept override;
  bool known(const std::string& name, Resolution& into);
  Resolution fallback(const std::string& name, std::string trouble);
  bool join(Waiter& waiter);
  bool has_place(bool ill) const noexcept;
  void take_place();
  std::deque<Asking*>& line(bool ill) noexcept { return ill ? waiting_ill_ : waiting_; }
  void queue(Asking& asking);
  void begin(Asking& asking);
  void begin_waiting();
  void overdue(Asking& asking);
  void put_off(Asking& asking);
  void ended(Asking& asking, NameAnswer answer);
  void remember(const Asking& asking, const NameAnswer& answer);
  std::unique_ptr<Asking> take(Asking& asking);
  void leave(Waiter& waiter);
  void abandon(Asking& asking);
  void give_up(Waiter& waiter);
  void cancel(Waiter& waiter);
  std::vector<DnsEndpoint> servers_in_turn() const;
  void arm(DeadlineWheel::Node& node, TimePoint at);
  void disarm(DeadlineWheel::Node& node) noexcept;
  void set_timer(TimePoint at);
  void fire();

  Poller& poller_;
  asio::io_context& loop_;
  std::shared_ptr<const ResolverSettings> settings_;
  ResolverCache cache_;
  std::size_t first_server_ = 0;
  TimePoint last_answer_ = TimePoint::min();
  std::unordered_map<std::string, std::unique_ptr<Asking>> asking_;  // by name: to be joined
  std::vector<std::unique_ptr<Asking>> former_;  // of the settings before: not to be joined
  std::deque<Asking*> waiting_;                  // not begun: too many at once
  std::deque<Asking*> waiting_ill_;              // likewise; they got no answer last time
  std::vector<Asking*> slow_;                    // under way, and to give way to those who wait
  std::size_t under_way_ = 0;
  bool beginning_ = false;
  bool stopping_ = false;
  Figures figures_;
  DeadlineWheel deadlines_;
  asio::steady_timer timer_;
  TimePoint armed_ = TimePoint::max();
};

}  // namespace hotswapd
