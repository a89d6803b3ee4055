// Signature Version 4.
#include "aws/sigv4.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <span>

#include "aws/percent.hpp"
#include "core/text.hpp"
#include "net/hmac.hpp"
#include "net/http_call.hpp"
#include "net/sha256.hpp"

namespace hotswapd::aws {
namespace {

std::string canonical_path(std::string_view path, PathForm form) {
  if (path.empty()) return "/";
  if (form == PathForm::as_sent) return percent_encode_path(path);
  std::vector<std::string_view> segments;
  std::string_view last;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    last = path.substr(at, end - at);
    at = end + 1;
    if (last.empty() || last == ".") continue;
    if (last != "..") {
      segments.push_back(last);
    } else if (!segments.empty()) {
      segments.pop_back();
    }
  }
  std::string out;
  for (const auto segment : segments) {
    out += '/';
    // Escapes that are there already are encoded once more.
    out += percent_encoded(segment);
  }
  const bool open = last.empty() || last == "." || last == "..";
  if (out.empty() || open) out += '/';
  return out;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (std::size_t at = 0; at < query.size();) {
    const auto end = std::min(query.find('&', at), query.size());
    const auto piece = query.substr(at, end - at);
    at = end + 1;
    if (piece.empty()) continue;
    const auto equals = std::min(piece.find('='), piece.size());
    const auto value = piece.substr(std::min(equals + 1, piece.size()));
    pairs.emplace_back(percent_encoded(percent_decode(piece.substr(0, equals))),
                       percent_encoded(percent_decode(value)));
  }
  // As pairs, not as joined text: `Param` stands before `Param-3`.
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [key, value] : pairs) {
    if (!out.empty()) out += '&';
    out += key;
    out += '=';
    out += value;
  }
  return out;
}

// Trimmed, and each run of blanks made one, across folded lines too.
std::string squeezed(std::string_view value) {
  std::string out;
  bool blank = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      blank = true;
      continue;
    }
    if (blank && !out.empty()) out += ' ';
    blank = false;
    out += c;
  }
  return out;
}

std::vector<HttpHeader> canonical_headers(const std::vector<HttpHeader>& headers) {
  std::vector<HttpHeader> out;
  for (const auto& [name, value] : headers) {
    const auto key = lower(name);
    const auto same =
        std::find_if(out.begin(), out.end(), [&](const auto& other) { return other.name == key; });
    if (same != out.end()) {
      same->value += ',';
      same->value += squeezed(value);
    } else {
      out.push_back({key, squeezed(value)});
    }
  }
  std::sort(out.begin(), out.end(),
            [](const HttpHeader& a, const HttpHeader& b) { return a.name < b.name; });
  return out;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::optional<MacKey> derived(const MacKey& key, std::string_view text) {
  const auto mac = hmac(MacAlgorithm::hmac_sha256, key, {bytes_of(text)});
  if (!mac) return std::nullopt;
  return MacKey(std::vector<std::byte>(mac->view().begin(), mac->view().end()));
}

MacKey first_key(const Secret& secret) {
  static constexpr std::string_view prefix = "AWS4";
  const auto value = secret.reveal();
  std::vector<std::byte> bytes(prefix.size() + value.size());
  std::memcpy(bytes.data(), prefix.data(), prefix.size());
  if (!value.empty()) std::memcpy(bytes.data() + prefix.size(), value.data(), value.size());
  return MacKey(std::move(bytes));
}

}  // namespace

std::string amz_date(WallTime now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<Seconds>(now - day));
  char out[32];
  std::snprintf(out, sizeof out, "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return out;
}

std::optional<Signature> sign(const Unsigned& request, const Keys& keys, const Scope& scope,
                              WallTime now, PathForm form) {
  Signature out;
  std::string names;
  std::string block;
  for (const auto& [name, value] : canonical_headers(request.headers)) {
    if (!names.empty()) names += ';';
    names += name;
    block += name;
    block += ':';
    block += value;
    block += '\n';
  }
  out.canonical_request = request.method + '\n' + canonical_path(request.path, form) + '\n' +
                          canonical_query(request.query) + '\n' + block + '\n' + names + '\n' +
                          to_hex(sha256(request.body));
  const auto stamp = amz_date(now);
  const auto day = stamp.substr(0, 8);
  const auto credential = day + '/' + scope.region + '/' + scope.service + "/aws4_request";
  out.string_to_sign = "AWS4-HMAC-SHA256\n" + stamp + '\n' + credential + '\n' +
                       to_hex(sha256(out.canonical_request));
  std::optional<MacKey> key = first_key(keys.secret_access_key);
  for (const std::string_view part :
       {std::string_view(day), std::string_view(scope.region), std::string_view(scope.service),
        std::string_view("aws4_request")}) {
    key = derived(*key, part);
    if (!key) return std::nullopt;
  }
  const auto mac = hmac(MacAlgorithm::hmac_sha256, *key, {bytes_of(out.string_to_sign)});
  if (!mac) return std::nullopt;
  out.hex = to_hex(mac->view());
  out.authorization = "AWS4-HMAC-SHA256 Credential=" + keys.access_key_id + '/' + credential +
                      ", SignedHeaders=" + names + ", Signature=" + out.hex;
  return out;
}

}  // namespace hotswapd::aws
