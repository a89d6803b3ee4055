// Errors of AWS in all their forms, and what may be done about each.
#include "aws/error_reply.hpp"

#include <gtest/gtest.h>

namespace hotswapd::aws {
namespace {

HttpReply reply(int status, std::string body, std::vector<HttpHeader> headers = {}) {
  return {status, std::move(headers), std::move(body)};
}

TEST(ErrorReply, ReadsTheQueryForm) {
  const auto error = read_error(reply(
      400,
      "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type>"
      "<Code>InvalidParameter</Code><Message>Invalid parameter: TopicArn</Message></Error>"
      "<RequestId>7a62c49f</RequestId></ErrorResponse>"));
  EXPECT_EQ(error.code, "InvalidParameter");
  EXPECT_EQ(error.messages, std::vector<std::string>{"Invalid parameter: TopicArn"});
  EXPECT_EQ(to_string(error), "InvalidParameter (Invalid parameter: TopicArn), request 7a62c49f");
}

TEST(ErrorReply, ReadsBothFormsOfInvalidChangeBatch) {
  const auto old = read_error(
      reply(400,
            "<?xml version=\"1.0\"?>\n<InvalidChangeBatch "
            "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Messages><Message>one"
            "</Message><Message>two</Message></Messages><RequestId>r</RequestId>"
            "</InvalidChangeBatch>"));
  EXPECT_EQ(old.code, "InvalidChangeBatch");
  EXPECT_EQ(old.messages, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(old.request_id, "r");
  const auto today = read_error(
      reply(400,
            "<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error>"
            "<Type>Sender</Type><Code>InvalidChangeBatch</Code><Message>[one, two]</Message>"
            "</Error><RequestId>r</RequestId></ErrorResponse>"));
  EXPECT_EQ(today.code, "InvalidChangeBatch");
  EXPECT_EQ(today.messages, std::vector<std::string>{"[one, two]"});
}

TEST(ErrorReply, ReadsJsonAndItsHeaders) {
  const auto typed = read_error(reply(
      400,
      R"({"__type":"com.amazonaws.directconnect#DirectConnectClientException","message":"no"})",
      {{"x-amzn-requestid", "id-1"}}));
  EXPECT_EQ(typed.code, "DirectConnectClientException");
  EXPECT_EQ(typed.request_id, "id-1");
  const auto rest = read_error(
      reply(404, R"({"message":"gone"})",
            {{"x-amzn-errortype", "ResourceNotFoundException:http://internal.example/coral/"}}));
  EXPECT_EQ(rest.code, "ResourceNotFoundException");
  const auto query =
      read_error(reply(400, R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist","Message":"none"})",
                       {{"x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender"}}));
  EXPECT_EQ(query.code, "AWS.SimpleQueueService.NonExistentQueue");
  EXPECT_EQ(query.messages, std::vector<std::string>{"none"});
}

TEST(ErrorReply, NamesTheStatusWhereNothingElseIsSaid) {
  for (const char* body : {"", "<html><body>Bad Gateway</body></html>", "{\"a\":", "plain", "[]"})
    EXPECT_EQ(read_error(reply(502, body)).code, "HTTP502") << body;
  // A document type is not read at all.
  EXPECT_EQ(read_error(reply(400,
                             "<!DOCTYPE x [<!ENTITY a \"b\">]><ErrorResponse><Error><Code>&a;"
                             "</Code></Error></ErrorResponse>"))
                .code,
            "HTTP400");
}

TEST(ErrorReply, KeepsForeignTextCleanAndShort) {
  const auto error =
      read_error(reply(400, "<ErrorResponse><Error><Code>A\x1b[2J</Code><Message>" +
                                std::string(5000, 'x') + "</Message></Error></ErrorResponse>"));
  EXPECT_EQ(error.code.find('\x1b'), std::string::npos);
  EXPECT_LE(error.messages.front().size(), 400U);
}

TEST(ErrorReply, KeepsOfARefusedSignatureTheFirstSentence) {
  const char* text =
      "The request signature we calculated does not match. Check your key.\n\nThe Canonical String "
      "for this request should have been\n'GET\n/\n\nx-amz-security-token:hidden\n'";
  const auto as_xml =
      read_error(reply(403, std::string("<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code>"
                                        "<Message>") +
                                text + "</Message></Error></ErrorResponse>"));
  EXPECT_EQ(as_xml.messages,
            std::vector<std::string>{"The request signature we calculated does not match"});
  const auto as_json = read_error(reply(
      403,
      R"({"__type":"InvalidSignatureException","message":"No.\n\nx-amz-security-token:hidden"})"));
  EXPECT_EQ(as_json.messages, std::vector<std::string>{"No."});
}

struct Row {
  int status;
  const char* code;
  bool temporary;
  int skew_seconds;
  RetryClass wanted;
};

TEST(ErrorReply, JudgesByTheCodeNotTheStatus) {
  const Row rows[] = {
      {400, "Throttling", false, 0, RetryClass::throttled},
      {400, "ThrottlingException", false, 0, RetryClass::throttled},
      {400, "PriorRequestNotComplete", false, 0, RetryClass::throttled},
      {503, "SlowDown", false, 0, RetryClass::throttled},
      {429, "HTTP429", false, 0, RetryClass::throttled},
      {403, "RequestTimeTooSkewed", false, 0, RetryClass::clock},
      {400, "RequestExpired", false, 0, RetryClass::clock},
      {403, "SignatureDoesNotMatch", false, 241, RetryClass::clock},
      {403, "SignatureDoesNotMatch", false, -241, RetryClass::clock},
      {403, "SignatureDoesNotMatch", false, 239, RetryClass::refused},
      {403, "InvalidSignatureException", true, 0, RetryClass::refused},
      {400, "ExpiredTokenException", true, 0, RetryClass::token},
      {403, "ExpiredToken", false, 0, RetryClass::token},
      {403, "InvalidClientTokenId", true, 0, RetryClass::token},
      {403, "InvalidClientTokenId", false, 0, RetryClass::refused},
      {400, "DirectConnectServerException", false, 0, RetryClass::server},
      {500, "InternalFailure", false, 0, RetryClass::server},
      {503, "HTTP503", false, 0, RetryClass::server},
      {504, "HTTP504", false, 0, RetryClass::server},
      {400, "APICallRateForCustomerExceeded", false, 0, RetryClass::refused},
      {429, "LimitExceededException", false, 0, RetryClass::refused},
      {402, "ServiceQuotaExceededException", false, 0, RetryClass::refused},
      {400, "InvalidChangeBatch", false, 0, RetryClass::refused},
      {403, "AccessDenied", false, 0, RetryClass::refused},
      {501, "HTTP501", false, 0, RetryClass::refused},
  };
  for (const auto& row : rows) {
    ServiceError error;
    error.status = row.status;
    error.code = row.code;
    EXPECT_EQ(classify(error, row.temporary, Seconds(row.skew_seconds)), row.wanted)
        << row.status << " " << row.code;
  }
}

}  // namespace
}  // namespace hotswapd::aws
