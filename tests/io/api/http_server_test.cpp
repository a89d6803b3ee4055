#include "api/http_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "api/health_handler.hpp"
#include "tests/io/api/line_client.hpp"
#include "tests/io/api/server_thread.hpp"

namespace hotswapd {
namespace {

using test::eventually;
using test::LineClient;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// Three pieces, one after the other.
struct Three final : HttpStream {
  awaitable<std::optional<std::string>> next() override {
    if (++said > 3) co_return std::nullopt;
    co_return "piece " + std::to_string(said) + "\n";
  }
  int said = 0;
};

// The health routes, one that fails, and one that says what it was asked.
struct Handler final : HttpHandler {
  awaitable<HttpResponse> handle(HttpRequest request) override {
    if (request.path == "/throw") throw std::runtime_error("no");
    if (request.path != "/echo") co_return health.answer(request);
    HttpResponse response;
    response.body = request.method + " " + request.path + " ?" + request.query + " " +
                    std::string(request.header("x-mark")) + " [" + request.body + "] from " +
                    request.peer + "\n";
    response.close = request.query == "close";
    if (request.query == "stream") response.stream = std::make_shared<Three>();
    co_return response;
  }
  HealthHandler health{[] { return std::string("the first full round is not done"); }};
};

class HttpServerTest : public testing::Test {
 protected:
  void start(HttpLimits limits = {}) {
    HttpServerOptions options;
    options.listen = "127.0.0.1:0";
    options.limits = limits;
    const auto started = thread.start(std::move(options), handler);
    ASSERT_TRUE(started) << started.error().text;
  }
  LineClient client() { return LineClient::tcp(thread.server().port()); }
  // One request on a connection that the server closes after it.
  std::string ask(const std::string& request) {
    auto one = client();
    EXPECT_TRUE(one.send(request));
    return one.rest();
  }

  Handler handler;
  test::ServerThread<HttpServer> thread;
};

std::string get(const std::string& path, const std::string& more = "Connection: close\r\n") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}

TEST_F(HttpServerTest, AnswersHealthAndReadiness) {
  start();
  EXPECT_THAT(ask(get("/healthz")),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
                    HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"),
                    HasSubstr("Content-Length: 3\r\n"), EndsWith("\r\n\r\nok\n")));
  EXPECT_THAT(ask(get("/healthz?verbose=1")), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(ask(get("/readyz")), AllOf(StartsWith("HTTP/1.1 503 Service Unavailable\r\n"),
                                         EndsWith("\r\n\r\nthe first full round is not done\n")));
  EXPECT_THAT(ask(get("/")), StartsWith("HTTP/1.1 404 Not Found\r\n"));
}

TEST_F(HttpServerTest, HeadHasTheFieldsWithoutTheBody) {
  start();
  EXPECT_THAT(ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 3\r\n"),
                    EndsWith("\r\n\r\n")));
}

