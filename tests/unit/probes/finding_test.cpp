// The words and classes for the system's errors: ours apart from the target's.
#include "probes/finding.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace hotswapd {
namespace {

TEST(Finding, WhatThisHostSaysAtOnceIsInconclusive) {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EADDRINUSE, EACCES, EPERM,
                          ENETUNREACH, ENETDOWN, EAFNOSUPPORT, EHOSTUNREACH, EINVAL, EIO}) {
    const Finding finding = begin_failure(error, "192.0.2.1 port 80");
    EXPECT_EQ(finding.verdict, Verdict::inconclusive) << error;
    EXPECT_EQ(finding.failure, FailureClass::local) << error;
    EXPECT_NE(finding.reason.find("192.0.2.1 port 80"), std::string::npos) << finding.reason;
  }
}

TEST(Finding, ATargetOnThisHostRefusesAtOnce) {
  const Finding finding = begin_failure(ECONNREFUSED, "127.0.0.1 port 80");
  EXPECT_EQ(finding.verdict, Verdict::fail);
  EXPECT_EQ(finding.failure, FailureClass::connect);
}

TEST(Finding, ExhaustionIsOursWheneverItComes) {
  EXPECT_EQ(connect_failure(ENOBUFS, "X").verdict, Verdict::inconclusive);
}

TEST(Finding, TheTargetsRefusalIsAFailure) {
  struct Row {
    int error;
    FailureClass failure;
    const char* reason;
  };
  const Row rows[] = {
      {ECONNREFUSED, FailureClass::connect, "connection refused by X"},
      {EHOSTUNREACH, FailureClass::connect, "host unreachable: X"},
      {ENETUNREACH, FailureClass::connect, "network unreachable on the way to X"},
      {EACCES, FailureClass::connect, "a firewall on the way forbids the connection: X"},
      {ETIMEDOUT, FailureClass::timeout, "no answer to the connection request from X"},
  };
  for (const auto& row : rows) {
    const Finding finding = connect_failure(row.error, "X");
    EXPECT_EQ(finding.verdict, Verdict::fail);
    EXPECT_EQ(finding.failure, row.failure);
    EXPECT_EQ(finding.reason, row.reason);
  }
}

TEST(Finding, OnceConnectedEveryLossIsProtocol) {
  for (const int error : {ECONNRESET, EPIPE, ETIMEDOUT, EHOSTUNREACH, EIO}) {
    const Finding finding = exchange_failure(error, "while the answer was read");
    EXPECT_EQ(finding.verdict, Verdict::fail) << error;
    EXPECT_EQ(finding.failure, FailureClass::protocol) << error;
  }
  EXPECT_EQ(exchange_failure(ENOMEM, "").verdict, Verdict::inconclusive);
}

TEST(Finding, DurationsReadAsPeopleWriteThem) {
  EXPECT_EQ(seconds_text(Millis(2000)), "2 s");
  EXPECT_EQ(seconds_text(Millis(1500)), "1.5 s");
  EXPECT_EQ(seconds_text(Millis(1005)), "1.005 s");
  EXPECT_EQ(seconds_text(Millis(500)), "500 ms");
}

}  // namespace
}  // namespace hotswapd
