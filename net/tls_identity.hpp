// The certificate and key that a server of ours shows.
#pragma once

#include <memory>
#include <string>

#include "core/error.hpp"

struct ssl_ctx_st;

namespace hotswapd {

// TLS 1.2 and newer, no compression, no renegotiation. Immutable; any thread.
class TlsIdentity {
 public:
  // Reads both files (PEM; the certificate with its chain behind it), which may block. The error
  // names the file and says what to do.
  static Fallible<std::shared_ptr<const TlsIdentity>> read(const std::string& certificate_file,
                                                           const std::string& key_file);

  ssl_ctx_st* context() const noexcept { return context_.get(); }  // never null

 private:
  explicit TlsIdentity(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace hotswapd