TEST_F(HttpServerTest, OtherMethodsAreToldWhatIsAllowed) {
  start();
  EXPECT_THAT(
      ask("POST /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
          "5\r\n\r\nhello"),
      AllOf(StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"), HasSubstr("Allow: GET, HEAD\r\n")));
}

TEST_F(HttpServerTest, ConnectionsAreKeptAliveAndPipelined) {
  start();
  auto one = client();
  const std::string request = get("/healthz", "");
  ASSERT_TRUE(one.send(request + request));
  ASSERT_TRUE(one.send(get("/healthz")));
  const std::string all = one.rest();
  std::size_t answers = 0;
  for (std::size_t at = 0; (at = all.find("HTTP/1.1 200 OK", at)) != std::string::npos; ++at)
    ++answers;
  EXPECT_EQ(answers, 3u);
  EXPECT_THAT(ask("GET /healthz HTTP/1.0\r\n\r\n"),
              StartsWith("HTTP/1.0 200 OK\r\n"));  // closes by itself
}

TEST_F(HttpServerTest, HandlersSeeTheWholeRequest) {
  start();
  for (const char* method : {"GET", "DELETE", "PUT"}) {
    EXPECT_THAT(ask(std::string(method) +
                    " /echo?detail=Y HTTP/1.1\r\nHost: x\r\nX-MARK: m\r\nContent-Length: 2\r\n"
                    "Connection: close\r\n\r\n{}"),
                EndsWith(std::string(method) + " /echo ?detail=Y m [{}] from 127.0.0.1\n"));
  }
}

TEST_F(HttpServerTest, AnAbsoluteTargetIsMeantForUs) {
  start();
  EXPECT_THAT(ask(get("https://api.example.net/echo?a=b")), HasSubstr("GET /echo ?a=b "));
  EXPECT_THAT(ask(get("http://api.example.net?a=b")), StartsWith("HTTP/1.1 404"));
}

TEST_F(HttpServerTest, AHandlerMayEndTheConnectionAndSaysSo) {
  start();
  auto one = client();
  ASSERT_TRUE(one.send(get("/echo?close", "")));
  EXPECT_THAT(one.rest(), HasSubstr("Connection: close\r\n"));
}

TEST_F(HttpServerTest, AStreamGoesOutPieceByPiece) {
  start();
  EXPECT_THAT(ask(get("/echo?stream", "")),
              AllOf(HasSubstr("Connection: close\r\n"), Not(HasSubstr("Content-Length")),
                    EndsWith("\r\n\r\npiece 1\npiece 2\npiece 3\n")));
}

TEST_F(HttpServerTest, AnIdleConnectionIsKeptForItsTimeOnly) {
  HttpLimits limits;
  limits.idle = Millis(50);
  start(limits);
  auto one = client();
  ASSERT_TRUE(one.send(get("/healthz", "")));
  EXPECT_THAT(one.rest(), EndsWith("\r\n\r\nok\n"));
}

TEST_F(HttpServerTest, BadRequestsAreAnsweredAndEndTheConnection) {
  start();
  EXPECT_THAT(ask("hello\r\n\r\n"), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(ask("GET /healthz HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 400 Bad Request\r\n"));  // no Host
  EXPECT_THAT(ask("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: a\r\n\r\n"),
              StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9) + "\r\n\r\n"),
              StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask("POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(ask(get("/throw")), AllOf(StartsWith("HTTP/1.1 500"), Not(HasSubstr("no\n"))));
}

TEST_F(HttpServerTest, HeadersHaveABound) {
  start();
  EXPECT_THAT(ask(get("/healthz", "X: " + std::string(15'000, 'x') + "\r\nConnection: close\r\n")),
              StartsWith("HTTP/1.1 200"));
  auto one = client();
  one.send(get("/healthz", "X: " + std::string(17'000, 'x') + "\r\n"));
  EXPECT_THAT(one.line().value_or("nothing"), StartsWith("HTTP/1.1 431"));
  EXPECT_TRUE(one.closed_by_peer());
}

TEST_F(HttpServerTest, ASlowRequestIsCutOff) {
  HttpLimits limits;
  limits.request = Millis(100);
  start(limits);
  auto silent = client();
  auto slow = client();
  ASSERT_TRUE(slow.send("GET /healthz HT"));
  EXPECT_THAT(silent.rest(), IsEmpty());
  EXPECT_THAT(slow.rest(), IsEmpty());
  EXPECT_TRUE(silent.closed_by_peer());
  EXPECT_TRUE(slow.closed_by_peer());
}

TEST_F(HttpServerTest, OneAddressHasABoundOfConnections) {
  HttpLimits limits;
  limits.per_address = 2;
  start(limits);
  auto one = client();
  auto two = client();
  for (LineClient* each : {&one, &two}) {
    ASSERT_TRUE(each->send(get("/healthz", "")));
    ASSERT_TRUE(each->line());
  }
  auto three = client();
  EXPECT_TRUE(three.closed_by_peer());
  one.close();
  EXPECT_TRUE(eventually([&] {
    auto again = client();
    return again.send(get("/healthz", "")) && again.line().value_or("") == "HTTP/1.1 200 OK\r\n";
  }));
}

TEST_F(HttpServerTest, AllTogetherHaveABound) {
  HttpLimits limits;
  limits.connections = 1;
  start(limits);
  auto one = client();
  ASSERT_TRUE(one.send(get("/healthz", "")));
  ASSERT_TRUE(one.line());
  auto two = client();
  EXPECT_TRUE(two.closed_by_peer());
}

TEST_F(HttpServerTest, StopEndsOpenConnections) {
  start();
  auto idle = client();
  auto started = client();
  ASSERT_TRUE(started.send("GET /healthz"));
  auto kept = client();
  ASSERT_TRUE(kept.send(get("/healthz", "")));
  ASSERT_TRUE(kept.line());
  thread.stop();
  EXPECT_TRUE(idle.closed_by_peer());
  EXPECT_TRUE(started.closed_by_peer());
  EXPECT_TRUE(kept.closed_by_peer());
}

TEST(HttpServerOpen, SaysWhatIsWrongWithTheAddress) {
  Handler handler;
  asio::io_context context;
  for (const char* listen :
       {"", "8053", "localhost:8053", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:80x",
        "::1:8053", "[127.0.0.1]:8053", "[::1]", "256.0.0.1:80"}) {
    const auto server =
        HttpServer::open(context.get_executor(), {listen, {}}, handler, test::no_exceptions);
    ASSERT_FALSE(server) << listen;
    EXPECT_EQ(server.error().code, errc::invalid_argument) << listen;
  }
  const auto first =
      HttpServer::open(context.get_executor(), {"127.0.0.1:0", {}}, handler, test::no_exceptions);
  ASSERT_TRUE(first);
  const std::string taken = "127.0.0.1:" + std::to_string((*first)->port());
  const auto second =
      HttpServer::open(context.get_executor(), {taken, {}}, handler, test::no_exceptions);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text, HasSubstr("api.listen " + taken));
}

}  // namespace
}  // namespace hotswapd
