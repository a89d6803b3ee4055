// The bearer tokens of the configuration, kept as digests: whose is this one, and what may it do.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/secret.hpp"
#include "net/sha256.hpp"

namespace hotswapd {

// What a request may do. Each contains the one before.
enum class ApiScope : std::uint8_t { read, operate };

struct BearerToken {
  std::string name;
  Secret token;
  ApiScope scope = ApiScope::read;
};

class BearerTokens {
 public:
  struct Entry {
    std::string name;
    Sha256 digest{};
    ApiScope scope = ApiScope::read;
  };

  void configure(const std::vector<BearerToken>& tokens);
  // Null: nobody's. Takes the same time whichever it is.
  const Entry* find(const Secret& token) const;

 private:
  std::vector<Entry> entries_;
};

}  // namespace hotswapd
