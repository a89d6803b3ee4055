// What the cache of names says at which time, and that no history makes it say something wrong.
#include "net/resolver_cache.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

namespace hotswapd {
namespace {

using namespace std::chrono_literals;

const TimePoint start = TimePoint(1000h);
const std::string name = "www.example.net";

NameAnswer answer(std::string address, Seconds ttl) {
  NameAnswer out;
  out.state = NameState::addresses;
  out.addresses = {std::move(address)};
  out.ttl = ttl;
  return out;
}

NameAnswer negative(NameState state) {
  NameAnswer out;
  out.state = state;
  return out;
}

// "fresh 192.0.2.1", "last 192.0.2.1", "NXDOMAIN", "no address", "nothing", each with "+ held" when
// the name is not to be asked now.
std::string said(ResolverCache& cache, TimePoint now, const std::string& of = name) {
  const auto view = cache.look(of, now);
  std::string out = "nothing";
  if (view.last != nullptr) out = "last " + view.last->front();
  if (view.fresh != nullptr) {
    out = view.fresh->state == NameState::no_name      ? "NXDOMAIN"
          : view.fresh->state == NameState::no_address ? "no address"
                                                       : "fresh " + view.fresh->addresses.front();
  }
  return view.trouble.empty() ? out : out + " + held";
}

TEST(ResolverCache, HowLongAnAnswerIsKept) {
  struct Row {
    const char* what;
    NameAnswer answer;
    Millis after;
    std::string expected;
  };
  const Row rows[] = {
      {"within its TTL", answer("192.0.2.1", 60s), 59'999ms, "fresh 192.0.2.1"},
      {"at its end", answer("192.0.2.1", 60s), 60'000ms, "last 192.0.2.1"},
      {"a TTL of 0 counts as a second", answer("192.0.2.1", 0s), 999ms, "fresh 192.0.2.1"},
      {"and no more", answer("192.0.2.1", 0s), 1000ms, "last 192.0.2.1"},
      {"a week counts as an hour", answer("192.0.2.1", 168h), 3'599'999ms, "fresh 192.0.2.1"},
      {"and no more", answer("192.0.2.1", 168h), 3'600'000ms, "last 192.0.2.1"},
      {"the last good one for a day", answer("192.0.2.1", 60s), 60s + 24h - 1ms, "last 192.0.2.1"},
      {"and no more", answer("192.0.2.1", 60s), 60s + 24h, "nothing"},
      {"NXDOMAIN for five seconds", negative(NameState::no_name), 4'999ms, "NXDOMAIN"},
      {"and no more", negative(NameState::no_name), 5'000ms, "nothing"},
      {"no address likewise", negative(NameState::no_address), 4'999ms, "no address"},
      {"and no more", negative(NameState::no_address), 5'000ms, "nothing"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    ResolverCache cache;
    cache.put(name, row.answer, start);
    EXPECT_EQ(said(cache, start + row.after), row.expected);
  }
}

TEST(ResolverCache, TroubleHoldsForASecondAndTakesNothingAway) {
  ResolverCache cache;
  EXPECT_EQ(said(cache, start), "nothing");
  cache.trouble(name, "SERVFAIL", start);
  EXPECT_EQ(said(cache, start + 999ms), "nothing + held");
  EXPECT_EQ(said(cache, start + 1000ms), "nothing");
  cache.put(name, answer("192.0.2.1", 5s), start);
  EXPECT_EQ(said(cache, start), "fresh 192.0.2.1") << "an answer ends the trouble";
  cache.trouble(name, "SERVFAIL", start + 6s);
  EXPECT_EQ(said(cache, start + 6s), "last 192.0.2.1 + held");
  EXPECT_EQ(said(cache, start + 7s), "last 192.0.2.1");
}

TEST(ResolverCache, ANameIsIllFromItsFirstTroubleToItsNextAnswer) {
  ResolverCache cache;
  const auto ill = [&] { return cache.look(name, start + 1h).ill; };
  EXPECT_FALSE(ill());
  cache.trouble(name, "SERVFAIL", start);
  EXPECT_TRUE(ill()) << "also when it may be asked again";
  cache.put(name, answer("192.0.2.1", 5s), start);
  EXPECT_FALSE(ill());
  cache.unanswered(name);
  EXPECT_TRUE(ill());
  EXPECT_EQ(said(cache, start), "fresh 192.0.2.1") << "takes nothing away";
  cache.put(name, negative(NameState::no_name), start);
  EXPECT_FALSE(ill()) << "NXDOMAIN is an answer";
  cache.unanswered(name);
  EXPECT_EQ(said(cache, start + 10s), "nothing") << "and it may be asked";
  cache.expire();
  EXPECT_FALSE(ill()) << "other servers may know it";
}

TEST(ResolverCache, ANegativeAnswerEndsTheLastGoodOne) {
  ResolverCache cache;
  cache.put(name, answer("192.0.2.1", 5s), start);
  cache.put(name, negative(NameState::no_name), start + 10s);
  cache.trouble(name, "SERVFAIL", start + 20s);
  EXPECT_EQ(said(cache, start + 22s), "nothing");
}

TEST(ResolverCache, OtherServersMakeNothingFreshButKeepTheLast) {
  ResolverCache cache;
  cache.put(name, answer("192.0.2.1", 600s), start);
  cache.put("gone.example.net", negative(NameState::no_name), start);
  cache.trouble("ill.example.net", "SERVFAIL", start);
  cache.expire();
  EXPECT_EQ(said(cache, start), "last 192.0.2.1");
  EXPECT_EQ(said(cache, start, "gone.example.net"), "nothing");
  EXPECT_EQ(said(cache, start, "ill.example.net"), "nothing");
}

TEST(ResolverCache, TheOneAskedForLongestAgoMakesRoom) {
  ResolverCache::Limits limits;
  limits.names = 3;
  ResolverCache cache(limits);
  for (const char* each : {"a", "b", "c"}) cache.put(each, answer("192.0.2.1", 60s), start);
  said(cache, start, "a");
  cache.put("d", answer("192.0.2.1", 60s), start);
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_EQ(said(cache, start, "b"), "nothing");
  EXPECT_EQ(said(cache, start, "a"), "fresh 192.0.2.1");
  cache.trouble("e", "SERVFAIL", start);
  EXPECT_EQ(cache.size(), 3u) << "trouble takes room too";
}

// Against a model that remembers everything: whatever happened, nothing is said that was not
// answered, nothing fresh beyond its time, nothing last after a negative answer, and the bound
// holds.
TEST(ResolverCache, AnyHistory) {
  struct Known {
    std::optional<NameAnswer> answer;
    TimePoint at;
    bool expired = false;
  };
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto up_to = [&](unsigned n) { return random() % n; };
    ResolverCache::Limits limits;
    limits.names = 1 + up_to(8);
    ResolverCache cache(limits);
    std::map<std::string, Known> model;
    TimePoint now = start;
    for (int step = 0; step < 500; ++step) {
      now += Millis(up_to(3) == 0 ? up_to(90'000'000) : up_to(3'000));
      const std::string each = "n" + std::to_string(up_to(10));
      switch (up_to(6)) {
        case 0:
        case 1: {
          auto given = answer("192.0.2." + std::to_string(step % 250), Seconds(up_to(7200)));
          model[each] = {given, now, false};
          cache.put(each, std::move(given), now);
          break;
        }
        case 2:
          model[each] = {negative(NameState::no_name), now, false};
          cache.put(each, negative(NameState::no_name), now);
          break;
        case 3:
          cache.trouble(each, "SERVFAIL", now);
          ASSERT_FALSE(cache.look(each, now).trouble.empty());
          break;
        case 4:
          if (up_to(10) != 0) break;
          cache.expire();
          for (auto& [key, known] : model) known.expired = true;
          break;
        default:
          break;
      }
      ASSERT_LE(cache.size(), limits.names);
      const auto view = cache.look(each, now);
      const auto& known = model[each];
      if (view.fresh != nullptr) {
        ASSERT_TRUE(known.answer);
        ASSERT_EQ(*view.fresh, *known.answer);
        ASSERT_FALSE(known.expired);
        const Seconds kept = known.answer->state == NameState::addresses
                                 ? std::clamp(known.answer->ttl, limits.shortest, limits.longest)
                                 : limits.negative;
        ASSERT_LT(now, known.at + kept);
      }
      if (view.last != nullptr) {
        ASSERT_TRUE(known.answer);
        ASSERT_EQ(known.answer->state, NameState::addresses);
        ASSERT_EQ(*view.last, known.answer->addresses);
        ASSERT_LT(now, known.at + limits.longest + limits.last_good);
      }
    }
  }
}

}  // namespace
}  // namespace hotswapd
