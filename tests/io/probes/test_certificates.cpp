#include "test_certificates.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <stdexcept>

namespace hotswapd::testing {
namespace {

[[noreturn]] void broken(const char* what) {
  throw std::runtime_error(std::string("test certificate: ") + what);
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) broken("extension");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

Identity make_identity(const CertificateWish& wish, const Identity* issuer) {
  static std::atomic<long> serial{1000};
  Identity made;
  made.key = {wish.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), EVP_PKEY_free};
  made.certificate = {X509_new(), X509_free};
  if (!made.key || !made.certificate) broken("key");
  X509* const certificate = made.certificate.get();
  X509* const signer = issuer != nullptr ? issuer->certificate.get() : certificate;
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), wish.not_before.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate), wish.not_after.count());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1,
                             -1, 0);
  X509_set_pubkey(certificate, made.key.get());
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  add_extension(certificate, signer, NID_basic_constraints,
                wish.authority ? "critical,CA:TRUE" : "CA:FALSE");
  add_extension(certificate, signer, NID_subject_key_identifier, "hash");
  if (issuer != nullptr) add_extension(certificate, signer, NID_authority_key_identifier, "keyid");
  std::string names;
  for (const auto& name : wish.names) names += (names.empty() ? "" : ",") + name;
  if (!names.empty()) add_extension(certificate, signer, NID_subject_alt_name, names);
  EVP_PKEY* const signing_key = issuer != nullptr ? issuer->key.get() : made.key.get();
  if (X509_sign(certificate, signing_key, EVP_sha256()) == 0) broken("signature");
  return made;
}

PemFile::PemFile(const std::string& text) {
  char path[] = "/tmp/hotswapd-test-XXXXXX";
  const int fd = ::mkstemp(path);
  if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    broken("file");
  ::close(fd);
  path_ = path;
}

PemFile::PemFile(const Identity& identity) : PemFile(std::string()) {
  FILE* const file = ::fopen(path_.c_str(), "w");
  if (file == nullptr || PEM_write_X509(file, identity.certificate.get()) != 1) broken("PEM");
  ::fclose(file);
}

PemFile::~PemFile() {
  ::unlink(path_.c_str());
}

struct TlsServer::Context {
  std::shared_ptr<SSL_CTX> context;
  SSL* ssl = nullptr;
};

std::shared_ptr<SSL_CTX> make_server_context(const Identity& identity, int newest) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (newest != 0) {
    SSL_CTX_set_max_proto_version(context.get(), newest);
    SSL_CTX_set_min_proto_version(context.get(), 0);
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_cipher_list(context.get(), "DEFAULT@SECLEVEL=0");
  }
  show_instead(context.get(), identity);
  return context;
}

void show_instead(SSL_CTX* context, const Identity& identity) {
  SSL_CTX_use_certificate(context, identity.certificate.get());
  SSL_CTX_use_PrivateKey(context, identity.key.get());
}

// OpenSSL refuses to resume where clients are verified and no context is set: a common mistake.
void choke_on_resumption(SSL_CTX* context) {
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
}

void fall_silent_at_resumption(SSL_CTX* context) {
  const auto look = [](SSL* ssl, int*, void*) {
    const unsigned char* extension = nullptr;
    std::size_t size = 0;
    const bool resumes = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &extension, &size) == 1;
    return resumes ? SSL_CLIENT_HELLO_RETRY : SSL_CLIENT_HELLO_SUCCESS;
  };
  SSL_CTX_set_client_hello_cb(context, look, nullptr);
}

void fall_silent(SSL_CTX* context) {
  const auto wait = [](SSL*, int*, void*) { return SSL_CLIENT_HELLO_RETRY; };
  SSL_CTX_set_client_hello_cb(context, wait, nullptr);
}

TlsServer::TlsServer(std::shared_ptr<SSL_CTX> context, int fd)
    : context_(std::make_unique<Context>()) {
  ::signal(SIGPIPE, SIG_IGN);  // this side uses OpenSSL's own socket BIO
  context_->context = std::move(context);
  context_->ssl = SSL_new(context_->context.get());
  SSL_set_fd(context_->ssl, fd);
}

bool TlsServer::resumed() {
  return SSL_session_reused(context_->ssl) == 1;
}

TlsServer::TlsServer(const Identity& identity, int fd, int newest, const Identity* intermediate)
    : TlsServer(make_server_context(identity, newest), fd) {
  if (intermediate != nullptr) SSL_add1_chain_cert(context_->ssl, intermediate->certificate.get());
}

TlsServer::~TlsServer() {
  SSL_free(context_->ssl);
  ERR_clear_error();
}

bool TlsServer::shake() {
  return SSL_accept(context_->ssl) == 1;
}

std::string TlsServer::read_request() {
  std::string text;
  char byte = 0;
  while (!text.ends_with("\r\n\r\n") && SSL_read(context_->ssl, &byte, 1) == 1) text += byte;
  return text;
}

bool TlsServer::send(const std::string& text) {
  return text.empty() || SSL_write(context_->ssl, text.data(), static_cast<int>(text.size())) > 0;
}

void TlsServer::say_goodbye() {
  SSL_shutdown(context_->ssl);
}

std::string TlsServer::server_name() {
  const char* const name = SSL_get_servername(context_->ssl, TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? "" : name;
}

bool TlsServer::send_ticket() {
  return SSL_new_session_ticket(context_->ssl) == 1 && SSL_do_handshake(context_->ssl) == 1;
}

bool TlsServer::send_key_update() {
  return SSL_key_update(context_->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
         SSL_do_handshake(context_->ssl) == 1;
}

bool TlsServer::ask_to_renegotiate() {
  return SSL_renegotiate(context_->ssl) == 1 && SSL_do_handshake(context_->ssl) == 1;
}

void TlsServer::pad_records_to(std::size_t size) {
  SSL_set_block_padding(context_->ssl, size);
}

void TlsServer::split_records_at(std::size_t size) {
  SSL_set_max_send_fragment(context_->ssl, static_cast<long>(size));
}

}  // namespace hotswapd::testing
