// The TLS contexts that probes share: one per policy, and what a file does to it that cannot be
// read.
#include "net/tls_contexts.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

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

Fallible<TlsContexts::Loaded> get(TlsContexts& contexts, const TlsPolicy& policy, TimePoint now) {
  return contexts.get(policy, now, Clock::now() + Seconds(20));
}

TEST(TlsContexts, OnePerPolicyUntilReload) {
  TlsContexts contexts;
  const TimePoint now = Clock::now();
  const TlsPolicy own{true, authority_file().path()};
  const auto first = get(contexts, own, now);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->context.get(), get(contexts, own, now)->context.get());
  const auto loose = get(contexts, TlsPolicy{false, "/a"}, now);
  ASSERT_TRUE(loose);
  EXPECT_EQ(loose->context.get(), get(contexts, TlsPolicy{false, "/b"}, now)->context.get());
  EXPECT_NE(loose->context.get(), first->context.get());
  const auto generation = contexts.generation();
  contexts.reload();
  EXPECT_GT(contexts.generation(), generation);
  EXPECT_NE(get(contexts, own, now)->context.get(), first->context.get());
}

TEST(TlsContexts, AFailureIsTriedAgainAfterAWhile) {
  TlsContexts contexts;
  const TimePoint now = Clock::now();
  std::string path;
  {
    const PemFile file(authority());
    path = file.path();
  }
  EXPECT_FALSE(get(contexts, TlsPolicy{true, path}, now));
  // The operator puts the file in place.
  ASSERT_EQ(::link(authority_file().path().c_str(), path.c_str()), 0);
  EXPECT_FALSE(get(contexts, TlsPolicy{true, path}, now + Seconds(9)));
  EXPECT_TRUE(get(contexts, TlsPolicy{true, path}, now + Seconds(10)));
  ::unlink(path.c_str());
}

TEST(TlsContexts, AReloadThatCannotReadTheFileLeavesWhatWasRead) {
  TlsContexts contexts;
  const TimePoint now = Clock::now();
  const PemFile file(authority());
  const TlsPolicy policy{true, file.path()};
  const auto good = get(contexts, policy, now);
  ASSERT_TRUE(good);
  EXPECT_FALSE(good->outdated);
  const auto write = [&](const std::string& text) {
    std::ofstream(file.path(), std::ios::trunc) << text;
  };
  write("garbage");
  contexts.reload();
  contexts.reload();
  for (const auto later : {Seconds(0), Seconds(5), Seconds(10)}) {
    const auto kept = get(contexts, policy, now + later);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->context, good->context);
    ASSERT_TRUE(kept->outdated);
    EXPECT_NE(kept->outdated->text.find("holds no usable PEM certificate"), std::string::npos);
  }
  std::ifstream authorities(authority_file().path());
  write({std::istreambuf_iterator<char>(authorities), {}});
  EXPECT_TRUE(get(contexts, policy, now + Seconds(19))->outdated) << "tried 9 s ago";
  const auto fresh = get(contexts, policy, now + Seconds(20));
  ASSERT_TRUE(fresh);
  EXPECT_FALSE(fresh->outdated);
  EXPECT_NE(fresh->context, good->context);
}

