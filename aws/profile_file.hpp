// The shared files of AWS, ~/.aws/credentials and ~/.aws/config, as every tool of AWS reads them.
// Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace hotswapd::aws {

// Keys in lower case. What stands indented below a key is "key.sub".
using Section = std::map<std::string, std::string>;

struct Profiles {
  std::map<std::string, Section> profiles;  // both files, the credentials file's word counting
  std::map<std::string, Section> services;  // [services NAME] of the config file

  const Section* find(const std::string& name) const;
};

// The texts of the two files; one that is not there is empty. An error names the file and the line
// and shows nothing of what stands there.
Fallible<Profiles> read_profiles(std::string_view credentials, std::string_view config);

}  // namespace hotswapd::aws
