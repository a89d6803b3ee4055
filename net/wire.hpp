// The DNS message codec (RFC 1035, 2136, 6891): a reader that checks every step and a writer into a
// bounded buffer. Nothing here allocates, trusts a count or a length of the packet, or follows a
// pointer that is not strictly backwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "net/name.hpp"

namespace hotswapd::wire {

enum class Opcode : std::uint8_t { query = 0, notify = 4, update = 5 };

// Above 15 the upper eight bits travel in the OPT record.
enum class Rcode : std::uint16_t {
  noerror = 0,
  formerr = 1,
  servfail = 2,
  nxdomain = 3,
  notimp = 4,
  refused = 5,
  yxdomain = 6,
  yxrrset = 7,
  nxrrset = 8,
  notauth = 9,
  notzone = 10,
  badvers = 16,
};

const char* to_string(Rcode code) noexcept;  // "NXDOMAIN"; "an unknown code" for the rest

namespace type {
inline constexpr std::uint16_t a = 1, ns = 2, cname = 5, soa = 6, ptr = 12, hinfo = 13, mx = 15,
                               txt = 16, aaaa = 28, opt = 41, tsig = 250, ixfr = 251, axfr = 252,
                               any = 255;
}
namespace klass {
inline constexpr std::uint16_t in = 1, chaos = 3, none = 254, any = 255;
}

inline constexpr std::size_t header_size = 12;
inline constexpr std::size_t max_message = 65535;  // what the two-byte length of TCP can say

struct Header {
  static constexpr std::uint16_t qr = 0x8000, aa = 0x0400, tc = 0x0200, rd = 0x0100, ra = 0x0080,
                                 ad = 0x0020, cd = 0x0010;

  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  // Questions, answers, authorities, additionals; in an UPDATE zone, prerequisites, updates,
  // additionals.
  std::uint16_t count[4] = {0, 0, 0, 0};

  bool has(std::uint16_t flag) const noexcept { return (flags & flag) != 0; }
  std::uint8_t opcode() const noexcept { return static_cast<std::uint8_t>((flags >> 11) & 0x0f); }
  std::uint8_t rcode() const noexcept { return static_cast<std::uint8_t>(flags & 0x0f); }
};

struct Question {
  Name name;
  std::uint16_t type = 0;
  std::uint16_t klass = klass::in;
};

// One record of any section. `rdata` points into the message and lies wholly inside it.
struct Record {
  Name owner;
  std::uint16_t type = 0;
  std::uint16_t klass = klass::in;
  std::uint32_t ttl = 0;
  std::size_t rdata_at = 0;  // its offset in the message, for names that are compressed
  std::span<const std::byte> rdata;
};

// Steps through a message. Each call either takes a whole item or returns nullopt and takes nothing
// more for good.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> message) noexcept : message_(message) {}

  std::optional<std::uint8_t> u8() noexcept;
  std::optional<std::uint16_t> u16() noexcept;
  std::optional<std::uint32_t> u32() noexcept;
  std::optional<std::span<const std::byte>> bytes(std::size_t count) noexcept;

  std::optional<Header> header() noexcept;
  std::optional<Name> name() noexcept;  // compression followed
  std::optional<Question> question() noexcept;
  std::optional<Record> record() noexcept;

  bool failed() const noexcept { return failed_; }
  bool at_end() const noexcept { return !failed_ && at_ == message_.size(); }
  std::size_t position() const noexcept { return at_; }
  std::span<const std::byte> message() const noexcept { return message_; }

 private:
  std::nullopt_t fail() noexcept {
    failed_ = true;
    at_ = message_.size();
    return std::nullopt;
  }

  std::span<const std::byte> message_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

// Writes into a buffer of the caller. What does not fit is not written, and ok() is false from then
// on until rewind().
class Writer {
 public:
  explicit Writer(std::span<std::byte> buffer) noexcept : buffer_(buffer) {}

  void u8(std::uint8_t value) noexcept {
    if (!room(1)) return;
    buffer_[at_++] = std::byte{value};
  }
  void u16(std::uint16_t value) noexcept {
    if (!room(2)) return;
    put16(at_, value);
    at_ += 2;
  }
  void u32(std::uint32_t value) noexcept {
    if (!room(4)) return;
    put16(at_, static_cast<std::uint16_t>(value >> 16));
    put16(at_ + 2, static_cast<std::uint16_t>(value));
    at_ += 4;
  }
  void bytes(std::span<const std::byte> data) noexcept {
    if (data.empty() || !room(data.size())) return;
    std::memcpy(buffer_.data() + at_, data.data(), data.size());
    at_ += data.size();
  }
  void name(const Name& value) noexcept { bytes(std::as_bytes(value.wire())); }
  void pointer(std::size_t offset) noexcept {  // offset < 0x4000
    u16(static_cast<std::uint16_t>(0xc000U | offset));
  }

  void header(const Header& value) noexcept;
  void question(const Question& value) noexcept;
  void record(const Name& owner, std::uint16_t type, std::uint16_t klass, std::uint32_t ttl,
              std::span<const std::byte> rdata) noexcept;
  // For RDATA of unknown length: what is written between the two calls is the RDATA.
  void begin_record(const Name& owner, std::uint16_t type, std::uint16_t klass,
                    std::uint32_t ttl) noexcept;
  void end_record() noexcept;

  // Changes two bytes that were written before.
  void patch16(std::size_t offset, std::uint16_t value) noexcept {
    if (offset + 2 <= at_) put16(offset, value);
  }
  // Forgets what was written from `offset` on; a failure is forgotten with it.
  void rewind(std::size_t offset) noexcept {
    if (offset <= at_) at_ = offset;
    ok_ = true;
  }
  void fail() noexcept { ok_ = false; }

  bool ok() const noexcept { return ok_; }
  std::size_t size() const noexcept { return at_; }
  std::span<const std::byte> written() const noexcept { return buffer_.first(at_); }

 private:
  bool room(std::size_t count) noexcept {
    if (count > buffer_.size() - at_) ok_ = false;
    return ok_;
  }
  void put16(std::size_t offset, std::uint16_t value) noexcept {
    buffer_[offset] = static_cast<std::byte>(value >> 8);
    buffer_[offset + 1] = static_cast<std::byte>(value & 0xff);
  }

  std::span<std::byte> buffer_;
  std::size_t at_ = 0;
  std::size_t rdlength_at_ = 0;
  bool ok_ = true;
};

}  // namespace hotswapd::wire
