// docs/openapi.yaml and the table of routes say the same, in both directions.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "api/v1_routes.hpp"
#include "config/source.hpp"
#include "core/text.hpp"

namespace hotswapd {
namespace {

using config::Node;
using config::Source;

std::map<std::string, const Node*> members(const Source& source, const Node& mapping) {
  std::map<std::string, const Node*> found;
  for (const Node* key = source.first_child(mapping); key != nullptr;) {
    const Node* const value = source.next_sibling(*key);
    if (value == nullptr) break;
    found[std::string(key->text)] = &source.resolve(*value);
    key = source.next_sibling(*value);
  }
  return found;
}

TEST(OpenApi, TheFileAndTheRoutesSayTheSame) {
  std::ifstream file(SOURCE_ROOT "/docs/openapi.yaml");
  std::ostringstream text;
  text << file.rdbuf();
  Diagnostics found;
  const auto source = Source::parse("openapi.yaml", text.str(), found);
  ASSERT_TRUE(source);
  std::set<std::string> documented;
  const auto top = members(*source, source->root());
  ASSERT_TRUE(top.contains("paths"));
  for (const auto& [path, methods] : members(*source, *top.at("paths"))) {
    for (const auto& [method, operation] : members(*source, *methods)) {
      if (method == "parameters") continue;
      const auto about = members(*source, *operation);
      EXPECT_TRUE(about.contains("operationId")) << path;
      if (!path.starts_with("/api/")) continue;
      ASSERT_TRUE(about.contains("x-scope")) << path;
      documented.insert(method + " " + path + " " + std::string(about.at("x-scope")->text));
    }
  }
  std::set<std::string> real;
  for (const auto& route : v1_routes()) {
    real.insert(lower(route.method) + " " + std::string(route.pattern) +
                (route.scope == ApiScope::read ? " read" : " operate"));
  }
  EXPECT_EQ(documented, real);
  EXPECT_GT(real.size(), 5u);
}

}  // namespace
}  // namespace hotswapd
