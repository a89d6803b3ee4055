// Redirects followed by real connections: where they lead, what is said there, and where they end.
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "net/resolver.hpp"
#include "probes/address_gate.hpp"
#include "scripted_peer.hpp"
#include "test_certificates.hpp"
#include "tests/io/net/dns_peer.hpp"

namespace hotswapd {
namespace {

using namespace testing;

std::string to(const std::string& location, const char* status = "302 Found") {
  return std::string("HTTP/1.1 ") + status + "\r\nLocation: " + location +
         "\r\nContent-Length: 0\r\n\r\n";
}

const std::string good = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nExample";

// A site of several pages: the answer to a request is that of the first page whose name the request
// line holds. Remembers the requests.
class Site {
 public:
  using Pages = std::vector<std::pair<std::string, std::string>>;

  explicit Site(Pages pages, const char* address = "127.0.0.1")
      : pages_(std::move(pages)), peer_([this](int fd) { serve(fd); }, address) {}

  std::uint16_t port() const { return peer_.port(); }
  std::string url(const std::string& host, const std::string& path) const {
    return "http://" + host + ":" + std::to_string(port()) + path;
  }
  TargetSpec target(Millis timeout = Millis(5000)) const {
    auto made = target_at(port(), Protocol::http, timeout, peer_.address());
    made.monitor.path = "/start";
    made.monitor.redirects = Redirects::follow;
    return made;
  }
  // Known after the site was made: the pages may name its port.
  void set(Pages pages) {
    const std::lock_guard lock(mutex_);
    pages_ = std::move(pages);
  }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve(int fd) {
    const std::string request = read_request(fd);
    std::string answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      for (const auto& [name, bytes] : pages_) {
        if (request.starts_with("GET " + name + " ")) {
          answer = bytes;
          break;
        }
      }
    }
    if (send_all(fd, answer)) await_close(fd);
  }

