// The shared files of AWS.
#include "aws/profile_file.hpp"

#include <utility>

#include "core/text.hpp"

namespace hotswapd::aws {
namespace {

constexpr std::size_t largest_file = std::size_t{1024} * 1024;

bool blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

using Sections = std::map<std::string, Section>;

Error wrong(const char* file, std::size_t line, const char* what) {
  return {errc::invalid_argument,
          std::string("the ") + file + " file of AWS, line " + std::to_string(line) + ": " + what};
}

// Sections by the text between their brackets, blanks made one.
Fallible<Sections> read_ini(std::string_view text, const char* file) {
  if (text.size() > largest_file) return wrong(file, 1, "it is longer than 1 MiB");
  Sections out;
  Section* section = nullptr;
  std::string above;  // the key that indented lines belong to
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto raw = text.substr(at, end - at);
    at = end + 1;
    ++number;
    const auto line = trimmed(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    const bool indented = blank(raw.front());
    if (line.front() == '[' && !indented) {
      const auto close = line.find(']');
      if (close == std::string_view::npos) return wrong(file, number, "a section without its ]");
      std::string name;
      for (const char c : trimmed(line.substr(1, close - 1))) {
        if (!blank(c)) {
          name += c;
        } else if (name.back() != ' ') {
          name += ' ';
        }
      }
      section = &out[name];
      above.clear();
      continue;
    }
    const auto equals = line.find('=');
    if (section == nullptr) return wrong(file, number, "a key before the first section");
    if (equals == std::string_view::npos) {
      // More of a value: nothing that is read here has such.
      if (indented && !above.empty()) continue;
      return wrong(file, number, "neither a section nor KEY = VALUE");
    }
    auto key = lower(trimmed(line.substr(0, equals)));
    auto value = trimmed(line.substr(equals + 1));
    // A comment behind a value needs a blank before it.
    for (std::size_t i = 1; i < value.size(); ++i) {
      if ((value[i] == '#' || value[i] == ';') && blank(value[i - 1])) {
        value = trimmed(value.substr(0, i));
        break;
      }
    }
    if (indented && !above.empty()) {
      key.insert(0, 1, '.');
      key.insert(0, above);
    } else {
      above = key;
    }
    (*section)[key] = std::string(value);
  }
  return out;
}

}  // namespace

const Section* Profiles::find(const std::string& name) const {
  const auto found = profiles.find(name);
  return found == profiles.end() ? nullptr : &found->second;
}

Fallible<Profiles> read_profiles(std::string_view credentials, std::string_view config) {
  auto ours = read_ini(credentials, "credentials");
  if (!ours) return ours.error();
  auto more = read_ini(config, "config");
  if (!more) return more.error();
  static constexpr std::string_view profile = "profile ";
  static constexpr std::string_view services = "services ";
  Profiles out;
  for (auto& [name, section] : *more) {
    if (name == "default") {
      out.profiles[name].merge(section);
    } else if (name.starts_with(profile)) {
      out.profiles[name.substr(profile.size())].merge(section);
    } else if (name.starts_with(services)) {
      out.services[name.substr(services.size())].merge(section);
    }
  }
  for (auto& [name, section] : *ours) {
    for (auto& [key, value] : section) out.profiles[name][key] = std::move(value);
  }
  return out;
}

}  // namespace hotswapd::aws
