// The text of a configuration as a tree of nodes that know their line and column. Bounded in size,
// depth and alias expansion; whatever the bytes are, parsing ends in a tree or in a located error,
// never in an exception.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"

namespace hotswapd::config {

enum class NodeKind : std::uint8_t { null, scalar, sequence, mapping, alias };

// Lives as long as its Source. In a mapping, children come as key, value, key, value.
struct Node {
  NodeKind kind = NodeKind::null;
  bool plain = true;  // a scalar without quotes
  int line = 1;
  int column = 1;
  std::uint32_t first = 0;   // index of the first child, 0: none
  std::uint32_t next = 0;    // index of the next sibling, 0: none
  std::uint32_t target = 0;  // alias: index of what it stands for
  std::uint32_t weight =
      0;  // nodes below and including this one, aliases counted in full; 0: not finished yet
  std::string_view text;
};

class Source {
 public:
  static constexpr std::size_t largest_file = std::size_t{64} << 20;
  static constexpr int deepest = 32;
  // Nodes after alias expansion, whatever the file's size: a reader never has more to look at.
  static constexpr std::uint32_t most_nodes = 8'000'000;

  // nullopt after at least one error has been added. `text` is wiped: it may hold secrets.
  static std::optional<Source> parse(std::string name, std::string text, Diagnostics& diagnostics);

  Source(Source&&) noexcept = default;
  Source& operator=(Source&&) = delete;
  ~Source();

  const std::string& name() const noexcept { return name_; }
  const Node& root() const noexcept { return at(root_); }

  // Children with aliases resolved; `nullptr` when there is none (left).
  const Node* first_child(const Node& parent) const {
    return parent.first ? &nodes_[parent.first] : nullptr;
  }
  const Node* next_sibling(const Node& child) const {
    return child.next ? &nodes_[child.next] : nullptr;
  }
  const Node& resolve(const Node& node) const {
    return node.kind == NodeKind::alias ? nodes_[node.target] : node;
  }

  // Copies text into memory that lives, and is wiped, with the source.
  std::string_view keep(std::string_view text);

 private:
  friend class Builder;
  Source() = default;
  const Node& at(std::uint32_t index) const { return nodes_[index]; }

  struct Chunk {
    std::unique_ptr<char[]> data;
    std::size_t size = 0;
    std::size_t used = 0;
  };
  std::string name_;
  std::vector<Node> nodes_;  // index 0 is never a child
  std::vector<Chunk> chunks_;
  std::uint32_t root_ = 0;
};

}  // namespace hotswapd::config
