#include "net/tls_contexts.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace hotswapd {
namespace {

constexpr Seconds retry_after{10};

std::string ssl_error_text() {
  const unsigned long code = ERR_peek_last_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "unknown error" : reason;
}

// Where distributions keep all trusted certificates in one file; OpenSSL's own default is a
// directory that it would read again and again while it verifies.
std::string system_bundle() {
  if (const char* const given = std::getenv(X509_get_default_cert_file_env());
      given != nullptr && *given != '\0') {
    return given;
  }
  constexpr std::array files{"/etc/ssl/certs/ca-certificates.crt",
                             "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
  for (const char* const file : files) {
    if (::access(file, R_OK) == 0) return file;
  }
  return {};
}

Fallible<void> load_bundle(SSL_CTX* context, const TlsPolicy& policy) {
  const bool own = !policy.ca_file.empty();
  const std::string file = own ? policy.ca_file : system_bundle();
  if (file.empty()) {
    return Error{errc::unavailable,
                 "no CA bundle on this host: install ca-certificates, or set tls.ca_file"};
  }
  errno = 0;
  if (SSL_CTX_load_verify_file(context, file.c_str()) == 1) return {};
  const int error = errno;
  const std::string why = ssl_error_text();
  const std::string what = own ? "tls.ca_file " : "CA bundle ";
  if (::access(file.c_str(), R_OK) != 0) {
    return Error{
        errc::unavailable,
        "cannot read " + what + file + " (" +
            error_code(error == 0 ? errno : error, boost::system::system_category()).message() +
            "): make it readable for hotswapd"};
  }
  return Error{errc::invalid_argument,
               what + file + " holds no usable PEM certificate (" + why + "): replace it"};
}

// With finite-field Diffie-Hellman the server chooses how long our loop stands still: a second of
// arithmetic for a group of 10,000 bits that TLS 1.2 lets it make up, 160 ms for the largest one of
// TLS 1.3. Who has no elliptic curves is reached by RSA key exchange. The ciphers are otherwise
// those for which the system's OpenSSL is configured.
bool bound_key_exchange(SSL_CTX* context) {
  std::string list;
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* const cipher = sk_SSL_CIPHER_value(ciphers, i);
    const int exchange = SSL_CIPHER_get_kx_nid(cipher);
    const bool of_tls13 = exchange == NID_kx_any;  // those have a list of their own
    if (of_tls13 || exchange == NID_kx_dhe || exchange == NID_kx_dhe_psk) continue;
    if (!list.empty()) list += ':';
    list += SSL_CIPHER_get_name(cipher);
  }
  if (!list.empty() && SSL_CTX_set_cipher_list(context, list.c_str()) != 1) return false;
  // OpenSSL's own order; the second for one that is confined to what FIPS allows.
  for (const char* const groups : {"X25519:P-256:X448:P-521:P-384", "P-256:P-521:P-384"}) {
    if (SSL_CTX_set1_groups_list(context, groups) == 1) return true;
    ERR_clear_error();
  }
  return false;
}

Fallible<TlsContexts::Context> make(const TlsPolicy& policy) {
  TlsContexts::Context context(SSL_CTX_new(TLS_client_method()),
                               [](SSL_CTX* c) { SSL_CTX_free(c); });
  if (!context)
    return Error{errc::unavailable, "OpenSSL cannot make a TLS context: " + ssl_error_text()};
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  if (!bound_key_exchange(raw))
    return Error{errc::unavailable, "OpenSSL takes no list of ciphers: " + ssl_error_text()};
  SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  if (policy.verify) {
    if (auto loaded = load_bundle(raw, policy); !loaded) return loaded.error();
    // A certificate of the bundle that is no root is an anchor too: operators hand out issuing CAs.
    X509_VERIFY_PARAM* const param = SSL_CTX_get0_param(raw);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  } else {
    SSL_CTX_set_verify(raw, SSL_VERIFY_NONE, nullptr);
  }
  return context;
}

}  // namespace

Fallible<TlsContexts::Loaded> TlsContexts::get(const TlsPolicy& policy, TimePoint now) {
  const TlsPolicy key = policy.verify ? policy : TlsPolicy{.verify = false, .ca_file = {}};
  std::unique_lock lock(mutex_);
  Entry* found = &entries_[key];
  while (found->reading && !found->context) {
    read_.wait(lock);
    found = &entries_[key];  // a reload may have thrown it away
  }
  Entry& entry = *found;
  const bool rested = !entry.tried || now - *entry.tried >= retry_after;
  if (!entry.current && !entry.reading && rested) {
    entry.tried = now;
    entry.reading = true;
    const auto generation = this->generation();
    lock.unlock();
    auto made = make(key);
    lock.lock();
    entry.reading = false;
    if (made) {
      entry.context = *std::move(made);
      entry.current = generation == this->generation();
    } else {
      entry.error = std::move(made).error();
    }
    read_.notify_all();
  }
  if (!entry.context) return entry.error;
  if (entry.current) return Loaded{entry.context};
  return Loaded{entry.context, entry.error};
}

void TlsContexts::reload() {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [](const auto& known) {
    return !known.second.reading && known.second.context.use_count() <= 1;
  });
  for (auto& [policy, entry] : entries_) {
    entry.current = false;
    entry.tried.reset();
  }
  generation_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace hotswapd
