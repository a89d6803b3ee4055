// The embedded zones: seeds, compare-and-set, serials, reloads; no configured name is ever without
// its record.
#include "dns/embedded_zones.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "dns/answerer.hpp"
#include "tests/unit/dns/messages.hpp"

namespace hotswapd {
namespace {

const ZoneSpec zone{"example.com", {{"ns1.example.net", {}}}, "hostmaster@example.com"};
const RecordKey www{"example.com", "www.example.com"};

RecordSet a(const std::string& value, std::uint32_t ttl = 30) {
  return {RecordType::a, ttl, {value}};
}

EmbeddedZones::Config config(std::vector<EmbeddedZones::Name> names = {{www, a("192.0.2.10")}}) {
  return {{zone}, std::move(names)};
}

// What a client is told.
test::Message ask(const EmbeddedZones& zones, const std::string& name,
                  std::uint16_t type = wire::type::a) {
  std::shared_ptr<const ZoneSnapshot> snapshot;
  std::uint64_t seen = 0;
  zones.snapshots().refresh(snapshot, seen);
  test::QuerySpec spec;
  spec.name = name;
  spec.type = type;
  test::Bytes out(max_udp_answer);
  const auto done = answer_packet(test::query(spec), DnsTransport::udp, *snapshot, out);
  out.resize(done.size);
  return test::parse(out);
}

std::string first(const test::Message& message) {
  return message.lines(0).empty() ? "" : message.lines(0)[0];
}

SwapPlan plan(const RecordSet& expect, std::optional<std::uint64_t> expect_generation,
              const RecordSet& want, std::uint64_t generation, std::string op = "op") {
  SwapPlan out;
  out.key = www;
  out.expect = expect;
  out.expect_generation = expect_generation;
  out.want = want;
  out.generation = generation;
  out.op = std::move(op);
  return out;
}

SwapOutcome outcome(const std::variant<ApplyResult, StoredRecord>& begun) {
  return std::holds_alternative<ApplyResult>(begun) ? std::get<ApplyResult>(begun).outcome
                                                    : SwapOutcome::applied;
}

// A plan that goes through, to the end.
StoredRecord applied(EmbeddedZones& zones, const SwapPlan& plan) {
  auto begun = zones.begin(plan);
  EXPECT_EQ(outcome(begun), SwapOutcome::applied);
  auto record = std::get<StoredRecord>(begun);
  EXPECT_EQ(zones.commit(record).outcome, SwapOutcome::applied);
  return record;
}

TEST(EmbeddedZones, AConfiguredNameIsServedFromItsSeed) {
  EmbeddedZones zones;
  ASSERT_TRUE(zones.configure(config()));
  EXPECT_EQ(first(ask(zones, "www.example.com")), "www.example.com 30 A 192.0.2.10");
  const auto live = zones.read(www);
  ASSERT_TRUE(live);
  EXPECT_TRUE(live->set->same_values(a("192.0.2.10")));
  EXPECT_FALSE(live->generation.has_value());
  EXPECT_EQ(live->serial, 1U);
  EXPECT_FALSE(zones.read({"example.com", "other.example.com"})->set.has_value());
  EXPECT_FALSE(zones.read({"example.net", "www.example.net"}));
}

TEST(EmbeddedZones, StoredRecordsWinOverSeedsAndCarryTheSerial) {
  EmbeddedZones zones({{www, a("198.51.100.1", 5), 9, "op9", 20},
                       {{"example.com", "gone.example.com"}, a("192.0.2.9"), 41, "x", 7}});
  ASSERT_TRUE(zones.configure(config()));
  EXPECT_EQ(first(ask(zones, "www.example.com")), "www.example.com 5 A 198.51.100.1");
  EXPECT_EQ(zones.serial("example.com"), 41U)
      << "never below the highest generation, also of a name that is gone";
  EXPECT_EQ(ask(zones, "gone.example.com").rcode(), static_cast<unsigned>(wire::Rcode::nxdomain));
  const auto live = zones.read(www);
  EXPECT_EQ(live->generation, 9U);
  EXPECT_EQ(live->op, "op9");
}

TEST(EmbeddedZones, ASerialThatWasLostBeginsWhereNoneHasBeen) {
  EmbeddedZones zones({}, 1'795'000'000);
  ASSERT_TRUE(zones.configure(config()));
  EXPECT_EQ(zones.serial("example.com"), 1'795'000'000U);
  const auto record =
      applied(zones, plan(a("192.0.2.10"), std::nullopt, a("198.51.100.1"), 1, "op1"));
  EXPECT_EQ(record.zone_serial, 1'795'000'001U);
  EmbeddedZones next({record});
  ASSERT_TRUE(next.configure(config()));
  EXPECT_EQ(next.serial("example.com"), 1'795'000'001U) << "and is kept";
}

TEST(EmbeddedZones, NothingIsAnsweredBeforeItIsDurable) {
  EmbeddedZones zones;
  ASSERT_TRUE(zones.configure(config()));
  auto begun = zones.begin(plan(a("192.0.2.10"), std::nullopt, a("198.51.100.1"), 1, "op1"));
  ASSERT_EQ(outcome(begun), SwapOutcome::applied);
  const auto record = std::get<StoredRecord>(begun);
  EXPECT_TRUE(zones.pending(www));
  EXPECT_EQ(first(ask(zones, "www.example.com")), "www.example.com 30 A 192.0.2.10");
  EXPECT_EQ(record.zone_serial, 2U);
  EXPECT_EQ(record.generation, 1U);
  EXPECT_EQ(zones.commit(record).outcome, SwapOutcome::applied);
  EXPECT_FALSE(zones.pending(www));
  EXPECT_EQ(first(ask(zones, "www.example.com")), "www.example.com 30 A 198.51.100.1");
  EXPECT_EQ(zones.serial("example.com"), 2U);
  const auto live = zones.read(www);
  EXPECT_EQ(live->generation, 1U);
  EXPECT_EQ(live->op, "op1");
}

TEST(EmbeddedZones, ARefusalOfTheDiskLeavesEverythingAsItWas) {
  EmbeddedZones zones;
  ASSERT_TRUE(zones.configure(config()));
  const auto swap = plan(a("192.0.2.10"), std::nullopt, a("198.51.100.1"), 1);
  zones.abandon(std::get<StoredRecord>(zones.begin(swap)));
  EXPECT_FALSE(zones.pending(www));
  EXPECT_EQ(first(ask(zones, "www.example.com")), "www.example.com 30 A 192.0.2.10");
  EXPECT_FALSE(zones.read(www)->generation.has_value());
  applied(zones, swap);
  EXPECT_EQ(zones.serial("example.com"), 3U)
      << "a gap in the serials is allowed, a repetition is not";
}

TEST(EmbeddedZones, CompareAndSet) {
  struct Row {
    const char* what;
    SwapPlan plan;
    SwapOutcome outcome;
  };
  const auto here = a("198.51.100.1");
  const auto want = a("192.0.2.10");
  SwapPlan nothing_expected = plan(here, 5, want, 6);
  nothing_expected.expect.reset();
  SwapPlan empty = plan(here, 5, {RecordType::a, 30, {}}, 6);
  SwapPlan foreign = plan(here, 5, want, 6);
  foreign.key = {"example.net", "www.example.net"};
  SwapPlan unknown_name = plan(here, 5, want, 6);
  unknown_name.key = {"example.com", "new.example.com"};
  unknown_name.expect.reset();
  unknown_name.expect_generation.reset();
  const Row rows[] = {
      {"as expected", plan(here, 5, want, 6), SwapOutcome::applied},
      {"another TTL is no difference", plan(a("198.51.100.1", 7), 5, want, 6),
       SwapOutcome::applied},
      {"generations may leap", plan(here, 5, want, 500), SwapOutcome::applied},
      {"to a CNAME", plan(here, 5, {RecordType::cname, 30, {"b.example.net"}}, 6),
       SwapOutcome::applied},
      {"another value", plan(a("198.51.100.2"), 5, want, 6), SwapOutcome::conflict},
      {"a subset", plan({RecordType::a, 30, {"198.51.100.1", "198.51.100.2"}}, 5, want, 6),
       SwapOutcome::conflict},
      {"another type", plan({RecordType::cname, 30, {"198.51.100.1"}}, 5, want, 6),
       SwapOutcome::conflict},
      {"another generation", plan(here, 4, want, 6), SwapOutcome::conflict},
      {"no generation", plan(here, std::nullopt, want, 6), SwapOutcome::conflict},
      {"nothing", nothing_expected, SwapOutcome::conflict},
      {"an older generation", plan(here, 5, want, 4), SwapOutcome::conflict},
      {"the same generation by another operation", plan(here, 5, want, 5), SwapOutcome::conflict},
      {"this very operation again", plan(want, 4, here, 5, "op5"), SwapOutcome::already},
      {"its generation with another value", plan(want, 4, a("203.0.113.1"), 5, "op5"),
       SwapOutcome::conflict},
      {"its value under another name", plan(want, 4, here, 5, "other"), SwapOutcome::conflict},
      {"an empty set", empty, SwapOutcome::refused},
      {"a zone that is not ours", foreign, SwapOutcome::refused},
      {"a name that is not configured", unknown_name, SwapOutcome::refused},
  };
  for (const auto& row : rows) {
    EmbeddedZones zones({{www, here, 5, "op5", 5}});
    ASSERT_TRUE(zones.configure(config()));
    const auto begun = zones.begin(row.plan);
    EXPECT_EQ(outcome(begun), row.outcome) << row.what;
    if (const auto* over = std::get_if<ApplyResult>(&begun)) {
      EXPECT_FALSE(over->detail.empty()) << row.what;
      EXPECT_FALSE(zones.pending(www)) << row.what;
    }
    EXPECT_EQ(first(ask(zones, "www.example.com")), "www.example.com 30 A 198.51.100.1")
        << row.what;
  }
}

TEST(EmbeddedZones, ACnameIsRefusedAtTheApex) {
  EmbeddedZones zones;
  const RecordKey apex{"example.com", "example.com"};
  ASSERT_TRUE(zones.configure(config({{apex, a("192.0.2.10")}})));
  auto swap = plan(a("192.0.2.10"), std::nullopt, {RecordType::cname, 30, {"b.example.net"}}, 1);
  swap.key = apex;
  EXPECT_EQ(outcome(zones.begin(swap)), SwapOutcome::refused);
  EXPECT_EQ(first(ask(zones, "example.com")), "example.com 30 A 192.0.2.10");
}

TEST(EmbeddedZones, EveryWriteMovesTheSerialByOneAndToItsGeneration) {
  EmbeddedZones zones;
  ASSERT_TRUE(zones.configure(config()));
  applied(zones, plan(a("192.0.2.10"), std::nullopt, a("192.0.2.11"), 1));
  EXPECT_EQ(zones.serial("example.com"), 2U);
  applied(zones, plan(a("192.0.2.11"), 1, a("192.0.2.12"), 2));
  EXPECT_EQ(zones.serial("example.com"), 3U);
  applied(zones, plan(a("192.0.2.12"), 2, a("192.0.2.13"), 100));
  EXPECT_EQ(zones.serial("example.com"), 100U);
  const auto soa = ask(zones, "example.com", wire::type::soa);
  EXPECT_EQ(first(soa), "example.com 3600 SOA ns1.example.net hostmaster.example.com 100 30");
}

TEST(EmbeddedZones, WritesUnderWayAtOnceGetSerialsOfTheirOwn) {
  const RecordKey other{"example.com", "other.example.com"};
  EmbeddedZones zones;
  ASSERT_TRUE(zones.configure(config({{www, a("192.0.2.10")}, {other, a("192.0.2.10")}})));
  auto second_plan = plan(a("192.0.2.10"), std::nullopt, a("192.0.2.11"), 1);
  second_plan.key = other;
  const auto one =
      std::get<StoredRecord>(zones.begin(plan(a("192.0.2.10"), std::nullopt, a("192.0.2.11"), 1)));
  const auto two = std::get<StoredRecord>(zones.begin(second_plan));
  EXPECT_NE(one.zone_serial, two.zone_serial);
  zones.commit(one);
  zones.commit(two);
  EXPECT_EQ(zones.serial("example.com"), 3U);
}

TEST(EmbeddedZones, AReloadKeepsWhatIsServed) {
  const RecordKey other{"example.com", "other.example.com"};
  EmbeddedZones zones;
  ASSERT_TRUE(zones.configure(config()));
  applied(zones, plan(a("192.0.2.10"), std::nullopt, a("198.51.100.1"), 1));
  ASSERT_TRUE(zones.configure(config({{www, a("192.0.2.77")}, {other, a("192.0.2.20")}})));
  EXPECT_EQ(first(ask(zones, "www.example.com")), "www.example.com 30 A 198.51.100.1")
      << "in failover it stays there";
  EXPECT_EQ(first(ask(zones, "other.example.com")), "other.example.com 30 A 192.0.2.20");
  ASSERT_TRUE(zones.configure(config({{www, a("192.0.2.77")}, {other, a("192.0.2.21")}})));
  EXPECT_EQ(first(ask(zones, "other.example.com")), "other.example.com 30 A 192.0.2.20")
      << "an edit is written by the swap engine, after a good round";
  ASSERT_TRUE(zones.configure(config({{other, a("192.0.2.21")}})));
  EXPECT_EQ(ask(zones, "www.example.com").rcode(), static_cast<unsigned>(wire::Rcode::nxdomain));
  ASSERT_TRUE(zones.configure(config({{www, a("192.0.2.77")}})));
  EXPECT_EQ(first(ask(zones, "www.example.com")), "www.example.com 30 A 198.51.100.1")
      << "as after a restart";
  EXPECT_EQ(zones.read(www)->generation, 1U);
}

TEST(EmbeddedZones, ABadReloadChangesNothing) {
  EmbeddedZones zones;
  ASSERT_TRUE(zones.configure(config()));
  const auto version = zones.snapshots().version();
  const auto refused =
      zones.configure(config({{{"example.com", "new.example.com"}, a("192.0.2.1")},
                              {{"example.net", "www.example.net"}, a("192.0.2.1")}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(zones.snapshots().version(), version);
  EXPECT_EQ(first(ask(zones, "www.example.com")), "www.example.com 30 A 192.0.2.10");
  applied(zones, plan(a("192.0.2.10"), std::nullopt, a("198.51.100.1"), 1));
  EXPECT_EQ(first(ask(zones, "www.example.com")), "www.example.com 30 A 198.51.100.1");
  EXPECT_EQ(ask(zones, "new.example.com").rcode(), static_cast<unsigned>(wire::Rcode::nxdomain));
}

TEST(EmbeddedZones, ANameWhoseZoneLeavesIsAnErrorNotAGap) {
  EmbeddedZones zones;
  ASSERT_TRUE(zones.configure(config()));
  EXPECT_FALSE(zones.configure({{}, {{www, a("192.0.2.10")}}}));
  EXPECT_EQ(first(ask(zones, "www.example.com")), "www.example.com 30 A 192.0.2.10");
}

// However often it is reloaded, what is served is what a fresh start would serve, but for the
// values of names that were there before: those a reload does not touch.
TEST(EmbeddedZones, AReloadEndsWhereAFreshStartWouldBegin) {
  std::mt19937 random(11);
  const std::vector<StoredRecord> stored = {
      {{"example.com", "n1.example.com"}, a("198.51.100.1"), 3, "op", 9}};
  EmbeddedZones reloaded(stored);
  std::map<RecordKey, RecordSet> held;
  for (int round = 0; round < 200; ++round) {
    EmbeddedZones::Config next;
    for (const char* name : {"example.com", "sub.example.com", "example.net"}) {
      if (random() % 2 == 0)
        next.zones.push_back({name, {{"ns1.example.org", {}}}, "h@example.com"});
    }
    for (const auto& each : next.zones) {
      for (int i = 0; i < 3; ++i) {
        const RecordKey key{each.name, "n" + std::to_string(i) + "." + each.name};
        if (random() % 2 == 0)
          next.names.push_back({key, a("192.0.2." + std::to_string(random() % 3))});
      }
    }
    ASSERT_TRUE(reloaded.configure(next));
    std::map<RecordKey, RecordSet> now;
    for (auto& name : next.names) {
      if (const auto before = held.find(name.key); before != held.end()) name.seed = before->second;
      now[name.key] = name.seed;
    }
    held = std::move(now);
    EmbeddedZones fresh(stored);
    ASSERT_TRUE(fresh.configure(next));
    for (const char* zone_name : {"example.com", "sub.example.com", "example.net"}) {
      for (const char* label : {"", "n0.", "n1.", "n2.", "x."}) {
        const auto name = std::string(label) + zone_name;
        const auto one = ask(reloaded, name);
        const auto other = ask(fresh, name);
        ASSERT_EQ(one.raw, other.raw) << name << " in round " << round;
      }
    }
  }
}

TEST(EmbeddedZones, ANameThatLeftDuringItsWriteIsNotBroughtBack) {
  EmbeddedZones zones;
  ASSERT_TRUE(zones.configure(config()));
  const auto record = std::get<StoredRecord>(
      zones.begin(plan(a("192.0.2.10"), std::nullopt, a("198.51.100.1"), 1)));
  zones.remove_name(www);
  EXPECT_EQ(zones.commit(record).outcome, SwapOutcome::refused);
  EXPECT_EQ(ask(zones, "www.example.com").rcode(), static_cast<unsigned>(wire::Rcode::nxdomain));
  ASSERT_TRUE(zones.put_name({www, a("192.0.2.10")}));
  EXPECT_EQ(first(ask(zones, "www.example.com")), "www.example.com 30 A 198.51.100.1")
      << "it is what the disk says";
}

TEST(EmbeddedZones, ZonesAndNamesComeAndGoOneAtATime) {
  EmbeddedZones zones;
  EXPECT_FALSE(zones.put_name({www, a("192.0.2.10")})) << "no such zone yet";
  ASSERT_TRUE(zones.put_zone(zone));
  ASSERT_TRUE(zones.put_name({www, a("192.0.2.10")}));
  applied(zones, plan(a("192.0.2.10"), std::nullopt, a("192.0.2.11"), 30));
  zones.remove_zone("example.com");
  EXPECT_EQ(ask(zones, "www.example.com").rcode(), static_cast<unsigned>(wire::Rcode::refused));
  ASSERT_TRUE(zones.put_zone(zone));
  EXPECT_EQ(zones.serial("example.com"), 30U) << "a zone that comes back goes on counting";
}

TEST(EmbeddedZones, NegativeTtlFollowsTheShortestRecord) {
  EmbeddedZones zones;
  ASSERT_TRUE(zones.configure(config(
      {{www, a("192.0.2.10", 5)}, {{"example.com", "b.example.com"}, a("192.0.2.1", 600)}})));
  EXPECT_EQ(ask(zones, "nope.example.com").lines(1)[0],
            "example.com 5 SOA ns1.example.net hostmaster.example.com 1 5");
  zones.remove_name(www);
  EXPECT_EQ(ask(zones, "nope.example.com").lines(1)[0],
            "example.com 30 SOA ns1.example.net hostmaster.example.com 1 30");
}

// Whatever is done to it, a configured name has an answer, its generation only grows and the serial
// with it.
TEST(EmbeddedZones, RandomHistoriesKeepThePromises) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    std::vector<EmbeddedZones::Name> names;
    for (int i = 0; i < 4; ++i) {
      names.push_back({{"example.com", "n" + std::to_string(i) + ".example.com"}, a("192.0.2.1")});
    }
    std::map<RecordKey, StoredRecord> disk;
    auto zones = std::make_unique<EmbeddedZones>();
    ASSERT_TRUE(zones->configure(config(names)));
    std::uint32_t serial = 0;
    for (int step = 0; step < 300; ++step) {
      const auto& name = names[random() % names.size()];
      const auto live = zones->read(name.key).value();
      SwapPlan p;
      p.key = name.key;
      p.expect = random() % 4 == 0 ? std::optional(a("203.0.113.9")) : live.set;
      p.expect_generation = live.generation;
      p.want = a("192.0.2." + std::to_string(random() % 5));
      p.generation = live.generation.value_or(0) + random() % 3;
      p.op = std::to_string(step);
      const auto begun = zones->begin(p);
      if (const auto* record = std::get_if<StoredRecord>(&begun)) {
        if (live.generation) {
          ASSERT_GT(record->generation, *live.generation);
        }
        if (random() % 4 == 0) {
          zones->abandon(*record);
        } else {
          disk[record->key] = *record;
          if (random() % 8 != 0) {
            ASSERT_EQ(zones->commit(*record).outcome, SwapOutcome::applied);
          } else {  // killed between the disk and the answer
            std::vector<StoredRecord> stored;
            for (const auto& [key, kept] : disk) stored.push_back(kept);
            zones = std::make_unique<EmbeddedZones>(stored);
            ASSERT_TRUE(zones->configure(config(names)));
          }
        }
      }
      ASSERT_GE(zones->serial("example.com"), serial);
      serial = zones->serial("example.com");
      for (const auto& each : names) {
        const auto message = ask(*zones, each.key.fqdn);
        ASSERT_EQ(message.lines(0).size(), 1U);
        const auto kept = disk.find(each.key);
        const auto& expected =
            kept == disk.end() ? each.seed.values[0] : kept->second.set.values[0];
        ASSERT_EQ(first(message), each.key.fqdn + " 30 A " + expected);
        if (kept != disk.end()) {
          ASSERT_GE(serial, kept->second.generation);
        }
      }
    }
  }
}

}  // namespace
}  // namespace hotswapd
