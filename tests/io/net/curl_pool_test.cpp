// The HTTP client against servers that answer, fall silent, close, flood, and are not whom they
// say.
#include "net/curl_pool.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "dns_peer.hpp"
#include "http_peer.hpp"
#include "net/resolver.hpp"
#include "net/task_group.hpp"

namespace hotswapd {
namespace {

using namespace testing;
using namespace std::chrono_literals;

const std::string hush = "s3cret-value";

std::string summary(const Fallible<HttpReply>& reply) {
  if (reply) return std::to_string(reply->status) + " " + reply->body;
  return std::string(to_string(reply.error().code)) + ": " + reply.error().text;
}

awaitable<void> call_into(CurlPool* pool, HttpCall call, std::string ca_file,
                          std::optional<Fallible<HttpReply>>* out) {
  auto reply = co_await pool->request(std::move(call), std::move(ca_file));
  out->emplace(std::move(reply));
}

class World {
 public:
  explicit World(CurlPool::Options options = {}) : pool_(context_, tls_, std::move(options)) {}

  using Slot = std::optional<Fallible<HttpReply>>;

  void begin(HttpCall call, Slot& out, Millis within = 10s, std::string ca_file = {}) {
    call.deadline = Clock::now() + within;
    tasks_.spawn("call", call_into(&pool_, std::move(call), std::move(ca_file), &out));
  }

  void run() {
    context_.restart();
    context_.run();
    EXPECT_EQ(tasks_.size(), 0u) << "the loop ended before the calls";
  }

  Fallible<HttpReply> call(HttpCall call, Millis within = 10s, std::string ca_file = {}) {
    Slot out;
    begin(std::move(call), out, within, std::move(ca_file));
    run();
    return out ? std::move(*out) : Fallible<HttpReply>(Error{errc::internal, "no answer"});
  }

  Fallible<HttpReply> get(const std::string& url, Millis within = 10s, std::string ca_file = {}) {
    HttpCall asked;
    asked.url = url;
    return call(std::move(asked), within, std::move(ca_file));
  }

  Fallible<HttpReply> write(const std::string& url, Millis within = 10s) {
    HttpCall asked;
    asked.method = "PATCH";
    asked.url = url;
    asked.body = "{}";
    return call(std::move(asked), within);
  }

  asio::io_context context_{1};
  TlsContexts tls_;
  CurlPool pool_;
  TaskGroup tasks_{context_.get_executor(),
                   [](const std::string&, const std::string& what) { ADD_FAILURE() << what; }};
};

TEST(CurlPool, SendsWhatItIsGivenAndKeepsTheConnection) {
  HttpPeer peer([](const HttpRequestSeen& seen) { return ok(seen.body, "X-Here: a b \r\n"); });
  World world;
  HttpCall call;
  call.method = "PUT";
  call.url = peer.url("/a/../b?c=%2F");
  call.headers = {{"X-API-Key", "k"}, {"X-Empty", ""}, {"Content-Type", "application/json"}};
  call.body = std::string("{\"a\":\0 1}", 9);
  const auto reply = world.call(call);
  ASSERT_TRUE(reply) << summary(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, call.body);
  ASSERT_NE(reply->header("x-here"), nullptr);
  EXPECT_EQ(*reply->header("x-here"), "a b");
  EXPECT_EQ(world.get(peer.url())->status, 200);
  const auto seen = peer.requests();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].head,
            "PUT /a/../b?c=%2F HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(peer.port()) +
                "\r\nAccept: */*\r\nX-API-Key: k\r\nX-Empty:\r\n"
                "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n");
  EXPECT_EQ(peer.connections(), 1);
  EXPECT_EQ(world.pool_.open_connections(), 1u);
}

TEST(CurlPool, EveryMethod) {
  HttpPeer peer([](const HttpRequestSeen& seen) -> std::string {
    if (seen.line().starts_with("HEAD")) return "HTTP/1.1 204 No\r\nContent-Length: 7\r\n\r\n";
    return ok("");
  });
  World world;
  for (const char* const method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}) {
    HttpCall call;
    call.method = method;
    call.url = peer.url("/x");
    EXPECT_TRUE(world.call(call)) << method;
    const auto seen = peer.requests().back();
    EXPECT_EQ(seen.line(), std::string(method) + " /x HTTP/1.1");
    const bool writes = std::string(method).starts_with("P");
    EXPECT_EQ(seen.has("Content-Length: 0"), writes) << seen.head;
    EXPECT_FALSE(seen.has("Content-Type")) << seen.head;
  }
  EXPECT_EQ(peer.connections(), 1);
}

