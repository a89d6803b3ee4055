#include "api/event_feed.hpp"

#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <utility>

#include "net/sleep.hpp"

namespace hotswapd {

class EventFeed::Client final : public HttpStream {
 public:
  Client(asio::any_io_executor executor, std::string run, const FeedLimits& limits)
      : wake_(std::move(executor)), run_(std::move(run)), limits_(limits) {}

  awaitable<std::optional<std::string>> next() override {
    if (!begun_) {
      begun_ = true;
      std::optional<std::string> hello = "retry: 2000\n: events of hotswapd\n\n";
      co_return hello;
    }
    if (queue_.empty() && missed_ == 0 && !lost_count_ && !ended_) {
      wake_.expires_after(limits_.quiet);
      co_await wake_.async_wait(nothrow);
    }
    const bool stopped = co_await being_stopped();
    std::optional<std::string> text;
    if (ended_ || stopped) co_return text;
    text = take();
    co_return text;
  }

  void add(const Event& event) {
    queue_.push_back(event);
    wake_.cancel();
  }
  bool full() const { return queue_.size() >= limits_.queued; }
  void drop_oldest() {
    queue_.pop_front();
    ++missed_;
  }
  void missed(std::uint64_t count) { missed_ += count; }
  void lost_count() { lost_count_ = true; }
  void end() {
    ended_ = true;
    wake_.cancel();
  }

 private:
  std::string take() {
    std::string text;
    if (lost_count_ || missed_ != 0) {
      const auto count = lost_count_ ? std::string("null") : std::to_string(missed_);
      text = "event: dropped\ndata: {\"dropped\":" + count + "}\n\n";
      lost_count_ = false;
      missed_ = 0;
    }
    while (!queue_.empty() && text.size() < limits_.at_once) {
      const auto& event = queue_.front();
      text +=
          "id: " + run_ + "-" + std::to_string(event.number) + "\ndata: " + *event.json + "\n\n";
      queue_.pop_front();
    }
    if (text.empty()) text = ":\n\n";
    return text;
  }

  asio::steady_timer wake_;
  const std::string run_;
  const FeedLimits limits_;
  std::deque<Event> queue_;
  std::uint64_t missed_ = 0;
  bool lost_count_ = false;  // it missed some, and nobody knows how many
  bool begun_ = false;
  bool ended_ = false;
};

EventFeed::EventFeed(asio::any_io_executor executor, std::string run, FeedLimits limits)
    : executor_(std::move(executor)), run_(std::move(run)), limits_(limits) {}

EventFeed::~EventFeed() = default;

void EventFeed::publish(std::string json) {
  Event event{++last_, std::make_shared<const std::string>(std::move(json))};
  for (const auto& entry : clients_) {
    if (const auto client = entry.lock()) offer(*client, event);
  }
  kept_.push_back(std::move(event));
  if (kept_.size() > limits_.kept) kept_.pop_front();
}

void EventFeed::offer(Client& client, const Event& event) {
  if (client.full()) {
    client.drop_oldest();
    ++dropped_;
  }
  client.add(event);
}

std::uint64_t EventFeed::number_of(std::string_view id) const {
  if (!id.starts_with(run_) || id.size() < run_.size() + 2 || id[run_.size()] != '-') return 0;
  const auto digits = id.substr(run_.size() + 1);
  std::uint64_t number = 0;
  const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = bad == std::errc() && end == digits.data() + digits.size();
  return whole && number <= last_ ? number : 0;
}

std::shared_ptr<HttpStream> EventFeed::subscribe(std::string_view last_event_id) {
  if (clients() >= limits_.clients) return nullptr;
  auto client = std::make_shared<Client>(executor_, run_, limits_);
  if (!last_event_id.empty()) {
    const auto last = number_of(last_event_id);
    if (last == 0) {
      client->lost_count();
    } else {
      const auto first = kept_.empty() ? last_ + 1 : kept_.front().number;
      if (last + 1 < first) client->missed(first - last - 1);
      for (const auto& event : kept_) {
        if (event.number > last) offer(*client, event);
      }
    }
  }
  clients_.push_back(client);
  return client;
}

void EventFeed::end_all() {
  for (const auto& entry : clients_) {
    if (const auto client = entry.lock()) client->end();
  }
}

std::size_t EventFeed::clients() {
  std::erase_if(clients_, [](const auto& entry) { return entry.expired(); });
  return clients_.size();
}

}  // namespace hotswapd
