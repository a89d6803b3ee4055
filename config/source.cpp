#include "config/source.hpp"

#include <yaml.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <unordered_map>
#include <utility>

#include "config/secret.hpp"
#include "core/text.hpp"

namespace hotswapd::config {
namespace {

constexpr std::size_t kChunk = 256 * 1024;

struct Fault {
  std::size_t line = 0;  // from 0, as libyaml counts
  std::size_t column = 0;
  std::string text;
};

// How many bytes the UTF-8 sequence at `text[at]` takes; 0 when it is not one that YAML allows.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80)
    return (first >= 0x20 && first != 0x7f) || first == '\n' || first == '\r' || first == '\t';
  std::size_t length = 0;
  std::uint32_t value = 0;
  if (first >= 0xc2 && first < 0xe0) {
    length = 2, value = first & 0x1fu;
  } else if (first >= 0xe0 && first < 0xf0) {
    length = 3, value = first & 0x0fu;
  } else if (first >= 0xf0 && first < 0xf5) {
    length = 4, value = first & 0x07u;
  } else {
    return 0;
  }
  if (text.size() - at < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0u) != 0x80u) return 0;
    value = (value << 6) | (byte(at + i) & 0x3fu);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  const bool c1 = value < 0xa0 && value != 0x85;
  if (overlong || surrogate || c1 || value > 0x10ffff) return 0;
  return length;
}

std::optional<Fault> bad_byte(std::string_view text) {
  std::size_t line = 0;
  std::size_t column = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) {
      std::array<char, 8> hex{};
      std::snprintf(hex.data(), hex.size(), "0x%02x", static_cast<unsigned char>(text[at]));
      return Fault{line, column,
                   "the byte " + std::string(hex.data()) +
                       " is no text here; the file must be UTF-8 without control characters"};
    }
    if (text[at] == '\n') {
      ++line;
      column = 0;
    } else {
      ++column;
    }
    at += length;
  }
  return std::nullopt;
}

// True when the line (counted from 0) is indented with a tab.
bool tab_indented(std::string_view text, std::size_t line) {
  for (; line > 0; --line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
  }
  const auto first = text.find_first_not_of(' ');
  return first != std::string_view::npos && text[first] == '\t';
}

}  // namespace

// Turns libyaml's events into nodes; stops at the first fault.
class Builder {
 public:
  explicit Builder(Source& source) : source_(source) { source_.nodes_.resize(1); }

  std::optional<Fault> run(std::string_view text) {
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) return Fault{0, 0, "out of memory"};
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
    bool more = true;
    while (more && !fault_) {
      yaml_event_t event;
      if (yaml_parser_parse(&parser, &event) == 0) {
        fault_ = syntax(parser, text);
        break;
      }
      more = event.type != YAML_STREAM_END_EVENT;
      take(event);
      yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (!fault_ && documents_ == 0) {
      fault_ = Fault{
          0, 0, "the file is empty; it must be a mapping of keys, see the example configuration"};
    }
    return std::move(fault_);
  }

 private:
  struct Open {
    std::uint32_t node;
    std::uint32_t last = 0;
    std::uint64_t weight = 1;
  };

  static Fault syntax(const yaml_parser_t& parser, std::string_view text) {
    std::string what = "not valid YAML: ";
    what += parser.problem != nullptr ? parser.problem : "unreadable";
    if (parser.context != nullptr) {
      what += std::string(" ") + parser.context;
      if (parser.context_mark.line != parser.problem_mark.line) {
        what += " that begins at line " + std::to_string(parser.context_mark.line + 1);
      }
    }
    if (tab_indented(text, parser.problem_mark.line)) what += "; indent with blanks, not with tabs";
    return {parser.problem_mark.line, parser.problem_mark.column, what};
  }