TEST(CurlPool, ARedirectIsAReplyAndAChunkedOneIsPutTogether) {
  HttpPeer peer([](const HttpRequestSeen& seen) -> std::string {
    if (seen.line().starts_with("GET /moved"))
      return "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    return "HTTP/1.1 100 Continue\r\nX-One: 1\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
           "chunked\r\nTrailer: X-Late\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Late: 1\r\n\r\n";
  });
  World world;
  const auto moved = world.get(peer.url("/moved"));
  EXPECT_EQ(summary(moved), "302 ");
  const auto reply = world.get(peer.url("/chunked"));
  EXPECT_EQ(summary(reply), "200 abcde");
  EXPECT_EQ(reply->header("x-one"), nullptr);
  EXPECT_EQ(reply->header("x-late"), nullptr);
  EXPECT_EQ(peer.requests().size(), 2u);
}

TEST(CurlPool, SilenceEndsWithTheDeadline) {
  HttpPeer peer([](const HttpRequestSeen&) {
    return std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha");
  });
  World world;
  const auto origin = peer.url("");
  const auto began = Clock::now();
  EXPECT_EQ(summary(world.get(peer.url(), 300ms)),
            "timed_out: " + origin + ": no whole answer within 300 ms");
  EXPECT_EQ(summary(world.write(peer.url(), 300ms)),
            "unknown_fate: " + origin + ": no whole answer within 300 ms; it may have been done");
  EXPECT_LT(Clock::now() - began, 5s);
}

TEST(CurlPool, WhatNeverArrivedIsNotOfUnknownFate) {
  World world;
  const ClosedPort closed;
  const auto refused = world.write("http://127.0.0.1:" + std::to_string(closed.port()) + "/");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable) << refused.error().text;
  const DeafPort deaf;
  const auto silent = world.write("http://127.0.0.1:" + std::to_string(deaf.port()) + "/", 300ms);
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, errc::timed_out);
  EXPECT_NE(silent.error().text.find("no connection within 300 ms"), std::string::npos)
      << silent.error().text;
}

