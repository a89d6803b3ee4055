// What is said to those who give out keys, and what they answer. Pure. No error repeats an answer:
// there may be half a key in it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/credential_plan.hpp"
#include "aws/keys.hpp"
#include "core/error.hpp"

namespace hotswapd::aws {

// "Action=...&Version=...&..." of a service that speaks forms.
std::string form(std::string_view action, std::string_view version,
                 const std::vector<std::pair<std::string, std::string>>& members);
inline constexpr std::string_view form_type = "application/x-www-form-urlencoded; charset=utf-8";

std::string assume_role_form(const RoleToAssume& role);
std::string web_identity_form(const RoleToAssume& role, std::string_view token);
std::string caller_identity_form();

// Of AssumeRole and AssumeRoleWithWebIdentity.
Fallible<Keys> read_assumed_keys(std::string_view xml);
// The twelve digits of the account that the caller belongs to.
Fallible<std::string> read_caller_account(std::string_view xml);
// Of a container's agent and of the metadata service; temporary keys always.
Fallible<Keys> read_agent_keys(std::string_view json);

// One header line of visible ASCII: fit to be sent.
bool plain_token(std::string_view token) noexcept;

}  // namespace hotswapd::aws
