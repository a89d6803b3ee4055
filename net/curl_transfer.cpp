#include "net/curl_transfer.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

constexpr std::size_t most_header_bytes = std::size_t{64} * 1024;

std::string seconds_text(Clock::duration time) {
  const auto ms = std::max<long long>(std::chrono::round<Millis>(time).count(), 0);
  if (ms >= 1000 && ms % 100 < 5) {
    const auto tenths = ms / 100;
    const auto rest = tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10);
    return std::to_string(tenths / 10) + rest + " s";
  }
  return std::to_string(ms) + " ms";
}

}  // namespace

void CurlTransfer::add(curl_slist*& list, const std::string& line) {
  curl_slist* const longer = curl_slist_append(list, line.c_str());
  if (longer == nullptr) {
    setting_ = CURLE_OUT_OF_MEMORY;
  } else {
    list = longer;
  }
}

void CurlTransfer::set_security() {
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  // Read once by TlsContexts; libcurl would read the bundle for every connection.
  set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
  set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  set(CURLOPT_SSL_CTX_FUNCTION, &CurlTransfer::on_tls);
  set(CURLOPT_SSL_CTX_DATA, this);
  set(CURLOPT_SSL_SESSIONID_CACHE, 0L);  // a resumed session has not seen today's certificate
}

void CurlTransfer::set_request() {
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_URL, call_.url.c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  const auto& method = call_.method;
  const bool carries =
      !call_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
  if (method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else {
    if (carries) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call_.body.size()));
      set(CURLOPT_POSTFIELDS, call_.body.data());
    }
    set(CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  bool typed = false;
  for (const auto& header : call_.headers) {
    typed = typed || iequals(header.name, "content-type");
    // A header without a value is written with a semicolon; a colon would take it out.
    add(headers_, header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  if (carries && !typed) add(headers_, "Content-Type:");
  add(headers_, "Expect:");
  set(CURLOPT_HTTPHEADER, headers_);
}

void CurlTransfer::set_way(const std::vector<std::string>& addresses) {
  const HttpUrl& to = proxy_ ? *proxy_ : url_;
  // The empty words keep libcurl from reading the environment itself.
  const std::string proxy =
      !proxy_ ? ""
              : "http://" + (proxy_->userinfo.empty() ? "" : proxy_->userinfo + "@") +
                    (to.host.find(':') == std::string::npos ? to.host : "[" + to.host + "]") + ":" +
                    std::to_string(to.port);
  set(CURLOPT_PROXY, proxy.c_str());
  set(CURLOPT_NOPROXY, "");
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_DNS_CACHE_TIMEOUT, -1L);  // what it is told stays until it is told anew
  if (addresses.empty()) return;
  std::string line = to.host + ":" + std::to_string(to.port) + ":";
  for (const auto& address : addresses) {
    if (!line.ends_with(':') || &address != &addresses.front()) line += ",";
    line += address.find(':') == std::string::npos ? address : "[" + address + "]";
  }
  add(resolve_, line);
  set(CURLOPT_RESOLVE, resolve_);
}

Fallible<void> CurlTransfer::start(const std::vector<std::string>& addresses,
                                   Clock::duration time) {
  easy_ = curl_easy_init();
  if (easy_ == nullptr) return Error{errc::unavailable, "libcurl: out of memory"};
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(why_));
  set(CURLOPT_PRIVATE, static_cast<CurlDriver::Job*>(this));
  set(CURLOPT_TIMEOUT_MS,
      static_cast<long>(std::max<long long>(std::chrono::ceil<Millis>(time).count(), 1)));
  set(CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PREREQFUNCTION, &CurlTransfer::on_send);
  set(CURLOPT_PREREQDATA, this);
  set_security();
  set_request();
  set_way(addresses);
  if (setting_ != CURLE_OK) {
    return Error{errc::invalid_argument,
                 url_.origin() + ": libcurl: " + curl_easy_strerror(setting_)};
  }
  const auto code = driver_.add(easy_);
  if (code != CURLM_OK)
    return Error{errc::unavailable, url_.origin() + ": libcurl: " + curl_multi_strerror(code)};
  added_ = true;
  return {};
}

