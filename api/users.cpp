#include "api/users.hpp"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {

// One hash to be made, for all who ask the same at the same time.
struct Users::Check {
  asio::steady_timer until;
  Secret setting;
  Secret password;
  Sha256 seal{};
  std::string from;
  std::size_t waiters = 0;
  bool stale = false;  // of the configuration before
  std::optional<bool> right = {};
};

bool matches_hash(const Secret& password, const Secret& hash) {
  const auto phrase = password.reveal();
  const auto wanted = hash.reveal();
  if (phrase.size() >= CRYPT_MAX_PASSPHRASE_SIZE || wanted.size() >= CRYPT_OUTPUT_SIZE)
    return false;
  if (phrase.find('\0') != phrase.npos) return false;
  const auto data = std::make_unique<crypt_data>();
  std::array<char, CRYPT_MAX_PASSPHRASE_SIZE> text{};
  std::array<char, CRYPT_OUTPUT_SIZE> setting{};
  std::copy(phrase.begin(), phrase.end(), text.begin());
  std::copy(wanted.begin(), wanted.end(), setting.begin());
  const char* const made = crypt_rn(text.data(), setting.data(), data.get(), sizeof *data);
  const bool right = made != nullptr && std::strlen(made) == wanted.size() &&
                     CRYPTO_memcmp(made, wanted.data(), wanted.size()) == 0;
  wipe_memory(text.data(), text.size());
  wipe_memory(data.get(), sizeof *data);
  return right;
}

Users::Users(asio::any_io_executor home, UserLimits limits)
    : home_(home),
      limits_(limits),
      failures_(limits.failures, Seconds(60)),
      background_(std::move(home)) {
  std::vector<std::byte> bytes(32);
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) ==
      1)
    key_ = MacKey(std::move(bytes));
}

Users::~Users() = default;

void Users::configure(std::vector<ApiAccount> accounts) {
  accounts_ = std::move(accounts);
  remembered_.clear();
  for (const auto& [number, check] : checks_) check->stale = true;
}

const ApiAccount* Users::find(std::string_view customer, std::string_view user) const {
  const auto found = std::find_if(accounts_.begin(), accounts_.end(), [&](const ApiAccount& a) {
    return a.user == user && iequals(a.customer, customer);
  });
  return found == accounts_.end() ? nullptr : &*found;
}

const ApiAccount* Users::named(const std::string& name) const {
  const ApiAccount* only = nullptr;
  std::size_t count = 0;
  for (const auto& account : accounts_) {
    if (account.user != name) continue;
    only = &account;
    ++count;
  }
  if (count == 1) return only;
  const auto slash = name.find('/');
  if (slash == name.npos) return nullptr;
  return find(std::string_view(name).substr(0, slash), std::string_view(name).substr(slash + 1));
}

bool Users::known(std::string_view customer, std::string_view user) const {
  return find(customer, user) != nullptr;
}

awaitable<LogIn> Users::log_in(std::string customer, std::string user, Secret password,
                               std::string peer) {
  const ApiAccount* const account = find(customer, user);
  std::string claimed = lower(customer) + '\0' + user;
  return log_in(account, std::move(claimed), std::move(password), std::move(peer));
}

awaitable<LogIn> Users::log_in(std::string name, Secret password, std::string peer) {
  const ApiAccount* const account = named(name);
  return log_in(account, std::move(name), std::move(password), std::move(peer));
}

Sha256 Users::digest(std::string_view name, std::string_view password) const {
  // The length of the name keeps its end apart from the beginning of the password.
  const std::string length = std::to_string(name.size()) + ':';
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  const auto mac =
      hmac(MacAlgorithm::hmac_sha256, key_, {bytes(length), bytes(name), bytes(password)});
  Sha256 made{};
  if (mac) std::copy_n(mac->bytes.begin(), made.size(), made.begin());
  return made;
}

// Of a user that does not exist: that of one that does, always the same one for the same name.
Secret Users::setting_for(const ApiAccount* account, std::string_view claimed) const {
  if (account != nullptr) return account->hash;
  const auto hash = digest(claimed, {});
  std::size_t number = 0;
  std::memcpy(&number, hash.data(), sizeof number);
  return accounts_[number % accounts_.size()].hash;
}

