// One HTTP call on its way through libcurl: set up, bounded, counted each time it is sent, and its
// end told in our words.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <string>
#include <vector>

#include "net/curl_driver.hpp"
#include "net/http_call.hpp"
#include "net/tls_contexts.hpp"

namespace hotswapd {

// Lives on the driver's loop and stays where it is: libcurl holds its address. `wake` is cancelled
// when it has ended.
class CurlTransfer final : public CurlDriver::Job {
 public:
  CurlTransfer(CurlDriver& driver, HttpCall call, HttpUrl url, std::optional<HttpUrl> proxy,
               TlsContexts::Context trust, asio::steady_timer& wake)
      : driver_(driver),
        call_(std::move(call)),
        url_(std::move(url)),
        proxy_(std::move(proxy)),
        trust_(std::move(trust)),
        wake_(wake) {}
  ~CurlTransfer() {
    if (added_) driver_.remove(easy_);
    if (easy_ != nullptr) curl_easy_cleanup(easy_);
    curl_slist_free_all(headers_);
    curl_slist_free_all(resolve_);
  }
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  // `addresses` of the host that is connected to: the proxy's, if there is one.
  Fallible<void> start(const std::vector<std::string>& addresses, Clock::duration time);
  bool done() const noexcept { return code_.has_value(); }
  bool sent() const noexcept { return sends_ > 0; }
  Fallible<HttpReply> take(Clock::duration budget);
  Error failure(errc before, const std::string& text) const;
  Error out_of_time(Clock::duration budget) const;

  void ended(CURLcode code) noexcept override {
    code_ = code;
    wake_.cancel();
  }

 private:
  bool changes_nothing() const { return call_.method == "GET" || call_.method == "HEAD"; }
  template <class T>
  void set(CURLoption option, T value) {
    if (const auto code = curl_easy_setopt(easy_, option, value); code != CURLE_OK) setting_ = code;
  }
  void set_security();
  void set_request();
  void set_way(const std::vector<std::string>& addresses);
  void add(curl_slist*& list, const std::string& line);
  errc kind_of(CURLcode code) const;

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self);
  static int on_send(void* self, char*, char*, int, int);
  static CURLcode on_tls(CURL*, void* context, void* self);

  CurlDriver& driver_;
  HttpCall call_;
  HttpUrl url_;
  std::optional<HttpUrl> proxy_;
  TlsContexts::Context trust_;
  asio::steady_timer& wake_;
  CURL* easy_ = nullptr;
  curl_slist* headers_ = nullptr;
  curl_slist* resolve_ = nullptr;
  CURLcode setting_ = CURLE_OK;
  bool added_ = false;
  std::optional<CURLcode> code_;
  int sends_ = 0;
  bool headers_over_ = false;
  std::size_t header_bytes_ = 0;
  std::string too_much_;
  HttpReply reply_;
  char why_[CURL_ERROR_SIZE] = {};
};

}  // namespace hotswapd
