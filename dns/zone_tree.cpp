// A persistent hash tree from names to nodes.
#include "dns/zone_tree.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace hotswapd {

NameRrsets::NameRrsets(const WireRrset& a, const WireRrset& aaaa, const WireRrset& cname)
    : aaaa_at_(static_cast<std::uint32_t>(a.wire.size())),
      cname_at_(static_cast<std::uint32_t>(a.wire.size() + aaaa.wire.size())),
      a_count_(a.count),
      aaaa_count_(aaaa.count),
      cname_count_(cname.count) {
  wire_.reserve(a.wire.size() + aaaa.wire.size() + cname.wire.size());
  wire_.append(a.wire).append(aaaa.wire).append(cname.wire);
}
namespace {

bool same_name(const ZoneNode& node, std::span<const std::uint8_t> name) noexcept {
  return node.name.size() == name.size() &&
         std::memcmp(node.name.data(), name.data(), name.size()) == 0;
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
