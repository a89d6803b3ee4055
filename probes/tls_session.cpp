#include "probes/tls_session.hpp"

#include <algorithm>
#include <utility>

namespace hotswapd {
namespace {

// One element of DER: its tag, and the whole of it with its header.
struct Element {
  unsigned char tag = 0;
  std::size_t header = 0;
  std::string_view whole;
};

// Tags of one byte and lengths of up to three: all that a session has.
std::optional<Element> first_element(std::string_view der) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(der[i]); };
  if (der.size() < 2) return std::nullopt;
  std::size_t header = 2;
  std::size_t length = byte(1);
  if (length >= 0x80) {
    const std::size_t count = length & 0x7fu;
    if (count == 0 || count > 3 || der.size() < 2 + count) return std::nullopt;
    header += count;
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length << 8 | byte(2 + i);
  }
  if (der.size() - header < length) return std::nullopt;
  return Element{byte(0), header, der.substr(0, header + length)};
}

std::string sequence_of(std::string_view content) {
  std::string out = "\x30";
  const auto size = content.size();
  if (size < 0x80) {
    out += static_cast<char>(size);
  } else if (size < 0x100) {
    out += '\x81';
    out += static_cast<char>(size);
  } else {
    out += '\x82';
    out += static_cast<char>(size >> 8);
    out += static_cast<char>(size & 0xff);
  }
  out += content;
  return out;
}

}  // namespace

std::string_view KeptSession::offer(const Moment& now, std::uint64_t trust) const {
  if (short_ones_ >= most_in_sequence || trust != trust_ || now.steady >= expires_) return {};
  if (certificate_ends_ && now.wall >= *certificate_ends_) return {};
  return bytes_;
}

void KeptSession::keep(TlsTicket ticket, const Moment& now, std::uint64_t trust, const Wish& wish) {
  if (ticket.resumed) {
    ++short_ones_;
  } else {
    short_ones_ = 0;
    trust_ = trust;
    certificate_ends_ = ticket.certificate_ends;
  }
  if (full_ones_left_ > 0) {
    --full_ones_left_;
    return forget();
  }
  const Seconds lifetime = std::min(ticket.lifetime, oldest);
  if (ticket.bytes.empty() || ticket.bytes.size() > largest || lifetime <= wish.interval ||
      wish.handshake > wish.timeout / (2 * share_of_time)) {
    return forget();
  }
  bytes_ = ticket.bytes;
  expires_ = now.steady + lifetime;
}

void KeptSession::forget() noexcept {
  bytes_ = {};
  expires_ = TimePoint();
}

void KeptSession::refused() noexcept {
  forget();
  full_ones_left_ = full_ones_after_refusal;
}

// The SEQUENCE of ssl/ssl_asn1.c: two versions, cipher, name and key of the session, then elements
// that may be absent.
std::string slim_session(std::string_view session) {
  constexpr unsigned char timeout_tag = 0xa2;
  constexpr unsigned char certificate_tag = 0xa3;
  constexpr unsigned char servers_context_tag = 0xa4;
  constexpr unsigned char host_name_tag = 0xa6;
  constexpr std::string_view is_tls13("\x02\x02\x03\x04");
  constexpr std::string_view no_name("\x04\x00", 2);
  const auto outer = first_element(session);
  if (!outer || outer->tag != 0x30 || outer->whole.size() != session.size()) return {};
  std::string_view rest = outer->whole.substr(outer->header);
  std::string kept;
  bool tls13 = false;
  for (int index = 0; !rest.empty(); ++index) {
    const auto element = first_element(rest);
    if (!element) return {};
    rest.remove_prefix(element->whole.size());
    if (index == 1) tls13 = element->whole == is_tls13;
    switch (element->tag) {
      case certificate_tag:
      case servers_context_tag:
      case host_name_tag:
        break;
      case timeout_tag:
        if (!tls13) kept += element->whole;
        break;
      default:
        kept += tls13 && index == 3 ? no_name : element->whole;
    }
  }
  return kept.size() > 0xffff ? std::string() : sequence_of(kept);
}

}  // namespace hotswapd
