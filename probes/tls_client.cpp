#include "probes/tls_client.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "core/text.hpp"

namespace hotswapd {
namespace {

bool is_address(const std::string& name) {
  std::array<unsigned char, 16> bytes;
  return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

std::string_view view(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string common_name(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return "unnamed";
  return clean(view(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))), 60);
}

// "2026-01-31 12:00 UTC"
std::string day(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unreadable date";
  std::array<char, 32> text;
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts);
  return {text.data(), size};
}

// "www.example.com, example.com", three at most.
std::string names_of(const X509* certificate) {
  std::string text;
  auto* const names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  int shown = 0;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* const entry = sk_GENERAL_NAME_value(names, i);
    if (entry->type != GEN_DNS) continue;
    if (++shown > 3) {
      text += ", ...";
      break;
    }
    if (!text.empty()) text += ", ";
    text += clean(view(entry->d.dNSName), 60);
  }
  GENERAL_NAMES_free(names);
  return text.empty() ? common_name(X509_get_subject_name(certificate)) : text;
}

}  // namespace

// send() and recv() as a BIO: OpenSSL's own socket BIO raises SIGPIPE, and does not keep the error.
struct TlsBio {
  static int write(BIO* bio, const char* data, int size) {
    auto& client = *static_cast<TlsClient*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const auto n = ::send(client.fd_, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (n < 0) note(client, bio, BIO_FLAGS_WRITE);
    return static_cast<int>(n);
  }

  static int read(BIO* bio, char* data, int size) {
    auto& client = *static_cast<TlsClient*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (client.excess() != nullptr) return -1;
    if (client.reads_left_ == 0 || client.bytes_left_ == 0) {
      client.yielded_ = true;
      BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY);
      return -1;
    }
    --client.reads_left_;
    const auto n = ::recv(client.fd_, data, static_cast<std::size_t>(size), 0);
    if (n < 0) note(client, bio, BIO_FLAGS_READ);
    if (n == 0) client.end_ = true;
    if (n > 0) {
      const auto got = static_cast<std::size_t>(n);
      client.bytes_left_ -= std::min(got, client.bytes_left_);
      client.bytes_ += got;
    }
    return static_cast<int>(n);
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return static_cast<TlsClient*>(BIO_get_data(bio))->end_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  // Sees each message of a handshake that came or went.
  static void on_message(int sent, int, int type, const void* data, std::size_t size, SSL*,
                         void* argument) {
    if (sent != 0 || type != SSL3_RT_HANDSHAKE || size == 0) return;
    auto& client = *static_cast<TlsClient*>(argument);
    ++client.messages_;
    const unsigned char kind = *static_cast<const unsigned char*>(data);
    if (kind == SSL3_MT_CERTIFICATE_REQUEST) client.wants_certificate_ = true;
  }

  static void note(TlsClient& client, BIO* bio, int direction) {
    if (errno == EAGAIN || errno == EINTR) {
      BIO_set_flags(bio, direction | BIO_FLAGS_SHOULD_RETRY);
    } else {
      client.io_error_ = errno;
    }
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* const m =
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hotswapd socket");
      BIO_meth_set_write(m, write);
      BIO_meth_set_read(m, read);
      BIO_meth_set_ctrl(m, control);
      return m;
    }();
    return made;
  }
};

// Catches the certificate that failed while OpenSSL still has it at hand.
struct TlsVerify {
  static int index() {
    static const int made = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return made;
  }

  static int check(int good, X509_STORE_CTX* store) {
    if (good == 1) return 1;
    auto* const ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* const client = static_cast<TlsClient*>(SSL_get_ex_data(ssl, index()));
    const X509* const certificate = X509_STORE_CTX_get_current_cert(store);
    if (client == nullptr || certificate == nullptr) return 0;
    switch (X509_STORE_CTX_get_error(store)) {
      case X509_V_ERR_CERT_HAS_EXPIRED:
        client->certificate_ = day(X509_get0_notAfter(certificate));
        break;
      case X509_V_ERR_CERT_NOT_YET_VALID:
        client->certificate_ = day(X509_get0_notBefore(certificate));
        break;
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        client->certificate_ = names_of(certificate);
        break;
      default:
        client->certificate_ = common_name(X509_get_issuer_name(certificate));
        break;
    }
    return 0;
  }
};