TEST(CurlPool, AFloodIsCutOff) {
  HttpPeer peer([](const HttpRequestSeen& seen) -> std::string {
    if (seen.line().starts_with("GET /headers"))
      return "HTTP/1.1 200 OK\r\n" + [] {
        std::string out;
        for (int i = 0; i < 5000; ++i) out += "X-More: 0123456789\r\n";
        return out;
      }() + "\r\n";
    return ok(std::string(100'000, 'x'));
  });
  World world;
  const auto headers = world.get(peer.url("/headers"));
  EXPECT_NE(summary(headers).find("more than 64 KiB of headers"), std::string::npos)
      << summary(headers);
  HttpCall call;
  call.url = peer.url("/body");
  call.max_response = 1000;
  EXPECT_NE(summary(world.call(call)).find("unavailable: "), std::string::npos);
  call.method = "POST";
  const auto body = world.call(call);
  EXPECT_NE(summary(body).find("answered with more than 1000 bytes; it may have been done"),
            std::string::npos)
      << summary(body);
  call.max_response = 100'000;
  EXPECT_EQ(world.call(call)->body.size(), 100'000u);
}

TEST(CurlPool, NonsenseIsNoAnswer) {
  HttpPeer peer([](const HttpRequestSeen&) { return std::string("220 smtp.example.com\r\n"); });
  World world;
  const auto reply = world.get(peer.url());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::unavailable) << reply.error().text;
  EXPECT_EQ(world.write(peer.url()).error().code, errc::unknown_fate);
}

// The server reads the second request of a connection and closes: it may have acted on it.
TEST(CurlPool, AWriteIsNeverRepeatedOnAConnectionThatDied) {
  for (const bool writes : {true, false}) {
    int count = 0;
    HttpPeer peer([&](const HttpRequestSeen&) -> std::optional<std::string> {
      return ++count == 2 ? std::nullopt : std::optional(ok("fine"));
    });
    World world;
    EXPECT_EQ(summary(world.get(peer.url())), "200 fine");
    const auto second = writes ? world.write(peer.url()) : world.get(peer.url());
    if (writes) {
      EXPECT_EQ(summary(second),
                "unknown_fate: " + peer.url("") +
                    ": the connection was closed before an answer came; it may have been done");
    } else {
      EXPECT_EQ(summary(second), "200 fine");
    }
    EXPECT_EQ(peer.requests().size(), writes ? 2u : 3u);
  }
}

TEST(CurlPool, AServerThatClosedMeanwhileIsConnectedToAnew) {
  HttpPeer peer([](const HttpRequestSeen& seen) -> std::optional<std::string> {
    if (seen.line().starts_with("GET /end"))
      return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    return ok("");
  });
  World world;
  EXPECT_TRUE(world.get(peer.url("/end")));
  EXPECT_TRUE(world.write(peer.url()));
  EXPECT_EQ(peer.connections(), 2);
}

TEST(CurlPool, CallsShareSoManyConnections) {
  HttpPeer peer([](const HttpRequestSeen&) {
    std::this_thread::sleep_for(5ms);
    return ok("fine");
  });
  CurlPool::Options options;
  options.connections_per_host = 3;
  options.calls = 30;
  World world(options);
  HttpCall call;
  call.url = peer.url();
  std::vector<World::Slot> out(31);
  for (auto& slot : out) world.begin(call, slot);
  world.run();
  int fine = 0;
  for (const auto& slot : out) fine += *slot && summary(**&slot) == "200 fine" ? 1 : 0;
  EXPECT_EQ(fine, 30);
  EXPECT_NE(summary(*out.back()).find("too many HTTP calls at once"), std::string::npos);
  EXPECT_LE(peer.most_open(), 3);
  EXPECT_EQ(peer.connections(), 3);
}

TEST(CurlPool, OneThatWaitsForAConnectionEndsInTime) {
  HttpPeer peer([](const HttpRequestSeen&) { return std::string("HTTP/1.1 200 OK\r\n"); });
  CurlPool::Options options;
  options.connections_per_host = 1;
  World world(options);
  HttpCall call;
  call.method = "POST";
  call.url = peer.url();
  World::Slot first, second;
  world.begin(call, first, 600ms);
  world.begin(call, second, 300ms);
  world.run();
  EXPECT_EQ(first->error().code, errc::unknown_fate);
  EXPECT_EQ(second->error().code, errc::timed_out) << "it never left";
  EXPECT_EQ(peer.requests().size(), 1u);
}

TEST(CurlPool, ABundleThatIsStillBeingReadIsNobodysMistake) {
  World world;
  std::string name = "/tmp/curl-pool-test-XXXXXX";
  const std::filesystem::path dir = mkdtemp(name.data());
  const std::string file = dir / "slow.pem";
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  TlsPolicy policy;
  policy.ca_file = file;
  ASSERT_FALSE(world.tls_.get(policy, Clock::now(), Clock::now() + 20ms));
  const auto reply = world.get("https://127.0.0.1:9/", 10s, file);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::unavailable) << reply.error().text;
  EXPECT_NE(reply.error().text.find("still being read"), std::string::npos);
  std::ofstream(file) << "no certificate";  // it ends
  while (world.get("https://127.0.0.1:9/", 10s, file).error().code == errc::unavailable)
    std::this_thread::yield();
  EXPECT_EQ(world.get("https://127.0.0.1:9/", 10s, file).error().code, errc::refused);
  std::filesystem::remove_all(dir);
}

TEST(CurlPool, StoppedCallsEndAtOnce) {
  HttpPeer peer([](const HttpRequestSeen&) { return std::string("HTTP/1.1 200 OK\r\n"); });
  World world;
  HttpCall call;
  call.method = "POST";
  call.url = peer.url();
  World::Slot out;
  world.begin(call, out, 60s);
  while (peer.requests().empty()) world.context_.run_one_for(10ms);
  world.tasks_.request_stop();
  const auto began = Clock::now();
  world.run();
  EXPECT_LT(Clock::now() - began, 5s);
  EXPECT_EQ(summary(*out), "unknown_fate: " + peer.url("") + ": stopped; it may have been done");
  peer.await_closed(1);
}

TEST(CurlPool, ALoopThatIsDestroyedTakesItsCallsAlong) {
  HttpPeer peer([](const HttpRequestSeen&) { return std::string("HTTP/1.1 200 OK\r\n"); });
  World::Slot out;
  {
    World world;
    HttpCall call;
    call.url = peer.url();
    world.begin(call, out, 60s);
    while (peer.requests().empty()) world.context_.run_one_for(10ms);
  }
  EXPECT_FALSE(out);
  peer.await_closed(1);
}

TEST(CurlPool, NothingSecretGetsIntoAText) {
  const ClosedPort closed;
  HttpPeer liar([](const HttpRequestSeen&) { return hush + " is no HTTP\r\n\r\n"; });
  World world;
  for (const auto port : {closed.port(), liar.port()}) {
    HttpCall call;
    call.method = "POST";
    call.url = "http://user:" + hush + "1@127.0.0.1:" + std::to_string(port) + "/" + "?k=" + hush;
    call.headers = {{"Authorization", "Bearer " + hush}};
    call.secrets = {hush};
    const auto reply = world.call(call);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().text.find(hush), std::string::npos) << reply.error().text;
    EXPECT_EQ(reply.error().text.find("user"), std::string::npos) << reply.error().text;
  }
  HttpCall broken;
  broken.url = "http://127.0.0.1/";
  broken.headers = {{"X-Key", hush + "\r\nX-More: 1"}};
  const auto reply = world.call(broken);
  EXPECT_EQ(reply.error().code, errc::invalid_argument);
  EXPECT_EQ(reply.error().text.find(hush), std::string::npos);
}