  void take(const yaml_event_t& event) {
    const auto& mark = event.start_mark;
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        if (++documents_ > 1) fail(mark, "a second document begins here; the file must hold one");
        return;
      case YAML_ALIAS_EVENT:
        return alias(event);
      case YAML_SCALAR_EVENT:
        return scalar(event);
      case YAML_SEQUENCE_START_EVENT:
        return open(NodeKind::sequence, event, event.data.sequence_start.anchor);
      case YAML_MAPPING_START_EVENT:
        return open(NodeKind::mapping, event, event.data.mapping_start.anchor);
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        return close();
      default:
        return;
    }
  }

  void fail(const yaml_mark_t& mark, std::string text) {
    if (!fault_) fault_ = Fault{mark.line, mark.column, std::move(text)};
  }

  std::uint32_t add(NodeKind kind, const yaml_event_t& event, const unsigned char* anchor) {
    const auto& mark = event.start_mark;
    const auto index = static_cast<std::uint32_t>(source_.nodes_.size());
    Node node;
    node.kind = kind;
    node.line = static_cast<int>(mark.line) + 1;
    node.column = static_cast<int>(mark.column) + 1;
    source_.nodes_.push_back(node);
    if (open_.empty()) {
      source_.root_ = index;
    } else if (open_.back().last == 0) {
      source_.nodes_[open_.back().node].first = index;
      open_.back().last = index;
    } else {
      source_.nodes_[open_.back().last].next = index;
      open_.back().last = index;
    }
    if (anchor != nullptr) anchors_[reinterpret_cast<const char*>(anchor)] = index;
    return index;
  }

  void finish(std::uint32_t index, std::uint64_t weight) {
    const Node& node = source_.nodes_[index];
    if (weight > Source::most_nodes) {
      fail({0, static_cast<std::size_t>(node.line - 1), static_cast<std::size_t>(node.column - 1)},
           "with its aliases expanded this holds more than 8 million values; use fewer aliases");
      return;
    }
    source_.nodes_[index].weight = static_cast<std::uint32_t>(weight);
    if (!open_.empty()) open_.back().weight += weight;
  }

  void alias(const yaml_event_t& event) {
    const std::string name = reinterpret_cast<const char*>(event.data.alias.anchor);
    const auto found = anchors_.find(name);
    if (found == anchors_.end()) {
      return fail(event.start_mark, "the alias *" + clean(name, 64) + " has no anchor &" +
                                        clean(name, 64) + " before it");
    }
    const std::uint32_t target = found->second;
    if (source_.nodes_[target].weight == 0) {
      return fail(event.start_mark,
                  "the alias *" + clean(name, 64) + " stands inside its own anchor");
    }
    const auto index = add(NodeKind::alias, event, nullptr);
    source_.nodes_[index].target = target;
    finish(index, source_.nodes_[target].weight);
  }

  void scalar(const yaml_event_t& event) {
    const auto& value = event.data.scalar;
    const std::string_view text(reinterpret_cast<const char*>(value.value), value.length);
    const bool plain = value.style == YAML_PLAIN_SCALAR_STYLE && value.plain_implicit != 0;
    const bool null = plain && (text.empty() || text == "~" || text == "null" || text == "Null" ||
                                text == "NULL");
    const auto index = add(null ? NodeKind::null : NodeKind::scalar, event, value.anchor);
    source_.nodes_[index].plain = plain;
    source_.nodes_[index].text = source_.keep(text);
    finish(index, 1);
  }

  void open(NodeKind kind, const yaml_event_t& event, const unsigned char* anchor) {
    if (open_.size() >= Source::deepest) {
      return fail(event.start_mark, "nested more than " + std::to_string(Source::deepest) +
                                        " levels deep; no key needs that");
    }
    const auto index = add(kind, event, anchor);
    open_.push_back({index});
  }

  void close() {
    if (fault_) return;
    const Open done = open_.back();
    open_.pop_back();
    finish(done.node, done.weight);
  }

  Source& source_;
  std::vector<Open> open_;
  std::unordered_map<std::string, std::uint32_t> anchors_;
  std::optional<Fault> fault_;
  int documents_ = 0;
};

std::optional<Source> Source::parse(std::string name, std::string text, Diagnostics& diagnostics) {
  Source source;
  source.name_ = std::move(name);
  std::optional<Fault> fault;
  if (text.size() > largest_file) {
    fault = Fault{0, 0, "the file is larger than 64 MiB"};
  } else if (fault = bad_byte(text); !fault) {
    source.nodes_.reserve(text.size() / 8);
    fault = Builder(source).run(text);
  }
  wipe_memory(text.data(), text.size());
  if (!fault) return source;
  diagnostics.push_back({source.name_, static_cast<int>(fault->line) + 1,
                         static_cast<int>(fault->column) + 1, Severity::error, "(file)",
                         std::move(fault->text)});
  return std::nullopt;
}

std::string_view Source::keep(std::string_view text) {
  if (text.empty()) return {};
  if (chunks_.empty() || chunks_.back().size - chunks_.back().used < text.size()) {
    const std::size_t size = std::max(kChunk, text.size());
    chunks_.push_back({std::make_unique<char[]>(size), size, 0});
  }
  Chunk& chunk = chunks_.back();
  char* at = chunk.data.get() + chunk.used;
  std::memcpy(at, text.data(), text.size());
  chunk.used += text.size();
  return {at, text.size()};
}

Source::~Source() {
  for (auto& chunk : chunks_) {
    if (chunk.data) wipe_memory(chunk.data.get(), chunk.used);
  }
}

}  // namespace hotswapd::config
