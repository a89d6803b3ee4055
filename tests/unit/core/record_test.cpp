#include "core/record.hpp"

#include <gtest/gtest.h>

namespace hotswapd {
namespace {

TEST(Record, ValueDecidesTheType) {
  EXPECT_EQ(record_for("192.0.2.1", 30), (RecordSet{RecordType::a, 30, {"192.0.2.1"}}));
  EXPECT_EQ(record_for("2001:DB8:0::1", 30), (RecordSet{RecordType::aaaa, 30, {"2001:db8::1"}}));
  EXPECT_EQ(record_for("Backup.Example.NET.", 5),
            (RecordSet{RecordType::cname, 5, {"backup.example.net"}}));
}

TEST(Record, SetsCompareWithoutOrderAndTtl) {
  const RecordSet a{RecordType::a, 30, {"192.0.2.1", "192.0.2.2"}};
  const RecordSet b{RecordType::a, 60, {"192.0.2.2", "192.0.2.1"}};
  EXPECT_TRUE(a.same_values(b));
  EXPECT_FALSE(a.same_values({RecordType::a, 30, {"192.0.2.1"}}));
  EXPECT_FALSE(a.same_values({RecordType::cname, 30, a.values}));
}

TEST(Record, NotAnAddress) {
  for (const auto* text :
       {"", "192.0.2", "192.0.2.256", "1.2.3.4.5", "example.com", ":::", "fe80::1%eth0"}) {
    EXPECT_FALSE(canonical_address(text)) << text;
  }
}

TEST(Record, Words) {
  EXPECT_EQ(to_string(RecordSet{RecordType::a, 30, {"192.0.2.1", "192.0.2.2"}}),
            "A 192.0.2.1, 192.0.2.2 ttl 30");
  EXPECT_EQ(record_type("aaaa"), RecordType::aaaa);
  EXPECT_FALSE(record_type("MX"));
}

}  // namespace
}  // namespace hotswapd
