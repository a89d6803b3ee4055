// Any reply of a provider's API, and the pieces that such APIs are made of: what is understood is
// canonical and can be written back, what is not is an error that shows nothing secret. The input:
// a byte that chooses the reader, one for the status, and the body.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "check.hpp"
#include "core/text.hpp"
#include "dns/cloudflare_codec.hpp"
#include "dns/http_trouble.hpp"
#include "dns/powerdns_codec.hpp"
#include "dns/txt_text.hpp"

namespace {

using namespace hotswapd;

const std::string secret = "s3cret-of-the-api";
const std::string name = "www.example.com";
const WallTime now = WallTime(Seconds(1'700'000'000));

void check_error(const Error& error) {
  CHECK(!error.text.empty() && clean(error.text, 4096) == error.text);
  CHECK(error.text.find(secret) == std::string::npos);
  CHECK(error.hint.retry_after <= Seconds(86'400));
  // Of a question nothing is done.
  CHECK(question_failed(error).outcome != SwapOutcome::unknown);
}

void check_value(RecordType type, const std::string& value) {
  if (type == RecordType::cname) {
    CHECK(value == lower(value));
  } else {
    CHECK(canonical_address(value) == value);
    CHECK((value.find(':') != std::string::npos) == (type == RecordType::aaaa));
  }
}

SwapPlan plan() {
  SwapPlan out;
  out.key = {"example.com", name};
  out.want = {RecordType::a, 60, {"198.51.100.10", "198.51.100.11"}};
  out.generation = 42;
  out.op = "7f3c";
  return out;
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

void powerdns_reply(const HttpReply& reply) {
  const powerdns::Api api{"http://192.0.2.6:8081", "localhost", secret};
  const auto call = powerdns::read_call(api, "example.com", name, {});
  CHECK(check(call));
  if (reply.status != 200) {
    check_error(http_trouble(call, reply, powerdns::said(reply), now));
    return;
  }
  const auto found = powerdns::parse_zone(call, reply, name);
  if (!found) return check_error(found.error());
  for (const auto& set : found->records.sets) {
    CHECK(!set.values.empty());
    for (const auto& value : set.values) check_value(set.type, value);
  }
  const auto write = powerdns::write_call(api, plan(), *found, {});
  CHECK(check(write));
  CHECK(count(write.body, "\"REPLACE\"") == 2 && count(write.body, "198.51.100.1") == 2);
}

void cloudflare_reply(const HttpReply& reply) {
  const cloudflare::Api api{"https://api.example.com/client/v4", "023e", secret};
  const auto call = cloudflare::list_call(api, name, 1, {});
  CHECK(check(call));
  const auto page = cloudflare::parse_page(call, reply, name, now);
  if (!page) return check_error(page.error());
  CHECK(page->pages >= 1);
  for (const auto& record : page->records) {
    CHECK(!record.id.empty());
    check_value(record.type, record.value);
  }
  const auto there = cloudflare::snapshot_of(page->records, name);
  if (!there) return check_error(there.error());
  CHECK(there->set.has_value() == !page->records.empty());
  const auto batch = cloudflare::batch_call(api, plan(), page->records, {});
  CHECK(check(batch));
  // Whatever was there, in the end it is these two, each with the mark.
  CHECK(count(batch.body, "\"content\":\"198.51.100.1") == 2);
  CHECK(count(batch.body, "\"comment\":\"gen=42;id=7f3c;") == 2);
  CHECK(count(batch.body, "\"id\":") >= page->records.size());
}

void cloudflare_zone(const HttpReply& reply) {
  const cloudflare::Api api{"https://api.example.com/client/v4", "023e", secret};
  const auto call = cloudflare::zone_call(api, {});
  const auto zone = cloudflare::parse_zone(call, reply, now);
  if (!zone) return check_error(zone.error());
  CHECK(!zone->name.empty() && zone->name == lower(zone->name));
}

void pieces(const std::string& text) {
  const auto strings = parse_txt(txt_text(text));
  CHECK(strings && strings->size() == 1 && strings->front() == text);
  parse_txt(text);
  HttpReply reply;
  reply.headers = {{"retry-after", text}};
  const auto wait = retry_after(reply, now);
  CHECK(!wait || (*wait >= Seconds(0) && *wait <= Seconds(86'400)));
  const auto url = parse_http_url(text);
  if (url) {
    CHECK(url->port != 0 && !url->host.empty() && url->target.starts_with('/'));
    const auto again = parse_http_url(url->origin() + url->target);
    CHECK(again && again->origin() == url->origin() && again->target == url->target);
    CHECK(again->userinfo.empty());
  }
  HttpCall call;
  call.url = "http://192.0.2.1/";
  call.secrets = {secret};
  CHECK(redacted(text + secret, call, 100'000).find(secret) == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr int statuses[] = {200, 200, 200, 200, 400, 429, 502, 301};
  HttpReply reply;
  reply.status = statuses[data[1] & 7u];
  reply.body.assign(reinterpret_cast<const char*>(data) + 2, size - 2);
  switch (data[0] & 3u) {
    case 0:
      powerdns_reply(reply);
      break;
    case 1:
      cloudflare_reply(reply);
      break;
    case 2:
      cloudflare_zone(reply);
      break;
    default:
      pieces(reply.body);
  }
  return 0;
}
