// What is said to those who give out keys, and what they answer.
#include "aws/credential_wire.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "aws/xml.hpp"
#include "core/text.hpp"
#include "core/timestamp.hpp"
#include "net/http_call.hpp"

namespace hotswapd::aws {
namespace {

namespace json = boost::json;

constexpr std::string_view sts_version = "2011-06-15";

Fallible<Keys> complete(std::string id, std::string secret, std::string token,
                        const std::string& expiration) {
  const auto expires = parse_rfc3339(expiration);
  if (id.empty() || secret.empty() || token.empty() || !expires || !plain_token(id) ||
      !plain_token(token))
    return Error{errc::corrupt, "the answer does not hold temporary keys"};
  return Keys{std::move(id), Secret(secret), Secret(token), expires};
}

std::string text_in(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

std::string form(std::string_view action, std::string_view version,
                 const std::vector<std::pair<std::string, std::string>>& members) {
  std::string out = "Action=" + percent_encoded(action) + "&Version=" + percent_encoded(version);
  for (const auto& [name, value] : members)
    out += "&" + percent_encoded(name) + "=" + percent_encoded(value);
  return out;
}

std::string assume_role_form(const RoleToAssume& role) {
  std::vector<std::pair<std::string, std::string>> members{
      {"RoleArn", role.arn},
      {"RoleSessionName", role.session_name},
      {"DurationSeconds", std::to_string(role.duration.count())}};
  if (!role.external_id.empty()) members.emplace_back("ExternalId", role.external_id);
  return form("AssumeRole", sts_version, members);
}

std::string web_identity_form(const RoleToAssume& role, std::string_view token) {
  return form("AssumeRoleWithWebIdentity", sts_version,
              {{"RoleArn", role.arn},
               {"RoleSessionName", role.session_name},
               {"DurationSeconds", std::to_string(role.duration.count())},
               {"WebIdentityToken", std::string(token)}});
}

std::string caller_identity_form() {
  return form("GetCallerIdentity", sts_version, {});
}

Fallible<Keys> read_assumed_keys(std::string_view text) {
  pugi::xml_document document;
  if (!xml::parse(text, document)) return Error{errc::corrupt, "the answer of STS is not XML"};
  const auto root = document.document_element();
  for (const char* result : {"AssumeRoleResult", "AssumeRoleWithWebIdentityResult"}) {
    const auto keys = xml::child(xml::child(root, result), "Credentials");
    if (!keys) continue;
    return complete(xml::text_of(keys, "AccessKeyId"), xml::text_of(keys, "SecretAccessKey"),
                    xml::text_of(keys, "SessionToken"), xml::text_of(keys, "Expiration"));
  }
  return Error{errc::corrupt, "the answer of STS does not hold temporary keys"};
}

Fallible<std::string> read_caller_account(std::string_view text) {
  pugi::xml_document document;
  if (!xml::parse(text, document)) return Error{errc::corrupt, "the answer of STS is not XML"};
  const auto result = xml::child(document.document_element(), "GetCallerIdentityResult");
  auto account = xml::text_of(result, "Account");
  if (account.empty()) return Error{errc::corrupt, "the answer of STS names no account"};
  return clean(account, 32);
}

Fallible<Keys> read_agent_keys(std::string_view text) {
  error_code ec;
  json::parse_options bounded;
  bounded.max_depth = 8;
  const auto value = json::parse(text, ec, {}, bounded);
  if (ec || !value.is_object()) return Error{errc::corrupt, "the answer is not a JSON object"};
  const auto& object = value.get_object();
  const auto code = text_in(object, "Code");
  if (!code.empty() && code != "Success") {
    return Error{errc::unavailable, "the answer says " + clean(code, 60) + " (" +
                                        clean(text_in(object, "Message"), 200) + ")"};
  }
  return complete(text_in(object, "AccessKeyId"), text_in(object, "SecretAccessKey"),
                  text_in(object, "Token"), text_in(object, "Expiration"));
}

bool plain_token(std::string_view token) noexcept {
  return std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace hotswapd::aws
