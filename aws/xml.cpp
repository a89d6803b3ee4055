// Answers in XML.
#include "aws/xml.hpp"

namespace hotswapd::aws::xml {
namespace {

std::string_view local_name(pugi::xml_node node) {
  const std::string_view name = node.name();
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

bool blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

Fallible<void> parse(std::string_view text, pugi::xml_document& into) {
  constexpr unsigned how = pugi::parse_default | pugi::parse_doctype;
  const auto parsed = into.load_buffer(text.data(), text.size(), how, pugi::encoding_utf8);
  if (!parsed) return Error{errc::corrupt, std::string("no XML: ") + parsed.description()};
  for (const auto node : into.children()) {
    if (node.type() == pugi::node_doctype)
      return Error{errc::corrupt, "XML with a document type, which is not read"};
  }
  if (!into.document_element()) return Error{errc::corrupt, "XML without an element"};
  return {};
}

pugi::xml_node child(pugi::xml_node of, std::string_view name) {
  for (const auto node : of.children()) {
    if (is(node, name)) return node;
  }
  return {};
}

bool is(pugi::xml_node node, std::string_view name) {
  return node.type() == pugi::node_element && local_name(node) == name;
}

std::string text_of(pugi::xml_node node) {
  std::string_view text = node.child_value();
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return std::string(text);
}

std::string text_of(pugi::xml_node of, std::string_view name) {
  return text_of(child(of, name));
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace hotswapd::aws::xml
