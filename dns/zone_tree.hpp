// A persistent hash tree from names to nodes: a published version never changes, and changing one
// name copies about a hundred pointers whatever the size of the tree.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/kept_text.hpp"
#include "net/name.hpp"

namespace hotswapd {

// Records of one type at a name, as they go on the wire, each with the owner C0 0C: a pointer to
// the question's name, which stands right behind the header. Whoever puts them behind another name
// overwrites those two bytes.
struct WireRrset {
  std::string wire;
  std::uint16_t count = 0;

  bool empty() const noexcept { return count == 0; }
};

// Part of what is held elsewhere.
struct WireRrsetView {
  WireRrsetView() = default;
  WireRrsetView(std::string_view bytes, std::uint16_t records) : wire(bytes), count(records) {}
  WireRrsetView(const WireRrset& set) noexcept : wire(set.wire), count(set.count) {}

  std::string_view wire;
  std::uint16_t count = 0;

  bool empty() const noexcept { return count == 0; }
};

// A name and what it may own when it is no apex, all in one piece: there may be tens of thousands
// of names, and hardly any owns more than one set.
class NameRrsets {
 public:
  NameRrsets() = default;
  explicit NameRrsets(std::string_view name) : NameRrsets(name, {}, {}, {}) {}
  NameRrsets(std::string_view name, const WireRrset& a, const WireRrset& aaaa,
             const WireRrset& cname);

  std::string_view name() const noexcept { return part(0, a_at_); }  // wire form, lower case
  WireRrsetView a() const noexcept { return {part(a_at_, aaaa_at_), a_count_}; }
  WireRrsetView aaaa() const noexcept { return {part(aaaa_at_, cname_at_), aaaa_count_}; }
  WireRrsetView cname() const noexcept { return {part(cname_at_, npos), cname_count_}; }
  bool empty() const noexcept { return a_count_ + aaaa_count_ + cname_count_ == 0; }
  std::uint32_t ttl() const noexcept;  // of the first record; there is one

 private:
  static constexpr auto npos = std::string_view::npos;
  std::string_view part(std::size_t from, std::size_t to) const noexcept {
    return bytes_.view().substr(from, to - from);
  }

  KeptText bytes_;
  std::uint32_t aaaa_at_ = 0;
  std::uint32_t cname_at_ = 0;
  std::uint16_t a_count_ = 0;
  std::uint16_t aaaa_count_ = 0;
  std::uint16_t cname_count_ = 0;
  std::uint8_t a_at_ = 0;
};

// What the apex of a zone answers besides.
struct ZoneApex {
  struct InZoneHost {            // a name server inside our zones: its addresses go along as glue
    std::uint16_t rdata_at = 0;  // offset of its name in `ns.wire`
    wire::Name name;
  };
  wire::Name name;
  WireRrset soa;           // TTL 3600
  WireRrset soa_negative;  // the same with the negative TTL, for the authority section
  WireRrset ns;
  std::vector<InZoneHost> glue;
};

// A name that exists: it has records, is an apex, or stands above a name that does.
struct ZoneNode {
  NameRrsets records;
  std::uint32_t children = 0;  // names that exist one label below
  std::uint32_t owner = 0;     // the zone whose service has the records; 0: no service has them
  std::shared_ptr<const ZoneApex> apex;

  bool has_records() const noexcept { return !records.empty(); }
  bool exists() const noexcept { return children > 0 || apex != nullptr || has_records(); }
};

class ZoneTree {
 public:
  // One version. Copying it is cheap; looking up needs no lock.
  const ZoneNode* find(std::uint64_t hash, std::span<const std::uint8_t> lower_name) const noexcept;
  const ZoneNode* find(const wire::LookupName& name, std::size_t label = 0) const noexcept {
    return find(name.hash[label], name.suffix(label));
  }

  // Puts, replaces or (with nullptr) removes the node of `lower_name`. Branches made since `epoch`
  // began are changed in place, older ones are copied: a new epoch begins whenever this version was
  // handed to readers.
  void set(std::span<const std::uint8_t> lower_name, std::shared_ptr<const ZoneNode> node,
           std::uint64_t epoch);

  template <class Visit>
  void for_each(Visit visit) const {
    if (!root_) return;
    for (const auto& branch : root_->branches) {
      if (!branch) continue;
      for (const auto& leaf : branch->leaves) {
        if (!leaf) continue;
        for (const auto& entry : leaf->entries) visit(*entry.node);
      }
    }
  }

 private:
  static constexpr std::size_t fanout = 64;

  struct Entry {
    std::uint64_t hash = 0;
    std::shared_ptr<const ZoneNode> node;
  };
  struct Leaf {
    std::uint64_t epoch = 0;
    std::vector<Entry> entries;  // ordered by hash
  };
  struct Branch {
    std::uint64_t epoch = 0;
    std::array<std::shared_ptr<Leaf>, fanout> leaves;
  };
  struct Root {
    std::uint64_t epoch = 0;
    std::array<std::shared_ptr<Branch>, fanout> branches;
  };

  static std::size_t first_index(std::uint64_t hash) noexcept { return hash >> 58; }
  static std::size_t second_index(std::uint64_t hash) noexcept { return (hash >> 52) % fanout; }

  std::shared_ptr<Root> root_;
};

}  // namespace hotswapd