awaitable<LogIn> Users::log_in(const ApiAccount* account, std::string claimed, Secret password,
                               std::string peer) {
  const TimePoint began = Clock::now();
  LogIn answer;
  const Sha256 seal = digest(claimed, password.reveal());
  if (const auto found = remembered_.find(seal);
      found != remembered_.end() && began < found->second.until) {
    answer.result = LogIn::Result::granted;
    answer.customer = found->second.customer;
    answer.user = found->second.user;
    co_return answer;
  }
  const std::string from = address_key(peer);
  if (const auto full = failures_.full_for(from, began)) {
    if (tell_ && failures_.first_told(from)) tell_(from);
    answer.result = LogIn::Result::limited;
    answer.retry_after = std::chrono::ceil<Seconds>(*full);
    co_return answer;
  }
  const auto same = std::find_if(checks_.begin(), checks_.end(), [&](const auto& entry) {
    return !entry.second->stale && entry.second->seal == seal;
  });
  std::shared_ptr<Check> check;
  if (same != checks_.end()) {
    check = same->second;
  } else if (!room_for(from)) {
    answer.result = LogIn::Result::busy;
    answer.retry_after = Seconds(1);
    co_return answer;
  }
  // One guess, however many make it at once; taken for a failure until it is none, so that those
  // that wait count as well.
  const bool first = !check;
  if (first) failures_.count(from, began);
  if (accounts_.empty()) co_return answer;

  const bool exists = account != nullptr;
  std::string customer;
  std::string user;
  if (exists) {
    customer = account->customer;
    user = account->user;
  }
  if (first) {
    check = std::make_shared<Check>(Check{asio::steady_timer(home_, began + limits_.wait),
                                          setting_for(account, claimed), std::move(password), seal,
                                          from});
    const auto number = next_++;
    checks_.emplace(number, check);
    queue_.push_back(number);
    begin_checks();
  }
  ++check->waiters;
  if (!check->right) co_await check->until.async_wait(nothrow);
  --check->waiters;
  if (!check->right) {
    forget_unwanted();
    answer.result = LogIn::Result::busy;
    answer.retry_after = Seconds(1);
    co_return answer;
  }
  // The configuration may have changed meanwhile.
  const ApiAccount* const now = exists ? find(customer, user) : nullptr;
  if (!*check->right || now == nullptr || !(now->hash == check->setting)) co_return answer;
  if (first) failures_.forgive(from, Clock::now());
  remember(seal, *now, Clock::now());
  answer.result = LogIn::Result::granted;
  answer.customer = now->customer;
  answer.user = now->user;
  co_return answer;
}

bool Users::room_for(const std::string& from) const {
  const auto of_this = std::count_if(checks_.begin(), checks_.end(),
                                     [&](const auto& entry) { return entry.second->from == from; });
  return checks_.size() < limits_.waiting &&
         of_this < static_cast<std::ptrdiff_t>(limits_.waiting_of_one);
}

void Users::begin_checks() {
  while (running_ < limits_.at_once && !queue_.empty()) {
    const auto number = queue_.front();
    queue_.pop_front();
    Check& check = *checks_.at(number);
    ++running_;
    background_.run([this, number, password = std::move(check.password),
                     setting = check.setting]() -> Background::Result {
      const bool right = matches_hash(password, setting);
      return [this, number, right] { checked(number, right); };
    });
  }
}

// What nobody waits for any more, and has not begun, need not be done.
void Users::forget_unwanted() {
  std::erase_if(queue_, [this](std::uint64_t number) {
    const auto found = checks_.find(number);
    if (found->second->waiters != 0) return false;
    checks_.erase(found);
    return true;
  });
}

void Users::checked(std::uint64_t number, bool right) {
  --running_;
  if (const auto found = checks_.find(number); found != checks_.end()) {
    found->second->right = right;
    found->second->until.cancel();
    checks_.erase(found);
  }
  begin_checks();
}

void Users::remember(const Sha256& seal, const ApiAccount& account, TimePoint now) {
  if (key_.bytes().empty()) return;
  std::erase_if(remembered_, [&](const auto& entry) { return entry.second.until <= now; });
  if (remembered_.size() >= limits_.remembered_most) {
    remembered_.erase(std::min_element(
        remembered_.begin(), remembered_.end(),
        [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
  }
  remembered_[seal] = {now + limits_.remembered, account.customer, account.user};
}

}  // namespace hotswapd
