// HTTPS probes: a certificate that is right, each way it can be wrong, and peers that are no TLS
// servers.
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "scripted_peer.hpp"
#include "test_certificates.hpp"

namespace hotswapd {
namespace {

using namespace testing;

const Identity& authority() {
  static const Identity made =
      make_identity({.common_name = "Test Root", .names = {}, .authority = true}, nullptr);
  return made;
}

const PemFile& authority_file() {
  static const PemFile file(authority());
  return file;
}

ScriptedPeer::Script serve(Identity identity,
                           std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                           int newest = 0, const Identity* intermediate = nullptr) {
  return [=](int fd) {
    TlsServer server(identity, fd, newest, intermediate);
    if (!server.shake()) return;
    server.read_request();
    if (server.send(answer)) await_close(fd);
  };
}

TargetSpec https_at(const ScriptedPeer& peer, Millis timeout = Millis(5000)) {
  auto target = target_at(peer.port(), Protocol::https, timeout, peer.address());
  target.monitor.path = "/";
  target.monitor.tls.ca_file = authority_file().path();
  return target;
}

std::string probed(const Identity& identity, int newest = 0) {
  ScriptedPeer peer(serve(identity, "HTTP/1.1 200 OK\r\n\r\n", newest));
  return summary(probe(https_at(peer)));
}

TEST(HttpsProbe, AGoodCertificatePassesWithAllItsTimes) {
  ScriptedPeer peer(serve(make_identity({}, &authority())));
  const auto result = probe(https_at(peer));
  EXPECT_EQ(summary(result), "pass none HTTP 200");
  ASSERT_TRUE(result.times.connect && result.times.tls && result.times.first_byte);
  EXPECT_LE(*result.times.connect, *result.times.tls);
  EXPECT_LE(*result.times.tls, *result.times.first_byte);
  EXPECT_EQ(result.phase, Phase::exchange);
  ASSERT_TRUE(result.certificate_ends);
  const auto left = *result.certificate_ends - std::chrono::system_clock::now();
  EXPECT_GT(left, Seconds(3400));
  EXPECT_LT(left, Seconds(3700));
}

TEST(HttpsProbe, Tls12IsEnough) {
  EXPECT_EQ(probed(make_identity({}, &authority()), TLS1_2_VERSION), "pass none HTTP 200");
}

TEST(HttpsProbe, AWrongStatusIsContent) {
  ScriptedPeer peer(serve(make_identity({}, &authority()), "HTTP/1.1 500 Oops\r\n\r\n"));
  EXPECT_EQ(summary(probe(https_at(peer))), "fail content HTTP 500, wanted 2xx");
}

TEST(HttpsProbe, TextAcrossRecords) {
  const Identity identity = make_identity({}, &authority());
  ScriptedPeer peer([identity](int fd) {
    TlsServer server(identity, fd);
    if (!server.shake()) return;
    server.read_request();
    for (const char* const piece : {"HTTP/1.1 200 OK\r\n", "\r\nbody with Exa", "m", "ple"})
      server.send(piece);
    await_close(fd);
  });
  auto target = https_at(peer);
  target.monitor.expected = "Example";
  EXPECT_EQ(summary(probe(target)), "pass none HTTP 200");
}

TEST(HttpsProbe, TheEndOfTheBodyWithAndWithoutCloseNotify) {
  for (const bool polite : {true, false}) {
    const Identity identity = make_identity({}, &authority());
    ScriptedPeer peer([identity, polite](int fd) {
      TlsServer server(identity, fd);
      if (!server.shake()) return;
      server.read_request();
      server.send("HTTP/1.1 200 OK\r\n\r\nnothing of interest");
      if (polite) server.say_goodbye();
    });
    auto target = https_at(peer);
    target.monitor.expected = "Example";
    EXPECT_EQ(summary(probe(target)),
              "fail content HTTP 200 without the text \"Example\" in the body");
  }
}

TEST(HttpsProbe, HostIsTheServerNameAndTheNameThatIsVerified) {
  const Identity identity = make_identity({.names = {"DNS:shop.example.com"}}, &authority());
  std::mutex mutex;
  std::string name;
  ScriptedPeer peer([&](int fd) {
    TlsServer server(identity, fd);
    const bool shaken = server.shake();
    {
      const std::lock_guard lock(mutex);
      name = server.server_name();
    }
    if (!shaken) return;
    server.read_request();
    server.send("HTTP/1.1 200 OK\r\n\r\n");
    await_close(fd);
  });
  auto target = https_at(peer);
  EXPECT_EQ(summary(probe(target)),
            "fail tls certificate is not for www.example.com but for shop.example.com");
  target.monitor.host = "shop.example.com:8443";
  EXPECT_EQ(summary(probe(target)), "pass none HTTP 200");
  const std::lock_guard lock(mutex);
  EXPECT_EQ(name, "shop.example.com");
}

TEST(HttpsProbe, AnAddressIsVerifiedAsAnAddressAndSentAsNoName) {
  const Identity identity = make_identity({.names = {"IP:127.0.0.1"}}, &authority());
  ScriptedPeer peer(serve(identity));
  auto target = https_at(peer);
  target.monitor.host = "127.0.0.1";
  EXPECT_EQ(summary(probe(target)), "pass none HTTP 200");
  target.monitor.host = "127.0.0.2";
  const auto result = probe(target);
  EXPECT_EQ(result.failure, FailureClass::tls);
  EXPECT_TRUE(result.reason.starts_with("certificate is not for 127.0.0.2 but for "))
      << result.reason;
}

TEST(HttpsProbe, EachWrongCertificateHasItsOwnReason) {
  const std::string expired = probed(
      make_identity({.not_before = Seconds(-7200), .not_after = Seconds(-3600)}, &authority()));
  EXPECT_TRUE(expired.starts_with("fail tls certificate expired on 2")) << expired;
  EXPECT_TRUE(expired.ends_with(" UTC")) << expired;
  const std::string early = probed(
      make_identity({.not_before = Seconds(3600), .not_after = Seconds(7200)}, &authority()));
  EXPECT_TRUE(early.starts_with("fail tls certificate is not valid before 2")) << early;
  EXPECT_EQ(probed(make_identity(
                {.names = {"DNS:a.example", "DNS:b.example", "DNS:c.example", "DNS:d.example"}},
                &authority())),
            "fail tls certificate is not for www.example.com but for a.example, b.example, "
            "c.example, ...");
  EXPECT_EQ(probed(make_identity({}, nullptr)), "fail tls certificate is self-signed");
  const Identity other =
      make_identity({.common_name = "Other Root", .names = {}, .authority = true}, nullptr);
  EXPECT_EQ(probed(make_identity({}, &other)),
            "fail tls certificate is signed by Other Root, which is unknown here (missing chain, "
            "or not in the CA file)");
}

TEST(HttpsProbe, AChainMustBeCompleteAndMayEndInAnyAnchor) {
  const Identity middle =
      make_identity({.common_name = "Test Issuer", .names = {}, .authority = true}, &authority());
  const Identity leaf = make_identity({}, &middle);
  {
    ScriptedPeer peer(serve(leaf, "HTTP/1.1 200 OK\r\n\r\n", 0, &middle));
    EXPECT_EQ(summary(probe(https_at(peer))), "pass none HTTP 200");
  }
  EXPECT_EQ(probed(leaf),
            "fail tls certificate is signed by Test Issuer, which is unknown here (missing chain, "
            "or not in the CA file)");
  const PemFile issuer_only(middle);
  ScriptedPeer peer(serve(leaf));
  auto target = https_at(peer);
  target.monitor.tls.ca_file = issuer_only.path();
  EXPECT_EQ(summary(probe(target)), "pass none HTTP 200");
}

TEST(HttpsProbe, AnUntrustedRootInTheChain) {
  const Identity other =
      make_identity({.common_name = "Other Root", .names = {}, .authority = true}, nullptr);
  const Identity leaf = make_identity({}, &other);
  ScriptedPeer peer(serve(leaf, "HTTP/1.1 200 OK\r\n\r\n", 0, &other));
  EXPECT_EQ(summary(probe(https_at(peer))),
            "fail tls certificate chain ends in the untrusted root Other Root");
}

TEST(HttpsProbe, WithoutVerificationAnyCertificateWillDo) {
  ScriptedPeer peer(
      serve(make_identity({.not_before = Seconds(-7200), .not_after = Seconds(-3600)}, nullptr)));
  auto target = https_at(peer);
  target.monitor.tls.verify = false;
  target.monitor.tls.ca_file = "/nonexistent";
  const auto result = probe(target);
  EXPECT_EQ(summary(result), "pass none HTTP 200");
  EXPECT_FALSE(result.certificate_ends) << "who does not look at certificates is not warned";
}

TEST(HttpsProbe, AnOldProtocolIsRefused) {
  EXPECT_EQ(probed(make_identity({}, &authority()), TLS1_1_VERSION),
            "fail tls the server offers no TLS 1.2 or newer");
}

// A group of 10,000 bits is a second of arithmetic for us: whoever wants one must not get it.
TEST(HttpsProbe, Tls12IsSpokenWithoutGroupsThatTheServerMakesUp) {
  const Identity identity = make_identity({.rsa = true}, nullptr);
  const auto probed_with = [&](const char* ciphers) {
    ScriptedPeer peer([&identity, ciphers](int fd) {
      const auto context = make_server_context(identity, TLS1_2_VERSION);
      SSL_CTX_set_cipher_list(context.get(), ciphers);
      SSL_CTX_set_dh_auto(context.get(), 1);
      TlsServer server(context, fd);
      if (!server.shake()) return;
      server.read_request();
      if (server.send("HTTP/1.1 200 OK\r\n\r\n")) await_close(fd);
    });
    auto target = https_at(peer);
    target.monitor.tls.verify = false;
    return summary(probe(target));
  };
  EXPECT_EQ(probed_with("ECDHE@SECLEVEL=0"), "pass none HTTP 200");
  EXPECT_EQ(probed_with("kRSA@SECLEVEL=0"), "pass none HTTP 200");
  EXPECT_EQ(probed_with("DHE@SECLEVEL=0"),
            "fail tls no TLS parameters in common with the server (handshake_failure)");
}

TEST(HttpsProbe, Tls13IsSpokenWithoutGroupsThatTakeLong) {
  const auto probed_with = [](const char* groups) {
    ScriptedPeer peer([groups](int fd) {
      const auto context = make_server_context(make_identity({}, &authority()));
      SSL_CTX_set1_groups_list(context.get(), groups);
      TlsServer server(context, fd);
      if (!server.shake()) return;
      server.read_request();
      if (server.send("HTTP/1.1 200 OK\r\n\r\n")) await_close(fd);
    });
    return summary(probe(https_at(peer)));
  };
  EXPECT_EQ(probed_with("P-384"), "pass none HTTP 200");
  EXPECT_EQ(probed_with("ffdhe2048"),
            "fail tls no TLS parameters in common with the server (handshake_failure)");
}

TEST(HttpsProbe, AServerThatWantsAClientCertificateHasItsOwnReason) {
  for (const int newest : {0, TLS1_2_VERSION}) {
    ScriptedPeer peer([newest](int fd) {
      const auto context = make_server_context(make_identity({}, &authority()), newest);
      SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
      TlsServer server(context, fd);
      server.shake();
      await_close(fd);
    });
    EXPECT_EQ(summary(probe(https_at(peer))), "fail tls the server wants a client certificate")
        << newest;
  }
}

TEST(HttpsProbe, AStalledHandshakeEndsAtTheDeadline) {
  ScriptedPeer peer(await_close);
  const auto result = probe(https_at(peer, Millis(300)));
  EXPECT_EQ(
      summary(result),
      "fail timeout no answer within 300 ms after connecting (waiting for the TLS handshake)");
  EXPECT_EQ(result.phase, Phase::tls);
  expect_at_deadline(result, Millis(300));
}

TEST(HttpsProbe, ADripInTheHandshakeEndsAtTheDeadline) {
  ScriptedPeer peer([](int fd) {
    drip(fd, std::string("\x16\x03\x03\x10\x00", 5) + std::string(4096, '\2'), Millis(20));
  });
  const auto result = probe(https_at(peer, Millis(300)));
  EXPECT_EQ(result.failure, FailureClass::timeout) << result.reason;
  expect_at_deadline(result, Millis(300));
}

TEST(HttpsProbe, PlainTextAndCutConnectionsAreProtocol) {
  {
    ScriptedPeer peer([](int fd) {
      send_all(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
      await_close(fd);
    });
    EXPECT_EQ(summary(probe(https_at(peer))),
              "fail protocol the answer is no TLS (a plain-text server on this port?)");
  }
  {
    ScriptedPeer peer([](int fd) {
      char byte = 0;
      while (::recv(fd, &byte, 1, MSG_DONTWAIT) <= 0 && errno == EAGAIN) std::this_thread::yield();
      std::string rest(4096, '\0');
      ::recv(fd, rest.data(), rest.size(), 0);
    });
    const auto result = probe(https_at(peer));
    EXPECT_EQ(summary(result), "fail protocol connection closed in the TLS handshake");
  }
  {
    ScriptedPeer peer([](int fd) {
      char byte = 0;
      ::recv(fd, &byte, 1, 0);
      reset(fd);
    });
    EXPECT_EQ(summary(probe(https_at(peer))),
              "fail protocol connection reset in the TLS handshake");
  }
  {
    const Identity identity = make_identity({}, &authority());
    ScriptedPeer peer([identity](int fd) {
      TlsServer server(identity, fd);
      if (server.shake()) server.read_request();
      server.say_goodbye();
    });
    EXPECT_EQ(summary(probe(https_at(peer))), "fail protocol connection closed without an answer");
  }
}

TEST(HttpsProbe, ACaFileThatCannotBeUsedIsOurOwnTrouble) {
  ScriptedPeer peer(serve(make_identity({}, &authority())));
  auto target = https_at(peer);
  target.monitor.tls.ca_file = "/nonexistent/ca.pem";
  EXPECT_EQ(
      summary(probe(target)),
      "inconclusive local cannot read tls.ca_file /nonexistent/ca.pem (No such file or directory): "
      "make it readable for hotswapd");
  const PemFile empty{std::string("no certificate in here\n")};
  target.monitor.tls.ca_file = empty.path();
  const auto result = probe(target);
  EXPECT_EQ(result.verdict, Verdict::inconclusive);
  EXPECT_TRUE(
      result.reason.starts_with("tls.ca_file " + empty.path() + " holds no usable PEM certificate"))
      << result.reason;
}

TEST(HttpsProbe, AReloadOfAFileThatIsGoneChangesNothingForTheTarget) {
  ScriptedPeer peer(serve(make_identity({}, &authority())));
  auto file = std::make_unique<PemFile>(authority());
  auto target = https_at(peer);
  target.monitor.tls.ca_file = file->path();
  TlsContexts contexts;
  const auto results = probe_often(target, contexts, 4, [&](int i) {
    if (i == 2) {
      file.reset();
      contexts.reload();
    }
  });
  for (const auto& result : results) EXPECT_EQ(summary(result), "pass none HTTP 200");
}

}  // namespace
}  // namespace hotswapd
