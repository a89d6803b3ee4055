#include "net/resolver.hpp"

#include <algorithm>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "net/sleep.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t most_lookups = 128;     // at once: each holds a socket or two
constexpr std::size_t most_waiting = 16'384;  // names that wait for their turn, in each line
// Longer than that a lookup keeps its place only while nobody else needs it. A name that got no
// answer last time has it on these terms from the beginning.
constexpr Millis prompt{500};
constexpr std::size_t most_slow = 32;  // the oldest of those keep their places whoever waits
constexpr Millis longest_with_last_good{1800};

std::shared_ptr<const ResolverSettings> no_settings() {
  static const auto none = std::make_shared<const ResolverSettings>();
  return none;
}

}  // namespace

// A coroutine that waits for a name. Lives in its frame.
struct Resolver::Waiter final : Timed {
  Waiter(Resolver& r, std::string n) : resolver(r), name(std::move(n)) {}
  ~Waiter() { resolver.leave(*this); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  void due() override { resolver.give_up(*this); }

  // By swap: the move assignment of any_completion_handler in Boost 1.81 calls itself for ever.
  Resume take_resume() {
    Resume taken;
    taken.swap(resume);
    return taken;
  }

  Resolver& resolver;
  const std::string name;
  Asking* asking = nullptr;  // null: it waits for nothing any more
  Resolution found;
  Resume resume;
};

// A name that is asked, or will be, and who waits for it.
struct Resolver::Asking final : Timed, ResolverLookup::Owner {
  Asking(Resolver& r, std::string n) : resolver(r), name(std::move(n)) {}

  void due() override {
    if (Clock::now() >= slow_at) return resolver.overdue(*this);
    lookup->step();
  }
  void lookup_waits(ResolverLookup&, TimePoint until) override {
    resolver.arm(*this, std::min(until, slow_at));
  }
  void lookup_ended(ResolverLookup&, NameAnswer answer) override {
    resolver.ended(*this, std::move(answer));
  }

