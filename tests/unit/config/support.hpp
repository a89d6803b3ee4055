// What the tests of config/ share: loading a text with a known environment, and the smallest good
// configuration.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace hotswapd::test {

using Environment = std::map<std::string, std::string, std::less<>>;

inline LoadOptions with_environment(Environment variables) {
  LoadOptions options;
  options.environment =
      [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  return options;
}

inline LoadResult load(const std::string& text, Environment variables = {}) {
  return load_text("t", text, with_environment(std::move(variables)));
}

inline std::vector<std::string> messages(const LoadResult& result, Severity severity) {
  std::vector<std::string> out;
  for (const auto& diagnostic : result.diagnostics) {
    if (diagnostic.severity == severity) out.push_back(diagnostic.to_string());
  }
  return out;
}

inline std::string all_messages(const LoadResult& result) {
  std::string out;
  for (const auto& diagnostic : result.diagnostics) out += diagnostic.to_string() + '\n';
  return out;
}

// The configuration, or a failed test that says why there is none.
inline Config good(const std::string& text, Environment variables = {}) {
  auto result = load(text, std::move(variables));
  EXPECT_TRUE(result.config.has_value()) << all_messages(result) << "---\n" << text;
  return result.config.value_or(Config{});
}

inline const std::string kPrelude =
    "dns_listen: [\"127.0.0.1:5300\"]\n"
    "providers: {here: {type: embedded}}\n";

// One service of www.example.com; `lines` (four blanks of indentation are added) stand behind its
// required keys.
inline std::string one_service(
    std::string_view lines = "", std::string_view monitor = "protocol: HTTP, interval: 1",
    std::string_view backup = "failover_mode: ip\nfailover_data: 198.51.100.10",
    std::string_view address = "192.0.2.10") {
  const auto indented = [](std::string_view text) {
    std::string out;
    std::istringstream in{std::string(text)};
    for (std::string line; std::getline(in, line);) out += "    " + line + '\n';
    return out;
  };
  return kPrelude + "services:\n  - zone: example.com\n    fqdn: www.example.com\n    address: \"" +
         std::string(address) + "\"\n" + indented(backup) + "    monitor: {" +
         std::string(monitor) + "}\n" + indented(lines);
}

inline ServiceSpec service(
    std::string_view lines = "", std::string_view monitor = "protocol: HTTP, interval: 1",
    std::string_view backup = "failover_mode: ip\nfailover_data: 198.51.100.10",
    std::string_view address = "192.0.2.10") {
  const Config config = good(one_service(lines, monitor, backup, address));
  return config.services.empty() ? ServiceSpec{} : *config.services.front();
}

inline std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline std::string source_file(const std::string& name) {
  return std::string(SOURCE_ROOT) + '/' + name;
}

// A directory of its own that is removed with what is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string write(const std::string& name, const std::string& text, unsigned mode = 0600) const;

 private:
  std::string path_;
};

// The example configuration with every setting switched on, and its secrets in `directory`.
std::string full_example(const TemporaryDirectory& directory);

}  // namespace hotswapd::test
