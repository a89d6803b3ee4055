// Any Locations of a target, one after another: each is read out of an answer, leads to a place
// that is safe to ask or to an end that is told cleanly, and takes nothing along that is not meant
// for that place. The input: a byte that chooses where it begins; Locations with NULs between them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "check.hpp"
#include "core/record.hpp"
#include "core/text.hpp"
#include "probes/http_judge.hpp"
#include "probes/http_request.hpp"
#include "probes/redirect.hpp"

namespace {

using namespace hotswapd;

MonitorSpec monitor_of(std::uint8_t choice) {
  MonitorSpec monitor;
  monitor.protocol = (choice & 1u) != 0 ? Protocol::https : Protocol::http;
  monitor.redirects = Redirects::follow;
  monitor.headers = {{"X-Token", "s3cret"}};
  constexpr const char* paths[] = {"/", "/a/b?c", "/a/../b/.", "/a//b/?x=/../y"};
  monitor.path = paths[choice >> 1 & 3u];
  constexpr const char* hosts[] = {"", "Shop.Example.com", "[2001:DB8::1]:8443", "192.0.2.7."};
  monitor.host = hosts[choice >> 3 & 3u];
  monitor.port = (choice & 32u) != 0 ? 8080 : 0;
  return monitor;
}

bool host_ok(const std::string& host) {
  if (canonical_address(host)) return host == *canonical_address(host);
  return !host.empty() && host.size() <= 253 && host.find("..") == std::string::npos &&
         host.front() != '.' && host.back() != '.' &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos;
}

bool target_ok(const std::string& target) {
  if (!target.starts_with('/')) return false;
  const bool visible =
      std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7f; });
  const std::string path = target.substr(0, target.find('?')) + "/";
  return visible && target.find_first_of("#\\\"<>^`{|}") == std::string::npos &&
         path.find("/./") == std::string::npos && path.find("/../") == std::string::npos;
}

std::string url_of(const WebPlace& place) {
  const bool six = place.host.find(':') != std::string::npos;
  return (place.tls ? "https://" : "http://") + (six ? "[" + place.host + "]" : place.host) + ":" +
         std::to_string(place.port) + place.target;
}

void check_place(const WebPlace& from, const WebPlace& to) {
  CHECK(host_ok(to.host));
  CHECK(to.port != 0);
  CHECK(to.authority.find_first_of("@/?#\\ ") == std::string::npos);
  CHECK(target_ok(to.target));
  CHECK(to.text().size() <= 120 && clean(to.text()) == to.text());
  // Written out, it is the same place from anywhere, and has no more to give.
  const auto again = resolve_location(from, url_of(to));
  CHECK(again);
  CHECK(again->tls == to.tls && again->host == to.host && again->port == to.port);
  CHECK(again->target == to.target);
}

void check_request(const MonitorSpec& monitor, const RedirectTrail& trail) {
  const WebPlace& here = trail.here();
  const auto request = build_request(monitor, here.authority, here.target, trail.own_headers());
  CHECK(request);
  CHECK(request->starts_with("GET " + here.target + " HTTP/1.1\r\nHost: " + here.authority +
                             "\r\nUser-Agent: "));
  const bool told = request->find("\r\nX-Token: s3cret\r\n") != std::string::npos;
  const bool theirs = here.host == first_place(monitor, "www.example.com").host;
  CHECK(told == trail.own_headers());
  CHECK(!told || (theirs && (here.tls || monitor.protocol == Protocol::http)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const MonitorSpec monitor = monitor_of(data[0]);
  const HttpRule rule(monitor);
  RedirectTrail trail(first_place(monitor, "www.example.com"));
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (std::size_t hops = 1; !rest.empty(); ++hops) {
    const std::string_view location = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(location.size() + 1, rest.size()));

    HttpJudge judge(rule);
    const auto finding =
        judge.feed("HTTP/1.1 302 Found\r\nLocation: " + std::string(location) + "\r\n\r\n");
    if (!finding) return 0;  // a header without an end
    if (judge.redirect() == nullptr) {
      CHECK(finding->verdict == Verdict::fail);
      CHECK(!finding->reason.empty() && clean(finding->reason) == finding->reason);
      return 0;
    }
    const std::string& read = *judge.redirect();
    CHECK(read.size() <= HttpResponseReader::max_location);
    CHECK(location.find(read) != std::string_view::npos);

    const WebPlace from = trail.here();
    const auto end = trail.follow(302, read);
    if (end) {
      CHECK(end->verdict == Verdict::fail);
      CHECK(end->failure == FailureClass::protocol || end->failure == FailureClass::content);
      CHECK(!end->reason.empty() && clean(end->reason) == end->reason);
      return 0;
    }
    CHECK(hops <= RedirectTrail::max_hops);
    check_place(from, trail.here());
    check_request(monitor, trail);
    CHECK(trail.where().size() <= 200 && clean(trail.where()) == trail.where());
    // To stay is to go in circles.
    RedirectTrail copy = trail;
    CHECK(copy.follow(302, url_of(trail.here())));
  }
  return 0;
}
