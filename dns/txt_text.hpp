// A TXT record's value in the form of zone files and of many APIs: quoted character-strings. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hotswapd {

// "\"gen=42\"": one string, with quotes, backslashes and what is not printable escaped.
std::string txt_text(std::string_view value);

// Its strings, also where they stand without quotes. nullopt: it is no such text.
std::optional<std::vector<std::string>> parse_txt(std::string_view text);

}  // namespace hotswapd