  std::mutex mutex_;
  Pages pages_;
  std::vector<std::string> requests_;
  ScriptedPeer peer_;
};

std::string with_port(const std::string& text, std::uint16_t port) {
  std::string out = text;
  for (auto at = out.find("PORT"); at != std::string::npos; at = out.find("PORT"))
    out.replace(at, 4, std::to_string(port));
  return out;
}

TEST(RedirectProbe, RelativeOnesStayAtTheAddressAndKeepTheHost) {
  Site site({{"/start", to("next?x=1")}, {"/next?x=1", to("/end", "308 Moved")}, {"/end", good}});
  auto target = site.target();
  target.monitor.expected = "Example";
  target.monitor.headers = {{"X-Token", "s3cret"}};
  const auto result = probe(target);
  EXPECT_EQ(summary(result),
            with_port("pass none HTTP 200 (at http://www.example.com:PORT/end after 2 redirects)",
                      site.port()));
  ASSERT_TRUE(result.times.connect && result.times.first_byte);
  EXPECT_LE(*result.times.connect, *result.times.first_byte);
  EXPECT_LE(*result.times.first_byte, result.times.total);
  const auto requests = site.requests();
  ASSERT_EQ(requests.size(), 3u);
  for (const auto& request : requests) {
    EXPECT_NE(request.find("Host: www.example.com\r\n"), std::string::npos) << request;
    EXPECT_NE(request.find("X-Token: s3cret"), std::string::npos) << request;
  }
}

TEST(RedirectProbe, TheVerdictIsThatOfTheLastAnswer) {
  Site site({{"/start", to("/gone")}});
  EXPECT_EQ(
      summary(probe(site.target())),
      with_port("fail content HTTP 404, wanted 2xx (at http://www.example.com:PORT/gone after "
                "1 redirect)",
                site.port()));
}

TEST(RedirectProbe, AStatusThatWasAskedForIsAnAnswer) {
  Site site({{"/start", to("/elsewhere")}});
  auto target = site.target();
  target.monitor.status = {{302, 302}};
  EXPECT_EQ(summary(probe(target)), "pass none HTTP 302");
  EXPECT_EQ(site.requests().size(), 1u);
  target.monitor.status = {};
  target.monitor.redirects = Redirects::accept;
  EXPECT_EQ(summary(probe(target)), "pass none HTTP 302");
  target.monitor.redirects = Redirects::fail;
  EXPECT_EQ(summary(probe(target)), "fail content HTTP 302, wanted 2xx");
  EXPECT_EQ(site.requests().size(), 3u);
}

TEST(RedirectProbe, TheProbedHostIsAtTheProbedAddressWhateverItsNameResolvesTo) {
  Site other({{"/end", good}});
  Site site({{"/start", to("http://www.example.com:" + std::to_string(other.port()) + "/end")}});
  EXPECT_EQ(summary(probe(site.target())),
            with_port("pass none HTTP 200 (at http://www.example.com:PORT/end after 1 redirect)",
                      other.port()));
  EXPECT_NE(other.requests().at(0).find("Host: www.example.com:" + std::to_string(other.port())),
            std::string::npos);
}

TEST(RedirectProbe, AnotherHostGetsNoHeadersOfOurs) {
  Site other({{"/end", good}}, "127.0.0.2");
  Site site({{"/start", to(other.url("127.0.0.2", "/end"))}});
  auto target = site.target();
  target.monitor.headers = {{"Authorization", "Bearer s3cret"}};
  EXPECT_EQ(probe(target).verdict, Verdict::pass);
  const auto seen = other.requests().at(0);
  EXPECT_EQ(seen.find("s3cret"), std::string::npos) << seen;
  EXPECT_NE(seen.find("Host: 127.0.0.2:"), std::string::npos) << seen;
}

TEST(RedirectProbe, LoopsAndLongChainsEndWithTheirReason) {
  {
    Site site({{"/start", to("/b")}, {"/b", to("/start")}});
    const auto result = probe(site.target());
    EXPECT_EQ(
        summary(result),
        with_port("fail content redirect loop: HTTP 302 back to http://www.example.com:PORT/start",
                  site.port()));
    EXPECT_TRUE(result.times.first_byte);
    EXPECT_EQ(site.requests().size(), 2u);
  }
  {
    Site site({{"/start", to("/start")}});
    EXPECT_EQ(
        summary(probe(site.target())),
        with_port("fail content redirect loop: HTTP 302 back to http://www.example.com:PORT/start",
                  site.port()));
  }
  {
    Site::Pages pages{{"/start", to("/1")}};
    for (int i = 1; i < 20; ++i)
      pages.emplace_back("/" + std::to_string(i), to("/" + std::to_string(i + 1)));
    Site site(pages);
    EXPECT_EQ(
        summary(probe(site.target())),
        with_port("fail content more than 5 redirects, the next to http://www.example.com:PORT/6",
                  site.port()));
    EXPECT_EQ(site.requests().size(), 6u);
  }
}

TEST(RedirectProbe, HostileLocations) {
  const struct {
    std::string answer;
    const char* wanted;
  } rows[] = {
      {"HTTP/1.1 302 Found\r\n\r\n", "fail protocol HTTP 302 without a Location"},
      {to("ftp://www.example.com/x"),
       "fail content HTTP 302 to another scheme (ftp://www.example.com/x)"},
      {to("http://user:pw@www.example.com/"), "fail content HTTP 302 to a URL with a user name"},
      {to("http://www.example.com:99999/"),
       "fail content HTTP 302 to a port that is none (http://www.example.com:99999/)"},
      {to("/%zz"), "fail protocol HTTP 302 to no valid URL (/%zz)"},
      {"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n\r\n",
       "fail protocol differing Locations"},
      {"HTTP/1.1 302 Found\r\nLocation: /a\r\n /b\r\n\r\n", "fail protocol malformed header line"},
      {to("/" + std::string(3000, 'a')), "fail protocol Location longer than 2 KiB"},
      {to("/a\x01"
          "b"),
       "fail protocol control character in the header"},
  };
  for (const auto& row : rows) {
    Site site({{"/start", row.answer}});
    EXPECT_EQ(summary(probe(site.target())), row.wanted);
    EXPECT_EQ(site.requests().size(), 1u) << row.wanted;
  }
}

TEST(RedirectProbe, EachHopIsUnderTheProbePolicy) {
  Site other({{"/end", good}}, "127.0.0.2");
  Site site({{"/start", to(other.url("127.0.0.2", "/end"))}});
  TlsContexts contexts;
  auto policy = std::make_shared<AddressPolicy>();
  policy->deny.push_back(ProbeNetwork::parse("127.0.0.2", 32).value());
  const auto prepare = [&](asio::io_context& loop) { AddressGate::of(loop).configure(policy); };
  EXPECT_EQ(summary(probe_on(prepare, site.target(), contexts)),
            with_port("inconclusive local denied by probe_policy (127.0.0.2/32): 127.0.0.2 (at "
                      "http://127.0.0.2:PORT/end after 1 redirect)",
                      other.port()));
  EXPECT_TRUE(other.requests().empty());
}

// Also when it is a name that resolves there.
TEST(RedirectProbe, AHopToAnotherNameIsResolvedAndJudgedAtItsAddress) {
  DnsPeer dns([](const Asked& asked) {
    AnswerMaker answer(asked);
    const bool known = asked.text() == "login.example.net";
    if (known && asked.type == wire::type::a) answer.address(asked.text(), "127.0.0.2", 60);
    return std::vector<Packet>{answer.packet()};
  });
  Site other({{"/end", good}}, "127.0.0.2");
  Site site({{"/start", to(other.url("login.example.net", "/end"))}});
  auto names = std::make_shared<ResolverSettings>();
  names->servers = {dns.endpoint()};
  names->trouble.clear();
  TlsContexts contexts;
  const auto resolving = [&](asio::io_context& loop) { Resolver::of(loop).configure(names); };
  const auto result = probe_on(resolving, site.target(), contexts);
  EXPECT_EQ(summary(result),
            with_port("pass none HTTP 200 (at 127.0.0.2) (at http://login.example.net:PORT/end "
                      "after 1 redirect)",
                      other.port()));
  EXPECT_TRUE(result.times.resolve);
  EXPECT_EQ(result.address, "") << "the target was given by address";

  auto policy = std::make_shared<AddressPolicy>();
  policy->deny.push_back(ProbeNetwork::parse("127.0.0.2", 32).value());
  const auto denying = [&](asio::io_context& loop) {
    resolving(loop);
    AddressGate::of(loop).configure(policy);
  };
  const auto denied = probe_on(denying, site.target(), contexts);
  EXPECT_EQ(denied.verdict, Verdict::inconclusive);
  EXPECT_TRUE(denied.reason.starts_with("denied by probe_policy (127.0.0.2/32): 127.0.0.2"))
      << denied.reason;

  site.set({{"/start", to("http://nowhere.example.net/")}});
  EXPECT_EQ(summary(probe_on(resolving, site.target(), contexts)),
            "fail resolve nowhere.example.net has no address (neither A nor AAAA) (at "
            "http://nowhere.example.net/ after 1 redirect)");
}

TEST(RedirectProbe, AHopThatIsRefusedIsAFailureOfItsOwn) {
  ClosedPort closed;
  Site site({{"/start", to("http://www.example.com:" + std::to_string(closed.port()) + "/")}});
  EXPECT_EQ(summary(probe(site.target())),
            with_port("fail connect connection refused by 127.0.0.1 port PORT (at "
                      "http://www.example.com:PORT/ after 1 redirect)",
                      closed.port()));
}

TEST(RedirectProbe, OneDeadlineOverAllHops) {
  ScriptedPeer silent(await_close);
  ScriptedPeer slow([&](int fd) {
    read_request(fd);
    drip(fd, to("http://www.example.com:" + std::to_string(silent.port()) + "/"), Millis(3));
  });
  auto target = target_at(slow.port(), Protocol::http, Millis(2000));
  target.monitor.path = "/";
  target.monitor.redirects = Redirects::follow;
  const auto result = probe(target);
  EXPECT_EQ(result.failure, FailureClass::timeout) << result.reason;
  EXPECT_NE(result.reason.find("after 1 redirect"), std::string::npos) << result.reason;
  expect_at_deadline(result, Millis(2000));
}

// From HTTP to HTTPS and back: the name of the URL is sent and verified.
TEST(RedirectProbe, IntoTlsAndOut) {
  const Identity authority =
      make_identity({.common_name = "Test Root", .names = {}, .authority = true}, nullptr);
  const PemFile trusted(authority);
  const Identity identity = make_identity({.names = {"DNS:www.example.com"}}, &authority);
  Site site({});
  std::mutex mutex;
  std::string asked;
  std::string name;
  ScriptedPeer secure([&](int fd) {
    TlsServer server(identity, fd);
    if (!server.shake()) return;
    {
      const std::lock_guard lock(mutex);
      name = server.server_name();
      asked = server.read_request();
    }
    server.send(to(site.url("www.example.com", "/end")));
    await_close(fd);
  });
  const std::string https = "https://www.example.com:" + std::to_string(secure.port()) + "/login";
  site.set({{"/start", to(https)}, {"/end", good}});
  auto target = site.target();
  target.monitor.tls.ca_file = trusted.path();
  target.monitor.headers = {{"X-Token", "s3cret"}};
  EXPECT_EQ(summary(probe(target)),
            with_port("pass none HTTP 200 (at http://www.example.com:PORT/end after 2 redirects)",
                      site.port()));
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(name, "www.example.com");
    EXPECT_NE(asked.find("X-Token"), std::string::npos);
  }

  site.set({{"/start", to("https://127.0.0.1:" + std::to_string(secure.port()) + "/")}});
  EXPECT_EQ(summary(probe(target)),
            with_port("fail tls certificate is not for 127.0.0.1 but for www.example.com (at "
                      "https://127.0.0.1:PORT/ after 1 redirect)",
                      secure.port()));
}

}  // namespace
}  // namespace hotswapd