// A file on a mount that hangs: a FIFO that nobody writes to.
TEST(TlsContexts, ALoopNeverWaitsForAFileThatHangs) {
  TlsContexts contexts;
  const TimePoint now = Clock::now();
  const PemFile file(authority());
  const TlsPolicy policy{true, file.path()};
  const auto before = get(contexts, policy, now);
  ASSERT_TRUE(before);
  ASSERT_EQ(::unlink(file.path().c_str()), 0);
  ASSERT_EQ(::mkfifo(file.path().c_str(), 0600), 0);
  contexts.reload();
  for (int again = 0; again < 3; ++again) {
    const auto meanwhile = contexts.in_use(policy, now);
    ASSERT_TRUE(meanwhile);
    EXPECT_EQ(meanwhile->context, before->context);
    ASSERT_TRUE(meanwhile->outdated);
    EXPECT_EQ(meanwhile->outdated->text, "tls.ca_file " + file.path() + " is still being read");
  }
  // Who may wait does so for a time.
  const auto tired = contexts.get(policy, now, Clock::now() + Millis(20));
  ASSERT_TRUE(tired);
  EXPECT_EQ(tired->context, before->context);
  EXPECT_TRUE(tired->outdated);
  // And gets what the reading thread found.
  auto reader = std::async(std::launch::async, [&] { return get(contexts, policy, now); });
  std::ifstream authorities(authority_file().path());
  const std::string text{std::istreambuf_iterator<char>(authorities), {}};
  std::ofstream(file.path()) << text;
  const auto after = reader.get();
  ASSERT_TRUE(after);
  EXPECT_FALSE(after->outdated);
  EXPECT_NE(after->context, before->context);
  EXPECT_EQ(contexts.in_use(policy, now)->context, after->context);
}

// Both waits of get() end: the one for a reading that it began itself, and the one for somebody
// else's. No loop waits after that either.
TEST(TlsContexts, WhoMayWaitForAFileThatWasNeverReadDoesSoForATime) {
  TlsContexts contexts;
  const TimePoint now = Clock::now();
  const PemFile file(authority());
  const TlsPolicy policy{true, file.path()};
  ASSERT_EQ(::unlink(file.path().c_str()), 0);
  ASSERT_EQ(::mkfifo(file.path().c_str(), 0600), 0);
  const std::string still = "tls.ca_file " + file.path() + " is still being read";
  const auto asks = [&](auto question) {
    auto asked = std::async(std::launch::async, question);
    const bool over = asked.wait_for(Seconds(10)) == std::future_status::ready;
    EXPECT_TRUE(over) << "it waits for ever";
    // Ends what waits for ever, so that the test ends too.
    if (!over) std::ofstream(file.path()) << "garbage";
    return asked.get();
  };
  for (int again = 0; again < 2; ++again) {
    const auto tired = asks([&] { return contexts.get(policy, now, Clock::now() + Millis(20)); });
    ASSERT_FALSE(tired);
    EXPECT_EQ(tired.error().text, still);
  }
  const auto loop = asks([&] { return contexts.in_use(policy, now); });
  ASSERT_FALSE(loop);
  EXPECT_EQ(loop.error().text, still);
  if (HasFailure()) return;  // nobody may be reading any more
  std::ifstream authorities(authority_file().path());
  std::ofstream(file.path()) << std::string{std::istreambuf_iterator<char>(authorities), {}};
  EXPECT_TRUE(get(contexts, policy, now));
}

TEST(TlsContexts, ALoopReadsItselfOnlyWhatNobodyAskedForBefore) {
  TlsContexts contexts;
  const TimePoint now = Clock::now();
  const TlsPolicy policy{true, authority_file().path()};
  const auto first = contexts.in_use(policy, now);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->outdated);
  EXPECT_EQ(first->context, get(contexts, policy, now)->context);
}

TEST(TlsContexts, TheSystemsChoiceOfCiphersStandsApartFromThat) {
  TlsContexts contexts;
  const auto ours = get(contexts, TlsPolicy{false, {}}, Clock::now());
  ASSERT_TRUE(ours);
  const std::shared_ptr<SSL_CTX> plain(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  const auto names = [](SSL_CTX* context, bool without) {
    std::vector<std::string> list;
    const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(context);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
      const std::string name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i));
      if (!without || !(name.starts_with("DHE-") || name.starts_with("ADH-"))) list.push_back(name);
    }
    return list;
  };
  EXPECT_EQ(names(ours->context.get(), false), names(plain.get(), true));
  EXPECT_NE(names(plain.get(), false), names(plain.get(), true));
}

}  // namespace
}  // namespace hotswapd
