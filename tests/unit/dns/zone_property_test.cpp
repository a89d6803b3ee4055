// Random zones and names, added and removed in any order, against a map that does it the slow and
// obvious way.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "core/text.hpp"
#include "dns/zone_editor.hpp"
#include "tests/unit/dns/messages.hpp"

namespace hotswapd {
namespace {

// What ought to be served: the zones, and each name's address.
struct Naive {
  std::set<std::string> zones;
  std::map<RecordKey, std::string> records;

  static bool under(const std::string& name, const std::string& zone) {
    return name == zone || (name.size() > zone.size() && name.ends_with("." + zone));
  }
  std::string closest_zone(const std::string& name) const {
    std::string best;
    for (const auto& zone : zones) {
      if (under(name, zone) && zone.size() > best.size()) best = zone;
    }
    return best;
  }
  std::string value(const std::string& name) const {
    for (const auto& [key, value] : records) {
      if (key.fqdn == name) return value;
    }
    return "";
  }
  // It has data, is an apex, or stands between such a name and the top-most zone around it.
  bool exists(const std::string& name) const {
    if (closest_zone(name).empty()) return false;
    for (const auto& zone : zones) {
      if (under(zone, name)) return true;
    }
    for (const auto& [key, value] : records) {
      if (under(key.fqdn, name)) return true;
    }
    return false;
  }
};

std::string random_name(std::mt19937& random) {
  static const char* labels[] = {"a", "b", "c"};
  std::string name = random() % 2 == 0 ? "test" : "x.test";
  for (auto depth = random() % 4; depth > 0; --depth)
    name = std::string(labels[random() % 3]) + "." + name;
  return name;
}

class ZoneProperty : public testing::TestWithParam<unsigned> {};

TEST_P(ZoneProperty, EqualsTheNaiveMap) {
  std::mt19937 random(GetParam());
  ZoneEditor editor;
  Naive naive;
  std::shared_ptr<const ZoneSnapshot> old;
  for (int step = 0; step < 400; ++step) {
    const auto name = random_name(random);
    switch (random() % 8) {
      case 0:
        ASSERT_TRUE(editor.put_zone({name, {{"ns.elsewhere", {}}}, "h.elsewhere"}, 1));
        naive.zones.insert(name);
        break;
      case 1:
        editor.remove_zone(name);
        if (naive.zones.erase(name) > 0) {
          std::erase_if(naive.records, [&](const auto& r) { return r.first.zone == name; });
        }
        break;
      case 2:
      case 3:
        for (const auto& zone : naive.zones) {
          editor.remove_record({zone, name});
          naive.records.erase({zone, name});
        }
        break;
      default: {
        if (naive.zones.empty()) break;
        auto zone = naive.zones.begin();
        std::advance(zone, static_cast<long>(random() % naive.zones.size()));
        const auto value = "192.0.2." + std::to_string(random() % 250);
        const RecordKey key{*zone, name};
        const bool taken = !naive.value(name).empty() && !naive.records.contains(key);
        const bool ok = editor.put_record(key, {RecordType::a, 30, {value}}).has_value();
        ASSERT_EQ(ok, Naive::under(name, *zone) && !taken) << name << " in " << *zone;
        if (ok) naive.records[key] = value;
      }
    }
    if (random() % 3 == 0) old = editor.publish();  // other changes go on within one epoch
    if (step % 10 != 9) continue;
    const auto zones = editor.publish();
    for (int probe = 0; probe < 60; ++probe) {
      const auto asked = random_name(random);
      wire::LookupName lookup;
      lookup.assign(test::name_of(asked).wire());
      const auto* node = zones->find(lookup);
      ASSERT_EQ(node != nullptr, naive.exists(asked)) << asked << " at step " << step;
      const auto zone = zones->enclosing_zone(lookup);
      ASSERT_EQ(zone.apex == nullptr ? "" : zone.apex->name.text(), naive.closest_zone(asked))
          << asked;
      if (zone.apex != nullptr) {
        const auto suffix = lookup.suffix(zone.label);
        ASSERT_TRUE(std::equal(suffix.begin(), suffix.end(), zone.apex->name.wire().begin()));
      }
      const auto value = naive.value(asked);
      ASSERT_EQ(node != nullptr && !node->records.a().empty(), !value.empty()) << asked;
      if (value.empty()) continue;
      std::string raw(16, '\0');
      wire::Writer out(std::as_writable_bytes(std::span(raw)));
      ASSERT_TRUE(wire::put_value(out, RecordType::a, value));
      ASSERT_EQ(node->records.a().wire.substr(12), raw.substr(0, 4)) << asked;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ZoneProperty, testing::Range(1U, 41U));

}  // namespace
}  // namespace hotswapd
