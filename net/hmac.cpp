// HMAC by libcrypto.
#include "net/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <memory>
#include <utility>

namespace hotswapd {
namespace {

struct Digest {
  const char* name;
  std::size_t size;
};

Digest digest_of(MacAlgorithm algorithm) noexcept {
  switch (algorithm) {
    case MacAlgorithm::hmac_sha1:
      return {"SHA1", 20};
    case MacAlgorithm::hmac_sha224:
      return {"SHA224", 28};
    case MacAlgorithm::hmac_sha256:
      return {"SHA256", 32};
    case MacAlgorithm::hmac_sha384:
      return {"SHA384", 48};
    case MacAlgorithm::hmac_sha512:
      break;
  }
  return {"SHA512", 64};
}

// Looked up once: fetching costs more than the MAC itself.
EVP_MAC* hmac_method() noexcept {
  static const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> method(
      EVP_MAC_fetch(nullptr, "HMAC", nullptr), &EVP_MAC_free);
  return method.get();
}

}  // namespace

std::size_t mac_size(MacAlgorithm algorithm) noexcept {
  return digest_of(algorithm).size;
}

MacKey::MacKey(MacKey&& other) noexcept : bytes_(std::move(other.bytes_)) {
  other.bytes_.clear();
}

MacKey& MacKey::operator=(const MacKey& other) {
  if (this == &other) return *this;
  wipe();
  bytes_ = other.bytes_;
  return *this;
}

MacKey& MacKey::operator=(MacKey&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  bytes_ = std::move(other.bytes_);
  other.bytes_.clear();
  return *this;
}

MacKey::~MacKey() {
  wipe();
}

void MacKey::wipe() noexcept {
  if (!bytes_.empty()) OPENSSL_cleanse(bytes_.data(), bytes_.size());
  bytes_.clear();
}

bool MacKey::operator==(const MacKey& other) const noexcept {
  return equal_in_constant_time(bytes_, other.bytes_);
}

std::optional<Mac> hmac(MacAlgorithm algorithm, const MacKey& key, Pieces pieces) noexcept {
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(
      hmac_method() != nullptr ? EVP_MAC_CTX_new(hmac_method()) : nullptr, &EVP_MAC_CTX_free);
  if (!context) return std::nullopt;
  // The parameter wants a writable string and does not write.
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                       const_cast<char*>(digest_of(algorithm).name), 0),
      OSSL_PARAM_construct_end()};
  // An empty key is a key of no bytes, which must not be a null pointer: that keeps the old one.
  static constexpr unsigned char none = 0;
  const auto secret = key.bytes();
  const auto* bytes =
      secret.empty() ? &none : reinterpret_cast<const unsigned char*>(secret.data());
  if (EVP_MAC_init(context.get(), bytes, secret.size(), parameters) != 1) return std::nullopt;
  for (const auto piece : pieces) {
    if (piece.empty()) continue;
    const auto* at = reinterpret_cast<const unsigned char*>(piece.data());
    if (EVP_MAC_update(context.get(), at, piece.size()) != 1) return std::nullopt;
  }
  Mac out;
  auto* room = reinterpret_cast<unsigned char*>(out.bytes.data());
  if (EVP_MAC_final(context.get(), room, &out.size, out.bytes.size()) != 1) return std::nullopt;
  return out;
}

bool equal_in_constant_time(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace hotswapd
