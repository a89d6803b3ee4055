#include "net/tls_contexts.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

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

struct Entry {
  std::jthread reader;  // once `reading` is over it ends at once, and may be joined
  TlsContexts::Context context;
  bool current = false;  // what the file holds since the last reload
  bool reading = false;
  bool asked = true;           // for, since then
  std::optional<Error> error;  // of the last try
  std::optional<TimePoint> tried;
};

std::string name_of(const TlsPolicy& policy) {
  return policy.ca_file.empty() ? "the CA bundle" : "tls.ca_file " + policy.ca_file;
}

Fallible<TlsContexts::Loaded> answer(const TlsPolicy& policy, const Entry& entry) {
  if (entry.current) return TlsContexts::Loaded{entry.context};
  Error why{errc::timed_out, name_of(policy) + " is still being read"};
  if (entry.error && !entry.reading) why = *entry.error;
  if (!entry.context) return why;
  return TlsContexts::Loaded{entry.context, std::move(why)};
}

bool due(const Entry& entry, TimePoint now) {
  if (entry.current || entry.reading) return false;
  return !entry.tried || now - *entry.tried >= retry_after;
}

}  // namespace

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

struct TlsContexts::State {
  std::mutex mutex;
  std::condition_variable read;
  std::map<TlsPolicy, Entry> entries;  // one that is being read stays
  std::atomic<std::uint64_t> generation{1};

  Entry& entry(const TlsPolicy& policy) {
    Entry& found = entries[policy];
    found.asked = true;
    return found;
  }

  // On a thread of its own.
  void fill(const TlsPolicy& policy) {
    const auto began_at = generation.load(std::memory_order_relaxed);
    auto made = make(policy);
    const std::lock_guard lock(mutex);
    Entry& entry = entries[policy];
    entry.reading = false;
    if (made) {
      entry.context = *std::move(made);
      entry.current = began_at == generation.load(std::memory_order_relaxed);
    } else {
      entry.error = std::move(made).error();
    }
    read.notify_all();
  }
};

namespace {

TlsPolicy key_of(const TlsPolicy& policy) {
  return policy.verify ? policy : TlsPolicy{.verify = false, .ca_file = {}};
}

}  // namespace

TlsContexts::TlsContexts() : state_(std::make_shared<State>()) {}

// A thread that ends while the process does would meet an OpenSSL that is being taken down.
TlsContexts::~TlsContexts() {
  std::vector<std::jthread> at_their_end;
  const std::lock_guard lock(state_->mutex);
  for (auto& [policy, entry] : state_->entries) {
    if (entry.reading) {
      entry.reader.detach();
    } else {
      at_their_end.push_back(std::move(entry.reader));
    }
  }
}

// With the lock held.
void TlsContexts::begin(const TlsPolicy& policy, TimePoint now) {
  Entry& entry = state_->entry(policy);
  if (!due(entry, now)) return;
  entry.tried = now;
  entry.reading = true;
  try {
    entry.reader = std::jthread([state = state_, policy] { state->fill(policy); });
  } catch (const std::system_error&) {
    entry.reading = false;
    entry.error = Error{errc::unavailable, name_of(policy) + " is not read: no thread for it"};
  }
}

Fallible<TlsContexts::Loaded> TlsContexts::get(const TlsPolicy& policy, TimePoint now,
                                               TimePoint until) {
  const TlsPolicy key = key_of(policy);
  std::unique_lock lock(state_->mutex);
  const auto at_rest = [&] { return !state_->entry(key).reading; };
  // One that read for an earlier reload first.
  if (!state_->read.wait_until(lock, until, at_rest)) return answer(key, state_->entry(key));
  begin(key, now);
  state_->read.wait_until(lock, until, at_rest);
  return answer(key, state_->entry(key));
}

Fallible<TlsContexts::Loaded> TlsContexts::in_use(const TlsPolicy& policy, TimePoint now) {
  const TlsPolicy key = key_of(policy);
  std::unique_lock lock(state_->mutex);
  const bool known = state_->entries.contains(key);
  begin(key, now);
  const auto at_rest = [&] { return !state_->entry(key).reading; };
  if (!known) state_->read.wait(lock, at_rest);
  return answer(key, state_->entry(key));
}

void TlsContexts::reload() {
  const std::lock_guard lock(state_->mutex);
  std::erase_if(state_->entries, [](const auto& known) {
    const Entry& entry = known.second;
    return !entry.asked && !entry.reading && entry.context.use_count() <= 1;
  });
  for (auto& [policy, entry] : state_->entries) {
    entry.current = false;
    entry.asked = false;
    entry.tried.reset();
  }
  state_->generation.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t TlsContexts::generation() const noexcept {
  return state_->generation.load(std::memory_order_relaxed);
}

}  // namespace hotswapd
