// The prover against our own server and against scripted ones that lie, stay silent or truncate.
#include "dns/prover.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <thread>

#include "dns/dns_server.hpp"
#include "dns/zone_editor.hpp"
#include "net/task_group.hpp"
#include "tests/io/dns/dns_client.hpp"

namespace hotswapd {
namespace {

using test::Bytes;
using namespace std::chrono_literals;

const RecordKey www{"example.com", "www.example.com"};
const RecordSet want{RecordType::a, 30, {"192.0.2.10"}};

std::vector<ServerEvidence> prove(std::vector<DnsEndpoint> servers, const RecordKey& key = www,
                                  const RecordSet& set = want, Millis time = 8s) {
  asio::io_context context(1);
  TaskGroup tasks(context.get_executor(),
                  [](const auto& task, const auto& what) { FAIL() << task << ": " << what; });
  std::vector<ServerEvidence> out;
  const auto work = [](std::vector<DnsEndpoint> s, RecordKey k, RecordSet r, TimePoint d,
                       std::vector<ServerEvidence>* to) -> awaitable<void> {
    *to = co_await prove_on_servers(std::move(s), std::move(k), std::move(r), d);
  };
  tasks.spawn("prove", work(std::move(servers), key, set, Clock::now() + time, &out));
  context.run();
  return out;
}

// Answers each UDP packet with what the script makes of it, until it goes out of scope.
class ScriptedServer {
 public:
  using Script = std::function<std::vector<Bytes>(const Bytes&)>;

  explicit ScriptedServer(Script script)
      : socket_(std::move(bind_udp(*DnsEndpoint::parse("127.0.0.1:0"), false).value())),
        script_(std::move(script)) {
    thread_ = std::thread([this] { run(); });
  }
  ~ScriptedServer() {
    stopping_ = true;
    thread_.join();
  }
  DnsEndpoint at() const { return local_endpoint(socket_); }
  int packets() const { return packets_; }

 private:
  void run() {
    while (!stopping_) {
      if (!test::readable(socket_.get(), 20)) continue;
      Bytes packet(4096);
      sockaddr_storage peer;
      socklen_t size = sizeof(peer);
      const auto got = ::recvfrom(socket_.get(), packet.data(), packet.size(), 0,
                                  reinterpret_cast<sockaddr*>(&peer), &size);
      if (got < 0) continue;
      ++packets_;
      packet.resize(static_cast<std::size_t>(got));
      for (const auto& answer : script_(packet)) {
        ::sendto(socket_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&peer),
                 size);
      }
    }
  }

  Descriptor socket_;
  Script script_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> packets_{0};
  std::thread thread_;
};

class ProverTest : public testing::Test {
 protected:
  ProverTest() {
    EXPECT_TRUE(editor_.put_zone({"example.com", {{"ns1.example.net", {}}}, "h@example.com"}, 77));
    EXPECT_TRUE(editor_.put_record(www, want));
    RecordSet many{RecordType::a, 30, {}};
    for (int i = 0; i < 100; ++i) many.values.push_back("192.0.2." + std::to_string(i));
    EXPECT_TRUE(editor_.put_record({"example.com", "many.example.com"}, many));
    snapshot_ = editor_.publish();
    holder_.publish(snapshot_);
    DnsServerOptions options;
    options.listen = {"127.0.0.1:0", "[::1]:0"};
    server_ = std::move(DnsServer::start(options, holder_).value());
  }

  Bytes honest(const Bytes& query) {
    Bytes out(max_udp_answer);
    out.resize(answer_packet(query, DnsTransport::udp, *snapshot_, out).size);
    return out;
  }

