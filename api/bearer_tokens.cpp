#include "api/bearer_tokens.hpp"

#include "net/hmac.hpp"

namespace hotswapd {

void BearerTokens::configure(const std::vector<BearerToken>& tokens) {
  entries_.clear();
  for (const auto& token : tokens)
    entries_.push_back({token.name, sha256(token.token.reveal()), token.scope});
}

const BearerTokens::Entry* BearerTokens::find(const Secret& token) const {
  const Sha256 digest = sha256(token.reveal());
  const Entry* found = nullptr;
  for (const auto& entry : entries_) {
    if (equal_in_constant_time(entry.digest, digest)) found = &entry;
  }
  return found;
}

}  // namespace hotswapd
