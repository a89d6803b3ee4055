// When a kept TLS session may be used, and how it is made small.
#include "probes/tls_session.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hotswapd {
namespace {

using namespace std::chrono_literals;

constexpr Millis interval{10'000};

struct Prober {
  KeptSession session;
  Moment now{TimePoint(1000h), WallTime(Millis(1'790'000'000'000))};
  std::uint64_t trust = 1;
  Micros handshake = 100ms;

  // One handshake: r when it could be short, F when it was full.
  char shake(TlsTicket ticket = TlsTicket{"ticket", false, 300s, std::nullopt}) {
    const bool offered = !session.offer(now, trust).empty();
    ticket.resumed = offered;
    if (offered) ticket.certificate_ends.reset();
    session.keep(std::move(ticket), now, trust, {interval, 10s, handshake});
    return offered ? 'r' : 'F';
  }
  void pass(Millis by) {
    now.steady += by;
    now.wall += by;
  }
};

TEST(KeptSession, AtMostNineShortHandshakesInSequence) {
  Prober prober;
  std::string seen;
  for (int i = 0; i < 22; ++i) {
    seen += prober.shake();
    prober.pass(interval);
  }
  EXPECT_EQ(seen, "FrrrrrrrrrFrrrrrrrrrFr");
}

TEST(KeptSession, EndsWithItsLifetimeItsTrustAndItsCertificate) {
  {
    Prober prober;
    prober.shake();
    prober.pass(299s);
    EXPECT_EQ(prober.shake(), 'r') << "and was renewed with it";
    prober.pass(299s);
    EXPECT_EQ(prober.shake(), 'r');
    prober.pass(300s);
    EXPECT_EQ(prober.shake(), 'F');
  }
  {
    Prober prober;
    prober.shake();
    prober.trust = 2;
    EXPECT_EQ(prober.shake(), 'F');
    EXPECT_EQ(prober.shake(), 'r');
  }
  {
    Prober prober;
    prober.shake({"ticket", false, 24h, prober.now.wall + 1h});
    prober.pass(59min);
    EXPECT_EQ(prober.shake({"ticket", false, 24h, std::nullopt}), 'r');
    prober.pass(1min);
    EXPECT_EQ(prober.shake(), 'F') << "an expired certificate must be seen at once";
  }
  {
    Prober prober;
    prober.shake();
    prober.session.forget();
    EXPECT_EQ(prober.session.bytes() > 64, false);
    EXPECT_EQ(prober.shake(), 'F');
  }
}

TEST(KeptSession, WhatWouldNotBeUsedIsNotKept) {
  const TlsTicket rows[] = {
      {"", false, 300s, std::nullopt},
      {"ticket", false, 10s, std::nullopt},
      {"ticket", false, 0s, std::nullopt},
      {std::string(1025, 'x'), false, 300s, std::nullopt},
  };
  for (const auto& row : rows) {
    Prober prober;
    prober.shake(row);
    EXPECT_EQ(prober.shake(), 'F') << row.bytes.size() << " " << row.lifetime.count();
  }
}

TEST(KeptSession, ATargetThatRefusedOneIsOfferedNoneForALongWhile) {
  Prober prober;
  prober.shake();
  ASSERT_FALSE(prober.session.offer(prober.now, prober.trust).empty());
  prober.session.refused();
  std::string seen;
  for (int i = 0; i < KeptSession::full_ones_after_refusal + 3; ++i) seen += prober.shake();
  EXPECT_EQ(seen, std::string(KeptSession::full_ones_after_refusal + 1, 'F') + "rr");
}

TEST(KeptSession, ATargetThatNeedsLongIsGivenAllTheTime) {
  Prober prober;
  prober.handshake = 1250ms;
  EXPECT_EQ(prober.shake(), 'F');
  EXPECT_EQ(prober.shake(), 'r');
  prober.handshake = 1251ms;
  EXPECT_EQ(prober.shake(), 'r');
  EXPECT_EQ(prober.shake(), 'F');
}

TEST(SlimSession, TakesOutTheCertificateAndWhatServersAndNamesNeed) {
  const std::string version = "\x02\x01\x01";
  const std::string certificate = std::string("\xa3\x82\x01\x00", 4) + std::string(256, 'c');
  const std::string ticket = "\xaa\x03\x04\x01t";
  const std::string servers("\xa4\x02\x04\x00", 4);
  const std::string host = "\xa6\x03\x04\x01h";
  const std::string all = version + certificate + servers + host + ticket;
  ASSERT_EQ(all.size(), 277u);
  const std::string session = std::string("\x30\x82\x01\x15") + all;
  EXPECT_EQ(slim_session(session), std::string("\x30\x08") + version + ticket);
  // Without one it stays as it is.
  const std::string small = std::string("\x30\x08") + version + ticket;
  EXPECT_EQ(slim_session(small), small);
  const std::string middling = std::string("\x30\x81\x84\x04\x81\x81") + std::string(129, 'm');
  EXPECT_EQ(slim_session(middling), middling);
}

TEST(SlimSession, TakesOutWhatTls13HasNoUseFor) {
  const auto session = [](const std::string& tls_version, const std::string& named) {
    const std::string timeout = named.size() > 2 ? "\xa2\x03\x02\x01\x07" : "";
    const std::string content = "\x02\x01\x01" + tls_version + "\x04\x02\x13\x02" + named +
                                std::string("\x04\x02kk") + timeout + "\xaa\x03\x04\x01t";
    return std::string("\x30") + static_cast<char>(content.size()) + content;
  };
  const std::string name = "\x04\x04name";
  const std::string none("\x04\x00", 2);
  const std::string tls12 = "\x02\x02\x03\x03";
  const std::string tls13 = "\x02\x02\x03\x04";
  EXPECT_EQ(slim_session(session(tls13, name)), session(tls13, none));
  EXPECT_EQ(slim_session(session(tls12, name)), session(tls12, name));
}

TEST(SlimSession, WhatIsNoSessionComesBackEmpty) {
  for (const std::string& text :
       {std::string(), std::string("\x30"), std::string("\x30\x05\x02\x01\x01"),
        std::string("\x31\x00", 2), std::string("\x30\x80\x00\x00", 4),
        std::string("\x30\x03\x02\x01\x01\x00", 6), std::string("\x30\x02\x02\x7f"),
        std::string("\x30\x84\x00\x00\x00\x00", 6)}) {
    EXPECT_EQ(slim_session(text), "");
  }
}

}  // namespace
}  // namespace hotswapd
