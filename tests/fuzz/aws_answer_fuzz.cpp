// Any answer of AWS, of its neighbours and of the files beside them: each reader takes it or
// refuses it, what it takes is whole, what it shows is clean and has no key in it. The input: a
// byte that chooses the reader; the answer.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "aws/credential_plan.hpp"
#include "aws/credential_wire.hpp"
#include "aws/error_reply.hpp"
#include "aws/sigv4.hpp"
#include "check.hpp"
#include "core/text.hpp"
#include "dns/route53_message.hpp"

namespace {

using namespace hotswapd;

bool clean_text(const std::string& text) {
  return clean(text, text.size() + 1) == text;
}

void read_error_of(std::string_view text) {
  HttpReply reply;
  reply.status = 400;
  reply.body = text;
  const auto error = aws::read_error(reply);
  CHECK(!error.code.empty());
  CHECK(clean_text(aws::to_string(error)));
  CHECK(error.messages.size() <= 8);
  aws::classify(error, true, Millis(0));
}

void read_zone_of(std::string_view text) {
  const std::string name = "www.example.com";
  const auto page = route53::read_page(text);
  if (!page) return;
  route53::NameState state;
  route53::add(state, *page, name);
  const auto found = route53::understand(state, name);
  if (!found) {
    CHECK(clean_text(found.error().text));
    return;
  }
  CHECK(state.sets.size() <= 1 && state.at_mark.size() <= 1);
  SwapPlan plan;
  plan.key = {"example.com", name};
  plan.expect = found->set;
  plan.want = {RecordType::a, 30, {"192.0.2.1"}};
  plan.generation = 2;
  plan.op = "op";
  // What stands there is taken out again as XML that can be read, with the same values in it.
  const auto batch = route53::change_batch(plan, state);
  CHECK(batch.find("<Action>CREATE</Action>") != std::string::npos);
  route53::past(page->next_name, name);
}

void read_keys_of(std::string_view text) {
  for (const auto& keys : {aws::read_assumed_keys(text), aws::read_agent_keys(text)}) {
    if (!keys) {
      CHECK(clean_text(keys.error().text));
      continue;
    }
    CHECK(keys->temporary() && keys->expires && !keys->access_key_id.empty());
    CHECK(aws::plain_token(keys->access_key_id) && aws::plain_token(keys->session_token.reveal()));
  }
}

void read_files_of(std::string_view text) {
  const auto half = text.find('\0');
  const auto profiles = aws::read_profiles(
      text.substr(0, half), half == std::string_view::npos ? "" : text.substr(half + 1));
  if (!profiles) return;
  aws::AccountOptions options;
  options.region = "eu-west-1";
  for (const auto& [name, section] : profiles->profiles) {
    options.profile = name;
    const auto plan =
        aws::plan_credentials(options, *profiles, [](const char*) { return std::nullopt; });
    if (!plan) {
      CHECK(clean_text(plan.error().text));
    } else {
      CHECK(plan->roles.size() <= 6);
    }
  }
}

void sign_all_of(std::string_view text) {
  const auto half = std::min(text.find('?'), text.size());
  aws::Unsigned request;
  request.method = "GET";
  request.path = std::string(text.substr(0, half));
  request.query = std::string(text.substr(half));
  request.headers = {{"Host", "a.example"}, {"X-Any", std::string(text)}};
  const aws::Keys keys{"AKID", Secret("secret"), {}, {}};
  const auto signature = aws::sign(request, keys, {"eu-west-1", "fis"}, WallTime());
  CHECK(signature && signature->hex.size() == 64);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      read_error_of(text);
      break;
    case 1:
      read_zone_of(text);
      route53::read_change(text);
      break;
    case 2:
      read_keys_of(text);
      break;
    case 3:
      read_files_of(text);
      break;
    default:
      sign_all_of(text);
  }
  return 0;
}
