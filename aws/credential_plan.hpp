// Where the keys of an account come from: the chain that every tool of AWS follows, decided from
// the configuration, the environment and the shared files. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "aws/keys.hpp"
#include "aws/profile_file.hpp"
#include "aws/services.hpp"
#include "core/error.hpp"
#include "core/secret.hpp"
#include "core/time.hpp"

namespace hotswapd::aws {

// What the configuration says of an account.
struct AccountOptions {
  std::string name;
  std::string region;
  std::string profile;        // of the shared files; empty: not named
  std::string access_key_id;  // with its secret; empty: not here
  Secret secret_access_key;
  std::string role_arn;  // assumed with whatever the chain gives; empty: none
  std::string external_id;
  std::string account_id;  // compared with the caller's; empty: not compared
  std::string endpoint_url;
  std::map<std::string, std::string> endpoints;
  bool use_fips = false;
  std::string session_name = "hotswapd";  // of assumed roles, so that logs of AWS say who it was

  bool operator==(const AccountOptions&) const = default;
};

struct RoleToAssume {
  std::string arn;
  std::string external_id;
  std::string session_name;
  Seconds duration{3600};
};

// A token that somebody else renews stands in a file; it is exchanged for keys of a role.
struct FromWebIdentity {
  std::string token_file;
  RoleToAssume role;
};

// The agent of a container.
struct FromContainer {
  std::string url;
  std::string token_file;
  Secret token;
};

// The metadata service of a machine, version 2 alone.
struct FromInstance {
  std::string origin;  // "http://169.254.169.254"
};

struct CredentialPlan {
  std::variant<Keys, FromWebIdentity, FromContainer, FromInstance> base;
  std::vector<RoleToAssume> roles;  // in turn, each with the keys of the one before
  std::string origin;               // "the profile ops", for people
  // Of the profile in use: they matter where the configuration says nothing.
  std::map<std::string, std::string> endpoints_by_service;
  std::string endpoint_for_all;
  bool use_fips = false;
};

// The shared files: which, and whether they have to be there.
struct ProfileFiles {
  std::string credentials, config;
};
ProfileFiles profile_files(const Environment& environment);

// refused: what is configured is broken, which is no reason to go on to the next one.
Fallible<CredentialPlan> plan_credentials(const AccountOptions& options, const Profiles& profiles,
                                          const Environment& environment);

}  // namespace hotswapd::aws