void TlsClient::Free::operator()(ssl_st* ssl) const noexcept {
  SSL_free(ssl);
}

TlsClient::TlsClient(ssl_ctx_st* context, int fd, const std::string& name, std::string_view session)
    : name_(name), fd_(fd) {
  ERR_clear_error();
  ssl_.reset(SSL_new(context));
  BIO* const bio = ssl_ ? BIO_new(TlsBio::method()) : nullptr;
  if (bio == nullptr) {
    ssl_.reset();
    finding_ = inconclusive("no memory left for a TLS connection in this process");
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_quiet_shutdown(ssl_.get(), 1);
  SSL_set_msg_callback(ssl_.get(), TlsBio::on_message);
  SSL_set_msg_callback_arg(ssl_.get(), this);
  const bool address = is_address(name_);
  if (!address) SSL_set_tlsext_host_name(ssl_.get(), name_.c_str());
  if (SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE) {
    SSL_set_ex_data(ssl_.get(), TlsVerify::index(), this);
    SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER, TlsVerify::check);
    if (address) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), name_.c_str());
    } else {
      SSL_set1_host(ssl_.get(), name_.c_str());
    }
  }
  SSL_set_connect_state(ssl_.get());
  if (!session.empty()) offer(session);
}

void TlsClient::offer(std::string_view session) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(session.data());
  SSL_SESSION* const kept = d2i_SSL_SESSION(nullptr, &bytes, static_cast<long>(session.size()));
  if (kept != nullptr) SSL_set_session(ssl_.get(), kept);
  SSL_SESSION_free(kept);
  ERR_clear_error();
}

TlsTicket TlsClient::ticket() const {
  TlsTicket ticket;
  if (!shaken_) return ticket;
  ticket.resumed = SSL_session_reused(ssl_.get()) == 1;
  ticket.certificate_ends = certificate_ends();
  SSL_SESSION* const session = SSL_get0_session(ssl_.get());
  if (session == nullptr || SSL_SESSION_is_resumable(session) != 1) return ticket;
  const unsigned long hint = SSL_SESSION_get_ticket_lifetime_hint(session);
  ticket.lifetime = Seconds(hint != 0 ? static_cast<long>(hint) : SSL_SESSION_get_timeout(session));
  unsigned char* der = nullptr;
  if (const int size = i2d_SSL_SESSION(session, &der); size > 0) {
    ticket.bytes =
        slim_session({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  }
  OPENSSL_free(der);
  ERR_clear_error();
  return ticket;
}

TlsClient::~TlsClient() = default;

void TlsClient::begin_turn() noexcept {
  yielded_ = false;
  reads_left_ = reads_at_once;
  bytes_left_ = bytes_at_once;
}

const char* TlsClient::excess() const noexcept {
  if (messages_ > most_messages) return "TLS messages without end";
  if (bytes_ > most_bytes) return "more than 4 MiB of TLS";
  return nullptr;
}

TlsClient::Step TlsClient::handshake() {
  if (!ssl_) return Step::failed;
  const int outcome = SSL_do_handshake(ssl_.get());
  if (outcome != 1) return explain(outcome, "in the TLS handshake");
  shaken_ = true;
  return Step::done;
}

std::optional<WallTime> TlsClient::certificate_ends() const {
  if (!shaken_ || SSL_get_verify_mode(ssl_.get()) == SSL_VERIFY_NONE) return std::nullopt;
  const X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  tm parts{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) {
    return std::nullopt;
  }
  return WallTime(Seconds(::timegm(&parts)));
}

TlsClient::Step TlsClient::write(std::span<const char>& data) {
  while (!data.empty()) {
    std::size_t written = 0;
    if (const int outcome = SSL_write_ex(ssl_.get(), data.data(), data.size(), &written);
        outcome != 1) {
      return explain(outcome, "while the request was sent");
    }
    data = data.subspan(written);
  }
  return Step::done;
}

TlsClient::Step TlsClient::read(std::span<char> into, std::size_t& bytes) {
  const int outcome = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
  return outcome == 1 ? Step::done : explain(outcome, "while the answer was read");
}

}  // namespace hotswapd