TEST(CurlPool, NamesAreAskedOfOurResolverAndNoThreadIsMade) {
  HttpPeer peer([](const HttpRequestSeen&) { return ok("fine"); });
  DnsPeer names([](const Asked& asked) {
    if (asked.text() == "api.example.com") return addresses(asked, "127.0.0.1", "");
    return nothing_but(asked, wire::Rcode::nxdomain);
  });
  World world;
  ResolverSettings settings;
  settings.servers = {names.endpoint()};
  settings.trouble.clear();
  Resolver::of(world.context_).configure(std::make_shared<const ResolverSettings>(settings));
  const auto tasks = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator());
  };
  const auto at = ":" + std::to_string(peer.port()) + "/";
  const auto before = tasks() - peer.connections();
  EXPECT_EQ(summary(world.get("http://api.example.com" + at)), "200 fine");
  EXPECT_EQ(tasks() - peer.connections(), before);
  EXPECT_TRUE(peer.requests()[0].has("Host: api.example.com:")) << peer.requests()[0].head;
  const auto gone = world.get("http://gone.example.com" + at);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, errc::unavailable);
}

const Identity& authority() {
  static const Identity made =
      make_identity({.common_name = "Test Root", .names = {}, .authority = true}, nullptr);
  return made;
}

std::shared_ptr<ssl_ctx_st> server_for(const char* name, int newest = 0) {
  return make_server_context(make_identity({.names = {name}}, &authority()), newest);
}

TEST(CurlPool, TrustsWhomItIsTold) {
  const PemFile file(authority());
  const PemFile other(make_identity({.common_name = "Other", .authority = true}, nullptr));
  HttpPeer peer([](const HttpRequestSeen&) { return ok("fine"); }, server_for("IP:127.0.0.1"));
  World world;
  EXPECT_EQ(summary(world.get(peer.url(), 10s, file.path())), "200 fine");
  EXPECT_EQ(summary(world.get(peer.url(), 10s, file.path())), "200 fine");
  EXPECT_EQ(peer.connections(), 1);
  // Who trusts somebody else never gets onto that connection.
  for (const auto& wrong : {other.path(), std::string("/nonexistent")}) {
    const auto reply = world.get(peer.url(), 10s, wrong);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, errc::refused) << reply.error().text;
  }
  EXPECT_EQ(peer.requests().size(), 2u);
}

