#include "net/tls_identity.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace hotswapd {
namespace {

std::string why() {
  const unsigned long code = ERR_peek_last_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "unknown error" : reason;
}

Error unusable(const std::string& what, const std::string& file, const std::string& holds) {
  const std::string reason = why();
  if (::access(file.c_str(), R_OK) != 0) {
    return {errc::unavailable, "cannot read " + what + " " + file + " (" + std::strerror(errno) +
                                   "): make it readable for hotswapd"};
  }
  return {errc::invalid_argument,
          what + " " + file + " " + holds + " (" + reason + "): replace it"};
}

}  // namespace

Fallible<std::shared_ptr<const TlsIdentity>> TlsIdentity::read(const std::string& certificate_file,
                                                               const std::string& key_file) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()),
                                   [](SSL_CTX* c) { SSL_CTX_free(c); });
  if (!context) return Error{errc::unavailable, "OpenSSL cannot make a TLS context: " + why()};
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(
      raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_use_certificate_chain_file(raw, certificate_file.c_str()) != 1) {
    return unusable("tls.certificate_file", certificate_file, "holds no usable PEM certificate");
  }
  if (SSL_CTX_use_PrivateKey_file(raw, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return unusable("tls.key_file", key_file,
                    "holds no usable PEM key without a passphrase, or "
                    "not the one of " +
                        certificate_file);
  }
  return std::shared_ptr<const TlsIdentity>(new TlsIdentity(std::move(context)));
}

}  // namespace hotswapd
