// Keys and certificates made on the spot, and the server side of TLS for a scripted peer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/time.hpp"

struct evp_pkey_st;
struct x509_st;
struct ssl_st;
struct ssl_ctx_st;

namespace hotswapd::testing {

struct Identity {
  std::shared_ptr<evp_pkey_st> key;
  std::shared_ptr<x509_st> certificate;
};

struct CertificateWish {
  std::string common_name = "www.example.com";
  std::vector<std::string> names = {"DNS:www.example.com"};  // subjectAltName entries
  Seconds not_before{-3600};                                 // from now
  Seconds not_after{3600};
  bool authority = false;
  bool rsa = false;  // else an elliptic curve
};

// Signed by `issuer`, or by itself when that is null.
Identity make_identity(const CertificateWish& wish, const Identity* issuer);

// A PEM file in the temporary directory, removed at the end.
class PemFile {
 public:
  explicit PemFile(const std::string& text);
  explicit PemFile(const Identity& identity);
  ~PemFile();
  PemFile(const PemFile&) = delete;
  PemFile& operator=(const PemFile&) = delete;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

// What the connections of one server share: its certificate, and the key of its tickets.
// `newest`: TLS1_1_VERSION and the like, 0 for no limit.
std::shared_ptr<ssl_ctx_st> make_server_context(const Identity& identity, int newest = 0);
void show_instead(ssl_ctx_st* context, const Identity& identity);  // from now on
// It breaks off whoever wants to resume a session.
void choke_on_resumption(ssl_ctx_st* context);

// It says nothing to whoever wants to resume a session; or to anybody.
void fall_silent_at_resumption(ssl_ctx_st* context);
void fall_silent(ssl_ctx_st* context);

// The server side of one connection.
class TlsServer {
 public:
  TlsServer(std::shared_ptr<ssl_ctx_st> context, int fd);
  // `newest`: TLS1_1_VERSION and the like, 0 for no limit.
  TlsServer(const Identity& identity, int fd, int newest = 0,
            const Identity* intermediate = nullptr);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  bool shake();
  std::string read_request();
  bool send(const std::string& text);
  void say_goodbye();  // close_notify
  bool resumed();
  std::string server_name();  // SNI as it came, "" without
  bool send_ticket();         // TLS 1.3: one more
  bool send_key_update();
  bool ask_to_renegotiate();  // TLS 1.2: HelloRequest
  void pad_records_to(std::size_t size);
  void split_records_at(std::size_t size);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace hotswapd::testing