TEST(CurlPool, TheNameMustBeTheServersAndTheTlsNew) {
  const PemFile file(authority());
  World world;
  HttpPeer stranger([](const HttpRequestSeen&) { return ok("fine"); },
                    server_for("DNS:www.example.com"));
  const auto wrong = world.get(stranger.url(), 10s, file.path());
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, errc::refused) << wrong.error().text;
  HttpPeer old([](const HttpRequestSeen&) { return ok("fine"); },
               server_for("IP:127.0.0.1", TLS1_1_VERSION));
  EXPECT_FALSE(world.get(old.url(), 10s, file.path()));
  HttpPeer plain([](const HttpRequestSeen&) { return ok("fine"); });
  EXPECT_FALSE(
      world.get("https://127.0.0.1:" + std::to_string(plain.port()) + "/", 300ms, file.path()));
  EXPECT_TRUE(stranger.requests().empty() && old.requests().empty());
}

ProxySettings proxy_at(const HttpPeer& peer, const std::string& user = "") {
  const auto at = "http://" + user + "127.0.0.1:" + std::to_string(peer.port());
  return proxy_settings(at, at, "", "");
}

TEST(CurlPool, GoesThroughTheProxyOfTheEnvironment) {
  HttpPeer proxy([](const HttpRequestSeen& seen) -> std::string {
    if (seen.line().starts_with("CONNECT")) return "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n";
    return ok("by proxy");
  });
  CurlPool::Options options;
  options.proxies = proxy_at(proxy, "me:" + hush + "@");
  options.proxies.except = {"127.0.0.1"};
  World world(options);
  // The name is the proxy's to find.
  HttpCall call;
  call.url = "http://api.example.com/x";
  call.headers = {{"X-API-Key", "k"}};
  EXPECT_EQ(summary(world.call(call)), "200 by proxy");
  const auto seen = proxy.requests().front();
  EXPECT_EQ(seen.line(), "GET http://api.example.com/x HTTP/1.1");
  EXPECT_TRUE(seen.has("Proxy-Authorization: Basic ")) << seen.head;
  call.method = "POST";
  call.url = "https://api.example.com/x";
  const auto tunnel = world.call(call);
  ASSERT_FALSE(tunnel);
  EXPECT_EQ(tunnel.error().code, errc::refused) << tunnel.error().text;
  EXPECT_EQ(tunnel.error().text.find(hush), std::string::npos) << tunnel.error().text;
  EXPECT_FALSE(proxy.requests().back().has("X-API-Key")) << "headers are not the proxy's to see";
  HttpPeer straight([](const HttpRequestSeen&) { return ok("straight"); });
  EXPECT_EQ(summary(world.get(straight.url())), "200 straight");
}

TEST(CurlPool, TheEnvironmentItselfIsNotRead) {
  // libcurl would: what counts is what the pool was given.
  ::setenv("http_proxy", "http://127.0.0.1:9", 1);
  HttpPeer peer([](const HttpRequestSeen&) { return ok("straight"); });
  World world;
  EXPECT_EQ(summary(world.get(peer.url())), "200 straight");
  ::unsetenv("http_proxy");
}

TEST(CurlPool, AfterItIsGoneCallsAreRefused) {
  HttpSend send;
  asio::io_context context;
  TlsContexts tls;
  {
    CurlPool pool(context, tls, CurlPool::Options{});
    send = pool.sender();
  }
  std::string heard;
  TaskGroup tasks(context.get_executor(), [](const std::string&, const std::string&) {});
  const auto ask = [](HttpSend by, std::string* out) -> awaitable<void> {
    HttpCall call;
    call.url = "http://127.0.0.1:9/";
    call.deadline = Clock::now() + 1s;
    const auto reply = co_await by(std::move(call));
    *out = summary(reply);
  };
  tasks.spawn("call", ask(send, &heard));
  context.run();
  EXPECT_EQ(heard, "unavailable: http://127.0.0.1:9: stopped");
}

}  // namespace
}  // namespace hotswapd
