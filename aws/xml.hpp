// Answers in XML, read by local name whatever the namespace. Pure.
#pragma once

#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace hotswapd::aws::xml {

// corrupt: not XML, or with a document type, which AWS never sends.
Fallible<void> parse(std::string_view text, pugi::xml_document& into);

// Null nodes are asked and give null nodes and empty texts: absent and empty are one.
pugi::xml_node child(pugi::xml_node of, std::string_view name);
bool is(pugi::xml_node node, std::string_view name);
// Of `of`'s child `name`, without the white space around it.
std::string text_of(pugi::xml_node of, std::string_view name);
std::string text_of(pugi::xml_node node);

// A text as element content.
std::string escaped(std::string_view text);

}  // namespace hotswapd::aws::xml