// Each line, its line break included, of every answer that comes: informational ones (1xx) first.
std::size_t CurlTransfer::on_header(char* data, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  std::string_view line(data, size);
  transfer.header_bytes_ += size;
  if (transfer.header_bytes_ > most_header_bytes) {
    transfer.too_much_ = "answered with more than 64 KiB of headers";
    return 0;
  }
  while (line.ends_with('\n') || line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
  if (line.starts_with("HTTP/") && line.find(':') > line.find(' ')) {
    transfer.reply_.headers.clear();
    transfer.headers_over_ = false;
    return size;
  }
  if (line.empty()) transfer.headers_over_ = true;
  const auto colon = line.find(':');
  if (transfer.headers_over_ || colon == std::string_view::npos)
    return size;  // trailers are not ours
  auto value = line.substr(colon + 1);
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  transfer.reply_.headers.push_back({lower(line.substr(0, colon)), std::string(value)});
  return size;
}

std::size_t CurlTransfer::on_body(char* data, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (transfer.reply_.body.size() + size > transfer.call_.max_response) {
    transfer.too_much_ =
        "answered with more than " + std::to_string(transfer.call_.max_response) + " bytes";
    return 0;
  }
  transfer.reply_.body.append(data, size);
  return size;
}

// Directly before the request goes out: the first time, and again when libcurl repeats it because a
// kept connection died under it. The server may have acted on the first.
int CurlTransfer::on_send(void* self, char*, char*, int, int) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (transfer.sends_ > 0 && !transfer.changes_nothing()) return CURL_PREREQFUNC_ABORT;
  ++transfer.sends_;
  return CURL_PREREQFUNC_OK;
}

CURLcode CurlTransfer::on_tls(CURL*, void* context, void* self) {
  auto* const mine = static_cast<SSL_CTX*>(context);
  SSL_CTX* const shared = static_cast<CurlTransfer*>(self)->trust_.get();
  if (shared == nullptr) return CURLE_SSL_CACERT_BADFILE;
  SSL_CTX_set1_cert_store(mine, SSL_CTX_get_cert_store(shared));
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(mine), X509_V_FLAG_PARTIAL_CHAIN);
  return bound_key_exchange(mine) ? CURLE_OK : CURLE_SSL_CIPHER;
}

errc CurlTransfer::kind_of(CURLcode code) const {
  long connect = 0;
  curl_easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &connect);
  if (connect == 401 || connect == 403 || connect == 407) return errc::refused;
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
      return errc::refused;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return errc::invalid_argument;
    case CURLE_OPERATION_TIMEDOUT:
      return errc::timed_out;
    default:
      return errc::unavailable;
  }
}

Error CurlTransfer::failure(errc before, const std::string& text) const {
  if (!sent()) return {before, url_.origin() + ": " + text};
  if (changes_nothing()) {
    const bool late = before == errc::timed_out;
    return {late ? before : errc::unavailable, url_.origin() + ": " + text};
  }
  return {errc::unknown_fate, url_.origin() + ": " + text + "; it may have been done"};
}

Error CurlTransfer::out_of_time(Clock::duration budget) const {
  const auto what = sent() ? "no whole answer within " : "no connection within ";
  return failure(errc::timed_out, what + seconds_text(budget));
}

Fallible<HttpReply> CurlTransfer::take(Clock::duration budget) {
  const CURLcode code = *code_;
  if (code == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    reply_.status = static_cast<int>(status);
    return std::move(reply_);
  }
  if (!too_much_.empty()) return failure(errc::unavailable, too_much_);
  if (code == CURLE_OPERATION_TIMEDOUT) return out_of_time(budget);
  if (code == CURLE_ABORTED_BY_CALLBACK)
    return failure(errc::unavailable, "the connection was closed before an answer came");
  std::string why = why_[0] == '\0' ? curl_easy_strerror(code) : why_;
  if (proxy_) why += " (by the proxy " + proxy_->origin() + ")";
  return failure(kind_of(code), redacted(why, call_));
}

}  // namespace hotswapd
