// A persistent hash tree from names to nodes.
#include "dns/zone_tree.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace hotswapd {

NameRrsets::NameRrsets(std::string_view name, const WireRrset& a, const WireRrset& aaaa,
                       const WireRrset& cname)
    : aaaa_at_(static_cast<std::uint32_t>(name.size() + a.wire.size())),
      cname_at_(static_cast<std::uint32_t>(aaaa_at_ + aaaa.wire.size())),
      a_count_(a.count),
      aaaa_count_(aaaa.count),
      cname_count_(cname.count),
      a_at_(static_cast<std::uint8_t>(name.size())) {
  std::string bytes(name);
  bytes.append(a.wire).append(aaaa.wire).append(cname.wire);
  bytes_ = bytes;
}

std::uint32_t NameRrsets::ttl() const noexcept {
  constexpr std::size_t at = 6;  // owner, type, class
  std::uint32_t ttl = 0;
  for (const char byte : part(a_at_ + at, a_at_ + at + 4))
    ttl = ttl << 8 | static_cast<unsigned char>(byte);
  return ttl;
}

namespace {

bool same_name(const ZoneNode& node, std::span<const std::uint8_t> name) noexcept {
  const auto mine = node.records.name();
  return mine.size() == name.size() && std::memcmp(mine.data(), name.data(), name.size()) == 0;
}

// The part at `slot`, safe to change: a copy unless it was made in this epoch.
template <class Part>
Part& writable(std::shared_ptr<Part>& slot, std::uint64_t epoch) {
  if (!slot) {
    slot = std::make_shared<Part>();
  } else if (slot->epoch != epoch) {
    slot = std::make_shared<Part>(*slot);
  }
  slot->epoch = epoch;
  return *slot;
}

}  // namespace

const ZoneNode* ZoneTree::find(std::uint64_t hash,
                               std::span<const std::uint8_t> lower_name) const noexcept {
  if (!root_) return nullptr;
  const auto* branch = root_->branches[first_index(hash)].get();
  if (branch == nullptr) return nullptr;
  const auto* leaf = branch->leaves[second_index(hash)].get();
  if (leaf == nullptr) return nullptr;
  auto entry = std::lower_bound(leaf->entries.begin(), leaf->entries.end(), hash,
                                [](const Entry& e, std::uint64_t h) { return e.hash < h; });
  for (; entry != leaf->entries.end() && entry->hash == hash; ++entry) {
    if (same_name(*entry->node, lower_name)) return entry->node.get();
  }
  return nullptr;
}

void ZoneTree::set(std::span<const std::uint8_t> lower_name, std::shared_ptr<const ZoneNode> node,
                   std::uint64_t epoch) {
  const std::uint64_t hash = wire::hash_name(lower_name);
  auto& root = writable(root_, epoch);
  auto& branch = writable(root.branches[first_index(hash)], epoch);
  auto& leaf = writable(branch.leaves[second_index(hash)], epoch);
  auto entry = std::lower_bound(leaf.entries.begin(), leaf.entries.end(), hash,
                                [](const Entry& e, std::uint64_t h) { return e.hash < h; });
  while (entry != leaf.entries.end() && entry->hash == hash && !same_name(*entry->node, lower_name))
    ++entry;
  const bool found = entry != leaf.entries.end() && entry->hash == hash;
  if (node) {
    if (found) {
      entry->node = std::move(node);
    } else {
      leaf.entries.insert(entry, Entry{hash, std::move(node)});
    }
  } else if (found) {
    leaf.entries.erase(entry);
  }
}

}  // namespace hotswapd