  ZoneEditor editor_;
  SnapshotHolder holder_;
  std::shared_ptr<const ZoneSnapshot> snapshot_;
  std::unique_ptr<DnsServer> server_;
};

TEST_F(ProverTest, ProvesOnEveryServerSideBySide) {
  const auto evidence = prove(server_->endpoints());
  ASSERT_EQ(evidence.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(evidence[i].proved) << evidence[i].detail;
    EXPECT_EQ(evidence[i].server, server_->endpoints()[i].text());
    EXPECT_EQ(evidence[i].detail, "answers A 192.0.2.10 ttl 30");
    EXPECT_EQ(evidence[i].serial, 77U);
  }
}

TEST_F(ProverTest, SaysWhatAServerAnswersInstead) {
  const auto evidence =
      prove({server_->endpoints()[0]}, www, {RecordType::a, 30, {"198.51.100.1"}});
  EXPECT_FALSE(evidence[0].proved);
  EXPECT_EQ(evidence[0].detail, "answers A 192.0.2.10 ttl 30, wants A 198.51.100.1 ttl 30");
  EXPECT_EQ(evidence[0].serial, 77U);
  EXPECT_EQ(prove({server_->endpoints()[0]}, {"example.net", "www.example.net"})[0].detail,
            "answers REFUSED, wants A 192.0.2.10 ttl 30");
}

TEST_F(ProverTest, TruncatedAnswersAreFetchedByTcp) {
  RecordSet many{RecordType::a, 30, {}};
  for (int i = 99; i >= 0; --i) many.values.push_back("192.0.2." + std::to_string(i));
  const auto evidence = prove({server_->endpoints()[1]}, {"example.com", "many.example.com"}, many);
  EXPECT_TRUE(evidence[0].proved) << evidence[0].detail;
}

TEST_F(ProverTest, ForgeriesAreIgnoredAndTheRealAnswerCounts) {
  ScriptedServer server([this](const Bytes& query) {
    const auto good = honest(query);
    auto wrong_id = good;
    wrong_id[0] ^= std::byte{1};
    auto wrong_case = good;
    for (std::size_t i = 12; i < 12 + 16; ++i) {
      if (wrong_case[i] >= std::byte{'A'}) wrong_case[i] ^= std::byte{0x20};
    }
    auto cut = good;
    cut.resize(cut.size() - 3);
    return std::vector<Bytes>{wrong_id, wrong_case, cut, test::bytes({1}), query, good};
  });
  const auto evidence = prove({server.at()});
  EXPECT_TRUE(evidence[0].proved) << evidence[0].detail;
}

TEST_F(ProverTest, WhatUdpDeniesIsAskedByTcp) {
  ScriptedServer server([this](const Bytes& query) {
    auto other = honest(query);
    other.back() ^= std::byte{1};  // another address
    return std::vector<Bytes>{other};
  });
  EXPECT_EQ(prove({server.at()})[0].detail,
            "answers A 192.0.2.11 ttl 30, wants A 192.0.2.10 ttl 30")
      << "nobody listens by TCP";
  const auto listener = std::move(listen_tcp(server.at()).value());
  std::thread by_tcp([&] {
    if (!test::readable(listener.get())) return;
    const Descriptor link(::accept(listener.get(), nullptr, nullptr));
    test::send_bytes(link, test::framed(honest(test::receive_framed(link))));
    test::closed_within(link);
  });
  const auto evidence = prove({server.at()});
  by_tcp.join();
  EXPECT_TRUE(evidence[0].proved) << evidence[0].detail;
}

TEST_F(ProverTest, ALostPacketIsSentAgain) {
  std::atomic<int> seen{0};
  ScriptedServer server([&](const Bytes& query) {
    return seen++ == 0 ? std::vector<Bytes>{} : std::vector<Bytes>{honest(query)};
  });
  EXPECT_TRUE(prove({server.at()})[0].proved);
}

TEST_F(ProverTest, SilenceEndsAfterTwoSecondsOrAtTheDeadline) {
  ScriptedServer server([](const Bytes&) { return std::vector<Bytes>{}; });
  auto began = Clock::now();
  EXPECT_EQ(prove({server.at()}, www, want, 250ms)[0].detail, "no answer within 250 ms");
  EXPECT_LT(Clock::now() - began, 1500ms);
  EXPECT_EQ(server.packets(), 1);
  began = Clock::now();
  EXPECT_EQ(prove({server.at()})[0].detail, "no answer within 2 s");
  EXPECT_GE(Clock::now() - began, 1900ms);
}

TEST_F(ProverTest, NobodyThereIsSaidAtOnce) {
  DnsEndpoint nobody;
  {
    auto held = bind_udp(*DnsEndpoint::parse("127.0.0.1:0"), false);
    nobody = local_endpoint(*held);
  }
  const auto began = Clock::now();
  const auto evidence = prove({nobody, server_->endpoints()[0]});
  EXPECT_EQ(evidence[0].detail, "nothing listens there (UDP refused)");
  EXPECT_TRUE(evidence[1].proved) << "one server never hides another";
  EXPECT_LT(Clock::now() - began, 1500ms);
}

TEST_F(ProverTest, TruncatedWithoutTcpIsSaid) {
  ScriptedServer server([this](const Bytes& query) {
    auto answer = honest(query);
    answer.resize(slip_answer(answer));
    return std::vector<Bytes>{answer};
  });
  const auto evidence = prove({server.at()});
  EXPECT_FALSE(evidence[0].proved);
  EXPECT_EQ(evidence[0].detail, "nothing listens there (TCP refused)");
}

}  // namespace
}  // namespace hotswapd
