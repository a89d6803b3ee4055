// Errors of AWS: read and classified.
#include "aws/error_reply.hpp"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdlib>

#include "aws/xml.hpp"
#include "core/text.hpp"

namespace hotswapd::aws {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_message = 400;
constexpr std::size_t most_messages = 8;
constexpr Millis far{240'000};

// "com.example#Name:http://..." is Name.
std::string bare_code(std::string_view code) {
  if (const auto hash = code.rfind('#'); hash != std::string_view::npos)
    code.remove_prefix(hash + 1);
  return clean(code.substr(0, code.find(':')), 80);
}

// What follows the first sentence is the request itself, headers and all.
bool about_the_signature(const std::string& code) {
  return code == "SignatureDoesNotMatch" || code == "InvalidSignatureException" ||
         code == "IncompleteSignature" || code == "IncompleteSignatureException";
}

void add_message(ServiceError& error, std::string_view message) {
  if (about_the_signature(error.code)) {
    const auto end = std::min(message.find('\n'), message.find(". "));
    message = message.substr(0, end);
  }
  if (!message.empty() && error.messages.size() < most_messages)
    error.messages.push_back(clean(message, longest_message));
}

void read_xml(std::string_view body, ServiceError& error) {
  pugi::xml_document document;
  if (!xml::parse(body, document)) return;
  const auto root = document.document_element();
  if (xml::is(root, "InvalidChangeBatch")) {
    error.code = "InvalidChangeBatch";
    for (const auto message : xml::child(root, "Messages").children())
      add_message(error, xml::text_of(message));
  }
  auto inner = xml::child(root, "Error");
  // The older query services put the error into <Errors>.
  if (!inner) inner = xml::child(xml::child(root, "Errors"), "Error");
  if (inner) {
    error.code = bare_code(xml::text_of(inner, "Code"));
    add_message(error, xml::text_of(inner, "Message"));
  }
  for (const char* name : {"RequestId", "RequestID"}) {
    if (error.request_id.empty()) error.request_id = clean(xml::text_of(root, name), 80);
  }
}

std::string text_in(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

void read_json(std::string_view body, ServiceError& error) {
  error_code ec;
  json::parse_options bounded;
  bounded.max_depth = 16;
  const auto value = json::parse(body, ec, {}, bounded);
  if (ec || !value.is_object()) return;
  const auto& object = value.get_object();
  for (const char* key : {"__type", "code", "Code"}) {
    if (error.code.empty()) error.code = bare_code(text_in(object, key));
  }
  for (const char* key : {"message", "Message", "errorMessage"}) {
    if (error.messages.empty()) add_message(error, text_in(object, key));
  }
}

template <std::size_t N>
bool one_of(const std::array<std::string_view, N>& codes, const std::string& code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// Not here: APICallRateForCustomerExceeded and the ...LimitExceeded ones, which are quotas.
constexpr auto throttling = std::to_array<std::string_view>(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
     "RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
     "BandwidthLimitExceeded", "PriorRequestNotComplete", "EC2ThrottledException",
     "ProvisionedThroughputExceededException", "TransactionInProgressException", "KMSThrottling",
     "KmsThrottled", "HTTP429"});
constexpr auto clocks = std::to_array<std::string_view>(
    {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"});
constexpr auto signatures =
    std::to_array<std::string_view>({"InvalidSignatureException", "SignatureDoesNotMatch"});
constexpr auto expired = std::to_array<std::string_view>({"ExpiredToken", "ExpiredTokenException"});
constexpr auto unknown_keys =
    std::to_array<std::string_view>({"UnrecognizedClientException", "InvalidClientTokenId"});
constexpr auto ill = std::to_array<std::string_view>(
    {"InternalFailure", "InternalError", "InternalServerError", "InternalServiceError",
     "ServiceUnavailable", "ServiceUnavailableException", "DirectConnectServerException",
     "RequestTimeout", "RequestTimeoutException", "IDPCommunicationError"});
// Named codes with a server's status that say more than it.
constexpr auto quotas = std::to_array<std::string_view>(
    {"LimitExceededException", "ServiceQuotaExceededException", "CaseCreationLimitExceeded",
     "APICallRateForCustomerExceeded"});

}  // namespace

bool is_server_status(int status) noexcept {
  return status == 500 || status == 502 || status == 503 || status == 504;
}

ServiceError read_error(const HttpReply& reply) {
  ServiceError error;
  error.status = reply.status;
  if (const auto* id = reply.header("x-amzn-requestid")) error.request_id = clean(*id, 80);
  if (const auto* query = reply.header("x-amzn-query-error")) {
    error.code = bare_code(std::string_view(*query).substr(0, query->find(';')));
  } else if (const auto* type = reply.header("x-amzn-errortype")) {
    error.code = bare_code(*type);
  }
  const auto first = reply.body.find_first_not_of(" \t\r\n");
  const char opening = first == std::string::npos ? '\0' : reply.body[first];
  if (opening == '<') read_xml(reply.body, error);
  if (opening == '{') read_json(reply.body, error);
  if (error.code.empty()) error.code = "HTTP" + std::to_string(reply.status);
  return error;
}

std::string to_string(const ServiceError& error) {
  std::string out = error.code;
  if (!error.messages.empty()) {
    out += " (";
    for (std::size_t i = 0; i < error.messages.size(); ++i)
      out += (i == 0 ? "" : "; ") + error.messages[i];
    out += ")";
  }
  if (!error.request_id.empty()) out += ", request " + error.request_id;
  return out;
}

RetryClass classify(const ServiceError& error, bool temporary, Millis skew) {
  const auto& code = error.code;
  if (one_of(quotas, code)) return RetryClass::refused;
  if (one_of(throttling, code) || error.status == 429) return RetryClass::throttled;
  if (one_of(clocks, code)) return RetryClass::clock;
  if (one_of(signatures, code) && std::chrono::abs(skew) > far) return RetryClass::clock;
  if (one_of(expired, code)) return RetryClass::token;
  if (temporary && one_of(unknown_keys, code)) return RetryClass::token;
  if (one_of(ill, code) || is_server_status(error.status)) return RetryClass::server;
  return RetryClass::refused;
}

}  // namespace hotswapd::aws
