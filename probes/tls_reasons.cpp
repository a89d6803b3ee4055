// Why a TLS connection failed, in words that an operator can act on.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <string>
#include <utility>

#include "core/text.hpp"
#include "probes/tls_client.hpp"

namespace hotswapd {

TlsClient::Step TlsClient::explain(int outcome, const char* doing) {
  const int kind = SSL_get_error(ssl_.get(), outcome);
  if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return Step::again;
  // Servers that close without close_notify are common; what was cut off is seen by the length of
  // the body.
  if (shaken_ && (kind == SSL_ERROR_ZERO_RETURN || (end_ && io_error_ == 0))) {
    ERR_clear_error();
    return Step::closed;
  }
  const unsigned long code = ERR_peek_error();
  const int reason = ERR_GET_REASON(code);
  const char* const words = ERR_reason_error_string(code);
  const std::string said = words == nullptr ? "no reason given" : words;
  ERR_clear_error();
  const auto end = [&](Finding finding) {
    finding_ = std::move(finding);
    return Step::failed;
  };
  if (io_error_ != 0) return end(exchange_failure(io_error_, doing));
  if (const char* const much = excess()) {
    return end(fail(FailureClass::protocol, std::string(much) + " from the server " + doing));
  }
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    return end(explain_verification(SSL_get_verify_result(ssl_.get())));
  }
  if (end_ || kind == SSL_ERROR_ZERO_RETURN) {
    return end(fail(FailureClass::protocol, std::string("connection closed ") + doing));
  }
  // TLS 1.2 has no alert of its own for a certificate that was asked for and is missing: these are
  // what servers say.
  const bool missing = reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE ||
                       reason == SSL_R_SSLV3_ALERT_NO_CERTIFICATE ||
                       reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE;
  if (wants_certificate_ && missing) {
    return end(fail(FailureClass::tls, "the server wants a client certificate"));
  }
  switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return end(fail(FailureClass::tls, "the server offers no TLS 1.2 or newer"));
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return end(
          fail(FailureClass::protocol, "the answer is no TLS (a plain-text server on this port?)"));
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_NO_SHARED_CIPHER:
      return end(fail(FailureClass::tls,
                      "no TLS parameters in common with the server (handshake_failure)"));
    case SSL_R_TLSV1_UNRECOGNIZED_NAME:
      return end(fail(FailureClass::tls,
                      "the server does not know the name " + clean(name_, 100) + " (SNI)"));
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return end(fail(FailureClass::tls, "the server wants a client certificate"));
    default:
      break;
  }
  // Alerts of the peer have reasons from 1000 upward; the rest is what we could not make sense of.
  if (reason >= SSL_AD_REASON_OFFSET) {
    return end(
        fail(FailureClass::tls, "the server broke off the TLS connection: " + clean(said, 100)));
  }
  return end(fail(FailureClass::protocol, "invalid TLS from the server: " + clean(said, 100)));
}

Finding TlsClient::explain_verification(long code) const {
  const auto because = [](std::string reason) {
    return fail(FailureClass::tls, std::move(reason));
  };
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return because("certificate expired on " + certificate_);
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return because("certificate is not valid before " + certificate_);
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return because("certificate is not for " + clean(name_, 80) + " but for " + certificate_);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return because("certificate is self-signed");
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return because("certificate chain ends in the untrusted root " + certificate_);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return because("certificate is signed by " + certificate_ +
                     ", which is unknown here (missing chain, or not in the CA file)");
    default:
      return because(std::string("certificate refused: ") + X509_verify_cert_error_string(code));
  }
}

}  // namespace hotswapd
