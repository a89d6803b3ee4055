// Where the keys of an account come from.
#include "aws/credential_plan.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "core/record.hpp"
#include "core/text.hpp"
#include "net/http_call.hpp"

namespace hotswapd::aws {
namespace {

constexpr std::size_t most_hops = 5;

Error broken(std::string text) {
  return {errc::refused, std::move(text)};
}

std::string get(const Section& section, const char* key) {
  const auto found = section.find(key);
  return found == section.end() ? std::string() : found->second;
}

std::string get(const Environment& environment, const char* name) {
  return environment(name).value_or("");
}

using Base = decltype(CredentialPlan::base);

// From the environment; nullopt: there is nothing.
Fallible<std::optional<Keys>> environment_keys(const Environment& environment) {
  const auto id = get(environment, "AWS_ACCESS_KEY_ID");
  const auto secret = get(environment, "AWS_SECRET_ACCESS_KEY");
  if (id.empty() && secret.empty()) return std::optional<Keys>();
  if (id.empty() || secret.empty()) {
    return broken(
        "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set in the environment");
  }
  return std::optional<Keys>(
      Keys{id, Secret(secret), Secret(get(environment, "AWS_SESSION_TOKEN")), {}});
}

// An address to which a container's token may go in the clear.
bool agent_address(const std::string& host) {
  if (host == "localhost") return true;
  const auto address = canonical_address(host);
  return address &&
         (address->starts_with("127.") || *address == "::1" || *address == "169.254.170.2" ||
          *address == "169.254.170.23" || *address == "fd00:ec2::23");
}

Fallible<std::optional<FromContainer>> container(const Environment& environment) {
  FromContainer out;
  const auto relative = get(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const auto full = get(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) return std::optional<FromContainer>();
  if (!relative.empty()) {
    if (relative.front() != '/')
      return broken("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with /");
    out.url = "http://169.254.170.2" + relative;
  } else {
    const auto url = parse_http_url(full);
    if (!url) return broken("AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL");
    if (!url->tls && !agent_address(url->host)) {
      return broken("AWS_CONTAINER_CREDENTIALS_FULL_URI is plain http to " + clean(url->host, 80) +
                    ", which is not this machine");
    }
    out.url = full;
  }
  out.token_file = get(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  out.token = Secret(get(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN"));
  return std::optional<FromContainer>(std::move(out));
}

Fallible<FromInstance> instance(const Environment& environment) {
  const auto off = lower(get(environment, "AWS_EC2_METADATA_DISABLED"));
  if (off == "true")
    return broken("there are no keys, and AWS_EC2_METADATA_DISABLED forbids to ask the machine's");
  auto origin = get(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (origin.empty()) {
    const auto mode = lower(get(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"));
    origin = mode == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
  }
  while (origin.ends_with('/')) origin.pop_back();
  if (!parse_http_url(origin)) return broken("AWS_EC2_METADATA_SERVICE_ENDPOINT is not a URL");
  return FromInstance{std::move(origin)};
}

Seconds duration_of(const std::string& text) {
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return Seconds(seconds >= 900 && seconds <= 43200 ? seconds : 3600);
}

class ProfileWalk {
 public:
  ProfileWalk(const Profiles& profiles, const Environment& environment,
              const AccountOptions& options)
      : profiles_(profiles), environment_(environment), options_(options) {}

  // Fills base and roles; false: the profile says nothing of keys.
  Fallible<bool> walk(const std::string& name, CredentialPlan& plan) {
    const auto* section = profiles_.find(name);
    if (section == nullptr)
      return broken("the shared files of AWS have no profile " + clean(name, 80));
    for (const char* key : {"mfa_serial", "credential_process", "sso_session", "sso_start_url"}) {
      if (section->contains(key)) {
        return broken("the profile " + clean(name, 80) + " asks for " + key +
                      ", which a daemon cannot do; use keys, a role, or the machine's own role");
      }
    }
    const auto role_arn = get(*section, "role_arn");
    if (role_arn.empty()) return keys(name, *section, plan);
    RoleToAssume role{role_arn, get(*section, "external_id"), get(*section, "role_session_name"),
                      duration_of(get(*section, "duration_seconds"))};
    if (role.session_name.empty()) role.session_name = options_.session_name;
    if (const auto file = get(*section, "web_identity_token_file"); !file.empty()) {
      plan.base = FromWebIdentity{file, std::move(role)};
      return true;
    }
    if (const auto below = sources(name, *section, plan); !below) return below.error();
    plan.roles.push_back(std::move(role));
    return true;
  }

 private:
  Fallible<bool> keys(const std::string& name, const Section& section, CredentialPlan& plan) {
    const auto id = get(section, "aws_access_key_id");
    const auto secret = get(section, "aws_secret_access_key");
    if (id.empty() && secret.empty()) return false;
    if (id.empty() || secret.empty())
      return broken("the profile " + clean(name, 80) + " has only one half of a key");
    plan.base = Keys{id, Secret(secret), Secret(get(section, "aws_session_token")), {}};
    return true;
  }

  Fallible<void> sources(const std::string& name, const Section& section, CredentialPlan& plan) {
    const auto profile = get(section, "source_profile");
    const auto source = get(section, "credential_source");
    if (profile.empty() == source.empty()) {
      return broken("the role of the profile " + clean(name, 80) +
                    " needs a source_profile or a credential_source, one of them");
    }
    if (!source.empty()) return source_named(name, source, plan);
    if (profile == name) {
      const auto own = keys(name, section, plan);
      if (!own) return own.error();
      if (*own) return {};
    }
    seen_.insert(name);
    if (seen_.contains(profile) || seen_.size() > most_hops)
      return broken("the source_profile of " + clean(name, 80) + " leads round in a circle");
    const auto found = walk(profile, plan);
    if (!found) return found.error();
    if (!*found) return broken("the profile " + clean(profile, 80) + " has no keys");
    return {};
  }

  Fallible<void> source_named(const std::string& name, const std::string& source,
                              CredentialPlan& plan) {
    if (source == "Environment") {
      auto keys = environment_keys(environment_);
      if (!keys) return keys.error();
      if (!*keys)
        return broken("the profile " + clean(name, 80) +
                      " takes its keys from the environment, where there are none");
      plan.base = std::move(**keys);
      return {};
    }
    if (source == "EcsContainer") {
      auto found = container(environment_);
      if (!found) return found.error();
      if (!*found)
        return broken("the profile " + clean(name, 80) +
                      " takes its keys from the container, whose address is not in the "
                      "environment");
      plan.base = std::move(**found);
      return {};
    }
    if (source != "Ec2InstanceMetadata") {
      return broken("the credential_source of the profile " + clean(name, 80) +
                    " is none of Environment, Ec2InstanceMetadata, EcsContainer");
    }
    auto found = instance(environment_);
    if (!found) return found.error();
    plan.base = std::move(*found);
    return {};
  }

  const Profiles& profiles_;
  const Environment& environment_;
  const AccountOptions& options_;
  std::set<std::string> seen_;
};

void take_settings(const Profiles& profiles, const Section& section, CredentialPlan& plan) {
  plan.endpoint_for_all = get(section, "endpoint_url");
  plan.use_fips = lower(get(section, "use_fips_endpoint")) == "true";
  const auto services = profiles.services.find(get(section, "services"));
  if (services == profiles.services.end()) return;
  static constexpr std::string_view end = ".endpoint_url";
  for (const auto& [key, value] : services->second) {
    if (key.ends_with(end))
      plan.endpoints_by_service[key.substr(0, key.size() - end.size())] = value;
  }
}

// The chain, from its top.
Fallible<void> base(const AccountOptions& options, const Profiles& profiles,
                    const Environment& environment, CredentialPlan& plan) {
  if (!options.access_key_id.empty()) {
    plan.base = Keys{options.access_key_id, options.secret_access_key, {}, {}};
    plan.origin = "the key of the configuration";
    return {};
  }
  if (options.profile.empty()) {
    auto keys = environment_keys(environment);
    if (!keys) return keys.error();
    if (*keys) {
      plan.base = std::move(**keys);
      plan.origin = "the key in the environment";
      return {};
    }
  }
  const auto named = options.profile.empty() ? get(environment, "AWS_PROFILE") : options.profile;
  const std::string name = named.empty() ? "default" : named;
  if (!named.empty() || profiles.find(name) != nullptr) {
    const auto found = ProfileWalk(profiles, environment, options).walk(name, plan);
    if (!found) return found.error();
    plan.origin = "the profile " + clean(name, 80);
    if (*found) return {};
    if (!options.profile.empty()) return broken(plan.origin + " has no keys");
  }
  const auto token_file = get(environment, "AWS_WEB_IDENTITY_TOKEN_FILE");
  if (!token_file.empty()) {
    RoleToAssume role{get(environment, "AWS_ROLE_ARN"), "",
                      get(environment, "AWS_ROLE_SESSION_NAME")};
    if (role.arn.empty())
      return broken("AWS_WEB_IDENTITY_TOKEN_FILE is set in the environment, AWS_ROLE_ARN is not");
    if (role.session_name.empty()) role.session_name = options.session_name;
    plan.base = FromWebIdentity{token_file, std::move(role)};
    plan.origin = "the web identity in the environment";
    return {};
  }
  auto agent = container(environment);
  if (!agent) return agent.error();
  if (*agent) {
    plan.base = std::move(**agent);
    plan.origin = "the container's role";
    return {};
  }
  auto machine = instance(environment);
  if (!machine) return machine.error();
  plan.base = std::move(*machine);
  plan.origin = "the machine's role";
  return {};
}

}  // namespace

ProfileFiles profile_files(const Environment& environment) {
  const auto home = get(environment, "HOME");
  const auto file = [&](const char* variable, const char* name) {
    auto set = get(environment, variable);
    if (!set.empty()) return set;
    return home.empty() ? std::string() : home + "/.aws/" + name;
  };
  return {file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), file("AWS_CONFIG_FILE", "config")};
}

Fallible<CredentialPlan> plan_credentials(const AccountOptions& options, const Profiles& profiles,
                                          const Environment& environment) {
  CredentialPlan plan;
  const auto named = options.profile.empty() ? get(environment, "AWS_PROFILE") : options.profile;
  if (const auto* section = profiles.find(named.empty() ? "default" : named))
    take_settings(profiles, *section, plan);
  if (const auto found = base(options, profiles, environment, plan); !found) return found.error();
  if (!options.role_arn.empty())
    plan.roles.push_back({options.role_arn, options.external_id, options.session_name});
  return plan;
}

}  // namespace hotswapd::aws
