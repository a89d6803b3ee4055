// The keys of one account: who is asked for them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "aws/credential_wire.hpp"
#include "aws/credentials.hpp"
#include "core/text.hpp"

namespace hotswapd::aws {
namespace {

constexpr std::size_t largest_file = std::size_t{1024} * 1024;
constexpr std::size_t largest_answer = std::size_t{64} * 1024;
constexpr Millis agent_patience{2'000};
constexpr Millis instance_patience{1'000};
constexpr int agent_tries = 3;

// Keys that are known, for a request that fetches others.
class Given final : public KeyHolder {
 public:
  explicit Given(KeysPtr keys) : keys_(std::move(keys)) {}
  awaitable<Fallible<KeysPtr>> keys(TimePoint) override { co_return keys_; }
  void refused(const Keys&) override {}

 private:
  KeysPtr keys_;
};

std::string_view first_line(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

Error within(const std::string& who, const Error& error) {
  return {error.code, who + ": " + error.text, error.hint};
}

}  // namespace

Fallible<std::string> read_file(const std::string& path) {
  const auto trouble = [&](int code) {
    return Error{code == ENOENT ? errc::not_found : errc::refused,
                 clean(path) + " cannot be read: " + std::generic_category().message(code)};
  };
  // Non-blocking, so that a named pipe in this place cannot hold us.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return trouble(errno);
  std::string out;
  std::array<char, 4096> buffer{};
  int failed = 0;
  while (out.size() <= largest_file) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) failed = errno;
    if (got <= 0) break;
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  if (failed != 0) return trouble(failed);
  if (out.size() > largest_file) return Error{errc::refused, clean(path) + " is longer than 1 MiB"};
  return out;
}

struct Credentials::Reads {
  explicit Reads(const asio::any_io_executor& executor) : done(executor) {}
  std::optional<Fallible<std::string>> result;
  bool running = false;
  asio::steady_timer done;
};

Credentials::Credentials(Wire& wire, Surroundings around, AccountOptions options)
    : wire_(wire),
      around_(std::move(around)),
      options_(std::move(options)),
      reads_(std::make_shared<Reads>(wire.executor)),
      background_(wire.executor) {}

Credentials::~Credentials() = default;

awaitable<Fallible<std::string>> Credentials::file(std::string path, TimePoint deadline) {
  if (reads_->running)
    co_return Error{errc::unavailable, "the disk still has not given an earlier file"};
  reads_->running = true;
  reads_->result.reset();
  const auto reads = reads_;
  reads->done.expires_at(deadline);
  const auto read = around_.read;
  // A result that was on its way home when its owner went finds nobody there.
  std::function<Background::Result()> work = [to = std::weak_ptr(reads), read,
                                              path]() -> Background::Result {
    auto text = read(path);
    return [to, text = std::move(text)]() {
      const auto there = to.lock();
      if (!there) return;
      there->running = false;
      there->result = text;
      there->done.cancel();
    };
  };
  background_.run(std::move(work));
  co_await reads->done.async_wait(nothrow);
  if (!reads->result) co_return Error{errc::timed_out, clean(path) + " is not read in time"};
  co_return std::move(*reads->result);
}

awaitable<Fallible<void>> Credentials::make_plan(TimePoint deadline) {
  const auto files = profile_files(around_.environment);
  Profiles profiles;
  // Keys of the configuration need no file that somebody else may have broken.
  if (options_.access_key_id.empty()) {
    std::array<std::string, 2> texts;
    const std::array<const std::string*, 2> paths{&files.credentials, &files.config};
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (paths[i]->empty()) continue;
      auto path = *paths[i];
      auto text = co_await file(std::move(path), deadline);
      if (text) {
        texts[i] = std::move(*text);
      } else if (text.error().code != errc::not_found) {
        co_return text.error();
      }
    }
    auto read = read_profiles(texts[0], texts[1]);
    if (!read) co_return Error{errc::refused, read.error().text};
    profiles = std::move(*read);
  }
  auto plan = plan_credentials(options_, profiles, around_.environment);
  if (!plan) co_return plan.error();
  plan_ = std::move(*plan);
  co_return Fallible<void>();
}

awaitable<Fallible<Keys>> Credentials::fetch(TimePoint deadline) {
  const auto planned = co_await make_plan(deadline);
  if (!planned) co_return planned.error();
  auto keys = co_await base_keys(deadline);
  if (!keys) co_return within(plan_->origin, keys.error());
  const auto roles = plan_->roles;
  for (const auto& role : roles) {
    Given given(std::make_shared<const Keys>(std::move(*keys)));
    auto body = assume_role_form(role);
    keys = co_await from_sts(given, std::move(body), deadline);
    if (!keys) co_return within("the role " + clean(role.arn, 128), keys.error());
  }
  co_return keys;
}

awaitable<Fallible<Keys>> Credentials::base_keys(TimePoint deadline) {
  if (const auto* keys = std::get_if<Keys>(&plan_->base)) co_return *keys;
  if (const auto* found = std::get_if<FromWebIdentity>(&plan_->base)) {
    auto source = *found;
    co_return co_await from_web_identity(std::move(source), deadline);
  }
  if (const auto* found = std::get_if<FromContainer>(&plan_->base)) {
    auto source = *found;
    co_return co_await from_container(std::move(source), deadline);
  }
  auto source = std::get<FromInstance>(plan_->base);
  co_return co_await from_instance(std::move(source), deadline);
}

awaitable<Fallible<Keys>> Credentials::from_sts(KeyHolder& holder, std::string body,
                                                TimePoint deadline) {
  auto at = endpoint(Service::sts);
  if (!at) co_return Error{errc::refused, at.error().text};
  Operation operation;
  operation.service = Service::sts;
  operation.effect = Effect::repeatable;
  operation.method = "POST";
  operation.content_type = form_type;
  operation.body = std::move(body);
  auto where = std::move(*at);
  auto reply = co_await exchange(wire_, holder, std::move(where), std::move(operation), deadline);
  if (!reply) co_return static_cast<const Error&>(reply.error());
  auto keys = read_assumed_keys(reply->body);
  wipe_memory(reply->body.data(), reply->body.size());
  co_return keys;
}

awaitable<Fallible<Keys>> Credentials::from_web_identity(FromWebIdentity source,
                                                         TimePoint deadline) {
  auto path = source.token_file;
  auto token = co_await file(std::move(path), deadline);
  if (!token) {
    const auto& error = token.error();
    co_return Error{error.code == errc::not_found ? errc::refused : error.code, error.text};
  }
  const auto line = first_line(*token);
  if (line.empty() || !plain_token(line))
    co_return Error{errc::refused, clean(source.token_file) + " does not hold a token"};
  Given nobody(nullptr);
  auto body = web_identity_form(source.role, line);
  co_return co_await from_sts(nobody, std::move(body), deadline);
}

awaitable<Fallible<HttpReply>> Credentials::ask_agent(HttpCall call, Millis patience, int tries,
                                                      TimePoint deadline) {
  call.max_response = largest_answer;
  const auto send = around_.direct;
  Error trouble;
  for (int tried = 0; tried < tries; ++tried) {
    auto copy = call;
    copy.deadline = std::min<TimePoint>(deadline, Clock::now() + patience);
    auto reply = co_await send(std::move(copy));
    if (reply && !is_server_status(reply->status)) co_return reply;
    trouble = reply ? Error{errc::unavailable, "answers " + std::to_string(reply->status)}
                    : reply.error();
    if (Clock::now() >= deadline) break;
  }
  // Whatever was lost here: it changed nothing.
  if (trouble.code == errc::unknown_fate) trouble.code = errc::unavailable;
  co_return trouble;
}

awaitable<Fallible<Keys>> Credentials::from_container(FromContainer source, TimePoint deadline) {
  HttpCall call;
  call.url = source.url;
  std::string token(source.token.reveal());
  if (!source.token_file.empty()) {
    auto path = source.token_file;
    const auto read = co_await file(std::move(path), deadline);
    if (!read) co_return Error{errc::refused, read.error().text};
    token = first_line(*read);
  }
  if (!token.empty()) {
    for (const char c : token) {
      if (c == '\r' || c == '\n')
        co_return Error{errc::refused, "the container's authorization token has a line break"};
    }
    call.headers.push_back({"Authorization", token});
    call.secrets.push_back(token);
  }
  auto reply = co_await ask_agent(std::move(call), agent_patience, agent_tries, deadline);
  if (!reply) co_return reply.error();
  if (reply->status != 200) {
    co_return Error{errc::refused,
                    "the container's agent answers " + std::to_string(reply->status)};
  }
  auto keys = read_agent_keys(reply->body);
  wipe_memory(reply->body.data(), reply->body.size());
  co_return keys;
}

awaitable<Fallible<Keys>> Credentials::from_instance(FromInstance source, TimePoint deadline) {
  static const std::string roles = "/latest/meta-data/iam/security-credentials/";
  // At the first time a machine without the service should not be waited for.
  const int tries = held_ ? agent_tries : 1;
  for (bool again : {true, false}) {
    HttpCall ask;
    ask.method = "PUT";
    ask.url = source.origin + "/latest/api/token";
    ask.headers.push_back({"X-aws-ec2-metadata-token-ttl-seconds", "21600"});
    const auto token = co_await ask_agent(std::move(ask), instance_patience, tries, deadline);
    if (!token) co_return token.error();
    if (token->status != 200 || token->body.empty() || !plain_token(token->body)) {
      co_return Error{errc::refused, "the metadata service gives no token (answers " +
                                         std::to_string(token->status) + ")"};
    }
    std::string path = roles;
    Fallible<HttpReply> reply = Error{};
    for (int step = 0; step < 2; ++step) {
      HttpCall get;
      get.url = source.origin + path;
      get.headers.push_back({"X-aws-ec2-metadata-token", token->body});
      reply = co_await ask_agent(std::move(get), instance_patience, tries, deadline);
      if (!reply) co_return reply.error();
      if (reply->status != 200) break;
      if (step == 0) path += percent_encoded(first_line(reply->body));
    }
    if (reply->status == 401 && again) continue;
    if (reply->status == 404)
      co_return Error{errc::refused, "this machine has no role (the metadata service answers 404)"};
    if (reply->status != 200) {
      co_return Error{errc::refused,
                      "the metadata service answers " + std::to_string(reply->status)};
    }
    auto keys = read_agent_keys(reply->body);
    wipe_memory(reply->body.data(), reply->body.size());
    co_return keys;
  }
  co_return Error{errc::refused, "the metadata service refuses its own token"};
}

}  // namespace hotswapd::aws