  Resolver& resolver;
  const std::string name;
  bool former = false;  // of the settings before
  bool ill = false;     // got no answer last time
  bool queued = false;  // in waiting_ or, when ill, waiting_ill_
  TimePoint began = TimePoint::min();
  TimePoint slow_at = TimePoint::max();    // max: it is in slow_, or not under way
  std::unique_ptr<ResolverLookup> lookup;  // null: waits for its turn
  std::vector<Waiter*> waiters;
};

asio::execution_context::id Resolver::id;

Resolver::Resolver(asio::execution_context& owner)
    : asio::execution_context::service(owner),
      // The poller is made first and therefore shut down last.
      poller_(Poller::of(static_cast<asio::io_context&>(owner))),
      loop_(static_cast<asio::io_context&>(owner)),
      settings_(no_settings()),
      timer_(loop_) {}

Resolver::~Resolver() = default;

Resolver& Resolver::of(asio::io_context& context) {
  return asio::use_service<Resolver>(context);
}

void Resolver::shutdown() noexcept {
  std::vector<Resume> doomed;  // they own the coroutines, and with them the waiters
  const auto drop = [&](Asking& asking) {
    for (Waiter* const waiter : asking.waiters) {
      waiter->asking = nullptr;
      deadlines_.remove(*waiter);
      doomed.push_back(waiter->take_resume());
    }
    deadlines_.remove(asking);
    asking.lookup.reset();
  };
  for (const auto& [name, asking] : asking_) drop(*asking);
  for (const auto& asking : former_) drop(*asking);
  asking_.clear();
  former_.clear();
  waiting_.clear();
  waiting_ill_.clear();
  slow_.clear();
}

void Resolver::configure(std::shared_ptr<const ResolverSettings> settings) {
  const bool same_servers = settings->servers == settings_->servers;
  settings_ = std::move(settings);
  if (same_servers) return;
  first_server_ = 0;
  cache_.expire();
  for (auto it = asking_.begin(); it != asking_.end();) {
    if (it->second->lookup == nullptr) {  // it will begin with the new servers
      ++it;
      continue;
    }
    it->second->former = true;
    former_.push_back(std::move(it->second));
    it = asking_.erase(it);
  }
}

awaitable<Resolution> Resolver::resolve(std::string name, TimePoint deadline) {
  Waiter waiter(*this, std::move(name));
  if (co_await being_stopped()) {
    waiter.found.trouble = "stopped";
    co_return std::move(waiter.found);
  }
  if (known(waiter.name, waiter.found)) co_return std::move(waiter.found);
  const TimePoint now = Clock::now();
  TimePoint until = deadline;
  if (cache_.look(waiter.name, now).last != nullptr)
    until = std::min<TimePoint>(now + longest_with_last_good, now + (deadline - now) / 2);
  if (join(waiter)) {
    arm(waiter, until);
    auto wait = [&waiter](auto handler) {
      auto slot = asio::get_associated_cancellation_slot(handler);
      Resume boxed(std::move(handler));
      boxed.swap(waiter.resume);
      if (slot.is_connected()) {
        slot.assign([&waiter](asio::cancellation_type type) {
          if ((type & asio::cancellation_type::terminal) != asio::cancellation_type::none)
            waiter.resolver.cancel(waiter);
        });
      }
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(wait, asio::use_awaitable);
  }
  co_return std::move(waiter.found);
}

// What can be said without asking.
bool Resolver::known(const std::string& name, Resolution& into) {
  if (const auto it = settings_->hosts.find(name); it != settings_->hosts.end()) {
    into.state = NameState::addresses;
    into.addresses = it->second;
    return true;
  }
  const auto view = cache_.look(name, Clock::now());
  if (view.fresh != nullptr) {
    ++figures_.from_cache;
    into.state = view.fresh->state;
    into.addresses = view.fresh->addresses;
    return true;
  }
  if (!view.trouble.empty()) {
    into = fallback(name, std::string(view.trouble));
    return true;
  }
  if (settings_->servers.empty()) {
    into = fallback(name, settings_->trouble);
    return true;
  }
  return false;
}

// The last good answer, or the trouble.
Resolution Resolver::fallback(const std::string& name, std::string trouble) {
  Resolution out;
  out.trouble = std::move(trouble);
  if (const auto* const last = cache_.look(name, Clock::now()).last) {
    out.state = NameState::addresses;
    out.addresses = *last;
    out.stale = true;
    ++figures_.stale;
  }
  return out;
}

// False: there is nothing to wait for, `found` says why.
bool Resolver::join(Waiter& waiter) {
  auto& place = asking_[waiter.name];
  if (place == nullptr) {
    const bool ill = cache_.look(waiter.name, Clock::now()).ill;
    if (!has_place(ill) && line(ill).size() >= most_waiting) {
      asking_.erase(waiter.name);
      ++figures_.dropped;
      waiter.found = fallback(waiter.name, "too many names wait to be resolved");
      return false;
    }
    place = std::make_unique<Asking>(*this, waiter.name);
    place->ill = ill;
  }
  Asking& asking = *place;
  waiter.asking = &asking;
  asking.waiters.push_back(&waiter);
  if (asking.lookup != nullptr || asking.queued) return true;
  if (!has_place(asking.ill)) {
    queue(asking);
    return true;
  }
  take_place();
  begin(asking);  // may end at once, and `asking` with it
  return waiter.asking != nullptr;
}

// A free one, or that of a slow one. The oldest of these may go on to their end, so that however
// many wait, every name server is tried.
bool Resolver::has_place(bool ill) const noexcept {
  return under_way_ < most_lookups || (!ill && slow_.size() > most_slow);
}

void Resolver::take_place() {
  if (under_way_ >= most_lookups) put_off(*slow_[most_slow]);
}

void Resolver::queue(Asking& asking) {
  asking.queued = true;
  line(asking.ill).push_back(&asking);
}

void Resolver::begin(Asking& asking) {
  if (settings_->servers.empty()) {
    NameAnswer none;
    none.trouble = settings_->trouble;
    return ended(asking, std::move(none));
  }
  ++under_way_;
  ++figures_.lookups;
  asking.began = Clock::now();
  if (asking.ill) {
    slow_.push_back(&asking);
  } else {
    asking.slow_at = asking.began + prompt;
  }
  const auto name = wire::Name::from_text(asking.name);
  asking.lookup = std::make_unique<ResolverLookup>(poller_, asking, servers_in_turn(),
                                                   name.value_or(wire::Name()));
  asking.lookup->start();
}

void Resolver::begin_waiting() {
  if (beginning_) return;  // a lookup that ends at once comes by here
  beginning_ = true;
  for (;;) {
    // The ill ones have their share, and what the others leave.
    const bool ill = !waiting_ill_.empty() && (waiting_.empty() || slow_.size() < most_slow);
    if (line(ill).empty() || !has_place(ill)) break;
    Asking* const next = line(ill).front();
    line(ill).pop_front();
    next->queued = false;
    if (next->waiters.empty()) {
      take(*next);
    } else {
      take_place();
      begin(*next);
    }
  }
  beginning_ = false;
}

void Resolver::overdue(Asking& asking) {
  asking.slow_at = TimePoint::max();
  slow_.push_back(&asking);
  arm(asking, Clock::now());  // for the step that it came for
  begin_waiting();            // it may have to give way at once
}

// Not from within the lookup: from a timer, or for another name.
void Resolver::put_off(Asking& asking) {
  disarm(asking);
  std::erase(slow_, &asking);
  figures_.foreign += asking.lookup->foreign();
  ++figures_.put_off;
  asking.lookup.reset();
  --under_way_;
  if (!asking.former) cache_.unanswered(asking.name);
  if (asking.waiters.empty()) {
    take(asking);
    return;
  }
  asking.ill = true;
  queue(asking);
}

void Resolver::ended(Asking& asking, NameAnswer answer) {
  remember(asking, answer);
  disarm(asking);
  auto ending = take(asking);
  std::vector<Resume> ready;
  for (Waiter* const waiter : ending->waiters) {
    waiter->asking = nullptr;
    disarm(*waiter);
    if (answer.state == NameState::unusable) {
      waiter->found = fallback(waiter->name, answer.trouble);
    } else {
      waiter->found.state = answer.state;
      waiter->found.addresses = answer.addresses;
    }
    if (Resume resume = waiter->take_resume()) ready.push_back(std::move(resume));
  }
  if (ending->lookup != nullptr) --under_way_;
  std::erase(slow_, ending.get());
  ending.reset();
  begin_waiting();
  for (auto& resume : ready) std::move(resume)();
}

void Resolver::remember(const Asking& asking, const NameAnswer& answer) {
  const bool ill = answer.state == NameState::unusable;
  if (ill) ++figures_.ill;
  if (asking.lookup != nullptr) figures_.foreign += asking.lookup->foreign();
  if (asking.former) return;
  if (ill) {
    cache_.trouble(asking.name, answer.trouble, Clock::now());
    // So that each of many silent ones is tried first some time; not for one name that is ill.
    if (last_answer_ < asking.began) ++first_server_;
    return;
  }
  last_answer_ = Clock::now();
  cache_.put(asking.name, answer, last_answer_);
  if (asking.lookup == nullptr || !asking.lookup->answered_by()) return;
  const auto& servers = settings_->servers;
  const auto by = std::find(servers.begin(), servers.end(), *asking.lookup->answered_by());
  if (by != servers.end()) first_server_ = static_cast<std::size_t>(by - servers.begin());
}

std::unique_ptr<Resolver::Asking> Resolver::take(Asking& asking) {
  std::unique_ptr<Asking> taken;
  if (asking.former) {
    const auto it = std::find_if(former_.begin(), former_.end(),
                                 [&](const auto& other) { return other.get() == &asking; });
    taken = std::move(*it);
    former_.erase(it);
  } else {
    const auto it = asking_.find(asking.name);
    taken = std::move(it->second);
    asking_.erase(it);
  }
  return taken;
}

// The lookup goes on without it: its answer serves the next who asks. Unless there will be none.
void Resolver::leave(Waiter& waiter) {
  disarm(waiter);
  Asking* const asking = std::exchange(waiter.asking, nullptr);
  if (asking == nullptr) return;
  std::erase(asking->waiters, &waiter);
  if (stopping_ && asking->waiters.empty()) abandon(*asking);
}

void Resolver::abandon(Asking& asking) {
  disarm(asking);
  if (asking.queued) std::erase(line(asking.ill), &asking);
  std::erase(slow_, &asking);
  if (asking.lookup != nullptr) --under_way_;
  take(asking);
}

void Resolver::give_up(Waiter& waiter) {
  leave(waiter);
  waiter.found = fallback(waiter.name, "no answer of a name server in time");
  if (Resume resume = waiter.take_resume()) std::move(resume)();
}

// Called from inside the emission of the signal, which must be over before the coroutine that owns
// it goes on.
void Resolver::cancel(Waiter& waiter) {
  leave(waiter);
  waiter.found.trouble = "stopped";
  if (Resume later = waiter.take_resume())
    asio::post(loop_, [resume = std::move(later)]() mutable { std::move(resume)(); });
}

void Resolver::stop() {
  stopping_ = true;
  std::vector<Asking*> unwanted;
  const auto look = [&](Asking& asking) {
    if (asking.waiters.empty()) unwanted.push_back(&asking);
  };
  for (const auto& [name, asking] : asking_) look(*asking);
  for (const auto& asking : former_) look(*asking);
  for (Asking* const asking : unwanted) abandon(*asking);
}

// The one that answered last comes first: a dead one costs its time-out once, not for each name.
std::vector<DnsEndpoint> Resolver::servers_in_turn() const {
  auto servers = settings_->servers;
  const auto first = static_cast<std::ptrdiff_t>(first_server_ % servers.size());
  std::rotate(servers.begin(), servers.begin() + first, servers.end());
  return servers;
}

void Resolver::arm(DeadlineWheel::Node& node, TimePoint at) {
  deadlines_.remove(node);
  deadlines_.add(node, at);
  set_timer(DeadlineWheel::grid_point(at));
}

void Resolver::disarm(DeadlineWheel::Node& node) noexcept {
  deadlines_.remove(node);
  if (deadlines_.size() != 0 || armed_ == TimePoint::max()) return;
  armed_ = TimePoint::max();
  timer_.cancel();
}

void Resolver::set_timer(TimePoint at) {
  if (at >= armed_) return;
  armed_ = at;
  timer_.expires_at(at);
  timer_.async_wait([this](error_code ec) {
    if (!ec) fire();  // else moved, or nothing waits any more
  });
}

void Resolver::fire() {
  armed_ = TimePoint::max();
  const TimePoint now = Clock::now();
  while (auto* const node = deadlines_.pop(now)) static_cast<Timed*>(node)->due();
  if (const auto next = deadlines_.next(Clock::now())) set_timer(*next);
}

}  // namespace hotswapd
