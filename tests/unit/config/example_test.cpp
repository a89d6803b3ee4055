// The example and the reference: both load, and between them and the table no key is forgotten.
#include "config/key_table.hpp"
#include "config/read.hpp"
#include "config/worst_case.hpp"
#include "support.hpp"

namespace hotswapd::test {
namespace {

const Environment kEnvironment{{"BOARD_TOKEN", "x"}};

std::set<std::string> table() {
  std::set<std::string> out;
  for (const auto* object : config::all_objects()) {
    for (const auto& key : object->keys)
      out.insert(std::string(object->name) + '.' + std::string(key.name));
  }
  return out;
}

TEST(Example, LoadsAsItIs) {
  const auto result = load_file(source_file("config/hotswapd.example.yaml"));
  ASSERT_TRUE(result.config.has_value()) << all_messages(result);
  EXPECT_TRUE(result.diagnostics.empty()) << all_messages(result);
  EXPECT_EQ(result.config->services.size(), 1u);
}

TEST(Example, LoadsWithEverySettingSwitchedOn) {
  const TemporaryDirectory directory;
  const auto result = load(full_example(directory), kEnvironment);
  ASSERT_TRUE(result.config.has_value()) << all_messages(result);
  EXPECT_EQ(result.config->services.size(), 2u);
  EXPECT_EQ(result.config->providers.size(), 7u);
  EXPECT_EQ(result.config->drills.size(), 3u);
  for (const auto& said : messages(result, Severity::warning)) {
    EXPECT_NE(said.find("not built yet"), std::string::npos) << said;
  }
}

// Settings that show a default show the right one: switching them on changes nothing.
TEST(Example, DefaultsAreTheDefaults) {
  const Config bare = good(
      "dns_listen: [127.0.0.1]\nproviders: {here: {type: embedded}, k: {type: rfc2136, server: a, "
      "tsig: {name: k, secret: c2VjcmV0}}}\n"
      "drill_policy: {}\naws: {main: {region: eu-west-1}}\n"
      "drills: {d: {type: direct_connect, account: main, virtual_interface_id: v}}\n");
  const TemporaryDirectory directory;
  const Config full = good(full_example(directory), kEnvironment);
  EXPECT_EQ(full.site, bare.site);
  EXPECT_EQ(full.state_dir, bare.state_dir);
  EXPECT_EQ(full.control_socket, bare.control_socket);
  EXPECT_EQ(full.control_group, bare.control_group);
  EXPECT_EQ(full.shards, bare.shards);
  EXPECT_EQ(full.providers.at("here").proof_deadline, bare.providers.at("here").proof_deadline);
  const auto& tsig = *std::get<Rfc2136ProviderConfig>(full.providers.at("knot").kind).tsig;
  EXPECT_EQ(tsig.fudge, std::get<Rfc2136ProviderConfig>(bare.providers.at("k").kind).tsig->fudge);
  EXPECT_EQ(tsig.algorithm, TsigAlgorithm::hmac_sha256);
  EXPECT_EQ(std::get<CloudflareProviderConfig>(full.providers.at("cf").kind).url,
            CloudflareProviderConfig{}.url);
  EXPECT_EQ(std::get<DynProviderConfig>(full.providers.at("dyn").kind).url,
            DynProviderConfig{}.url);
  DrillPolicy policy = full.drill_policy;
  EXPECT_EQ(policy.max_per_day, 2);
  policy.max_per_day.reset();
  policy.windows.clear();
  EXPECT_EQ(policy, bare.drill_policy);
  EXPECT_EQ(full.drills.at("dx-monthly").abort_if_down, bare.drills.at("d").abort_if_down);
  EXPECT_EQ(full.cluster->quorum, ClusterConfig{}.quorum);
  const ServiceSpec& service = full.services.at(0);
  const ServiceSpec fresh;
  EXPECT_EQ(service.monitor->retries, fresh.monitor->retries);
  EXPECT_EQ(service.monitor->timeout, fresh.monitor->timeout);
  EXPECT_EQ(service.monitor->tls.warn_expiry, fresh.monitor->tls.warn_expiry);
  EXPECT_EQ(service.ttl, fresh.ttl);
  EXPECT_EQ(service.recheck, fresh.recheck);
  EXPECT_EQ(service.fall, fresh.fall);
  EXPECT_EQ(service.max_swaps_per_hour, fresh.max_swaps_per_hour);
  EXPECT_EQ(service.telling->syslog.port, fresh.telling->syslog.port);
  EXPECT_EQ(service.telling->syslog.ident, fresh.telling->syslog.ident);
  EXPECT_EQ(service.telling->syslog.facility, fresh.telling->syslog.facility);
}

// The reader asks for every key of the table, and the example shows every key.
TEST(Example, NoKeyOfTheTableIsForgotten) {
  const TemporaryDirectory directory;
  Diagnostics diagnostics;
  auto source = config::Source::parse("t", full_example(directory), diagnostics);
  ASSERT_TRUE(source.has_value());
  std::set<std::string> asked;
  const LoadOptions options = with_environment(kEnvironment);
  config::Reader reader(*source, options, diagnostics);
  reader.audit = &asked;
  {
    Config config;
    config::Object root(reader, source->root(), *config::file_keys(), {});
    config::read_file(root, config);
  }
  EXPECT_EQ(asked, table());
}

TEST(Example, ShowsEveryKey) {
  const std::string text = read_text(source_file("config/hotswapd.example.yaml"));
  for (const auto* object : config::all_objects()) {
    for (const auto& key : object->keys) {
      // A secret that stands in a file need not stand in the example too.
      const bool twin =
          std::any_of(object->secrets.begin(), object->secrets.end(),
                      [&](const config::SecretPair& pair) { return pair.name == key.name; });
      if (twin) continue;
      EXPECT_NE(text.find(std::string(key.name) + ":"), std::string::npos)
          << object->name << '.' << key.name;
    }
  }
}

TEST(Reference, ExplainsEveryKey) {
  const std::string text = read_text(source_file("docs/configuration.md"));
  for (const auto* object : config::all_objects()) {
    for (const auto& key : object->keys) {
      EXPECT_NE(text.find('`' + std::string(key.name) + '`'), std::string::npos)
          << object->name << '.' << key.name;
    }
  }
}

}  // namespace
}  // namespace hotswapd::test
