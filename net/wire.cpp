// The DNS message codec: the reader's checks and the writer's longer items.
#include "net/wire.hpp"

namespace hotswapd::wire {

const char* to_string(Rcode code) noexcept {
  switch (code) {
    case Rcode::noerror:
      return "NOERROR";
    case Rcode::formerr:
      return "FORMERR";
    case Rcode::servfail:
      return "SERVFAIL";
    case Rcode::nxdomain:
      return "NXDOMAIN";
    case Rcode::notimp:
      return "NOTIMP";
    case Rcode::refused:
      return "REFUSED";
    case Rcode::yxdomain:
      return "YXDOMAIN";
    case Rcode::yxrrset:
      return "YXRRSET";
    case Rcode::nxrrset:
      return "NXRRSET";
    case Rcode::notauth:
      return "NOTAUTH";
    case Rcode::notzone:
      return "NOTZONE";
    case Rcode::badvers:
      return "BADVERS";
  }
  return "an unknown code";
}

std::optional<std::span<const std::byte>> Reader::bytes(std::size_t count) noexcept {
  if (failed_ || count > message_.size() - at_) return fail();
  const auto out = message_.subspan(at_, count);
  at_ += count;
  return out;
}

std::optional<std::uint8_t> Reader::u8() noexcept {
  const auto raw = bytes(1);
  if (!raw) return std::nullopt;
  return std::to_integer<std::uint8_t>((*raw)[0]);
}

std::optional<std::uint16_t> Reader::u16() noexcept {
  const auto raw = bytes(2);
  if (!raw) return std::nullopt;
  return static_cast<std::uint16_t>(std::to_integer<unsigned>((*raw)[0]) << 8 |
                                    std::to_integer<unsigned>((*raw)[1]));
}

std::optional<std::uint32_t> Reader::u32() noexcept {
  const auto high = u16();
  const auto low = u16();
  if (!high || !low) return std::nullopt;
  return static_cast<std::uint32_t>(*high) << 16 | *low;
}

std::optional<Header> Reader::header() noexcept {
  const auto raw = bytes(header_size);
  if (!raw) return std::nullopt;
  const auto get = [&](std::size_t at) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>((*raw)[at]) << 8 |
                                      std::to_integer<unsigned>((*raw)[at + 1]));
  };
  Header out;
  out.id = get(0);
  out.flags = get(2);
  for (std::size_t i = 0; i < 4; ++i) out.count[i] = get(4 + 2 * i);
  return out;
}

std::optional<Name> Reader::name() noexcept {
  if (failed_) return std::nullopt;
  Name out;
  std::size_t at = at_;       // where we read
  std::size_t segment = at_;  // where the present run of labels began: pointers must lead before it
  std::size_t end = 0;        // behind the name as it stands here; 0 until the first pointer
  for (;;) {
    if (at >= message_.size()) return fail();
    const auto length = std::to_integer<std::uint8_t>(message_[at]);
    if (length == 0) break;
    if (length <= max_label) {
      if (length >= message_.size() - at) return fail();
      const auto* label = reinterpret_cast<const std::uint8_t*>(message_.data()) + at + 1;
      if (!out.append({label, length})) return fail();
      at += length + 1U;
      continue;
    }
    if ((length & 0xc0) != 0xc0 || message_.size() - at < 2) return fail();
    const std::size_t target =
        (length & 0x3fU) << 8 | std::to_integer<std::size_t>(message_[at + 1]);
    if (target >= segment || target < header_size) return fail();
    if (end == 0) end = at + 2;
    at = segment = target;
  }
  at_ = end == 0 ? at + 1 : end;
  return out;
}

std::optional<Question> Reader::question() noexcept {
  const auto owner = name();
  const auto type = u16();
  const auto klass = u16();
  if (!klass) return std::nullopt;
  return Question{*owner, *type, *klass};
}

std::optional<Record> Reader::record() noexcept {
  const auto owner = name();
  const auto type = u16();
  const auto klass = u16();
  const auto ttl = u32();
  const auto length = u16();
  if (!length) return std::nullopt;
  const std::size_t at = at_;
  const auto rdata = bytes(*length);
  if (!rdata) return std::nullopt;
  return Record{*owner, *type, *klass, *ttl, at, *rdata};
}

void Writer::header(const Header& value) noexcept {
  if (!room(header_size)) return;
  put16(at_, value.id);
  put16(at_ + 2, value.flags);
  for (std::size_t i = 0; i < 4; ++i) put16(at_ + 4 + 2 * i, value.count[i]);
  at_ += header_size;
}

void Writer::question(const Question& value) noexcept {
  name(value.name);
  u16(value.type);
  u16(value.klass);
}

void Writer::record(const Name& owner, std::uint16_t type, std::uint16_t klass, std::uint32_t ttl,
                    std::span<const std::byte> rdata) noexcept {
  begin_record(owner, type, klass, ttl);
  bytes(rdata);
  end_record();
}

void Writer::begin_record(const Name& owner, std::uint16_t type, std::uint16_t klass,
                          std::uint32_t ttl) noexcept {
  name(owner);
  u16(type);
  u16(klass);
  u32(ttl);
  rdlength_at_ = at_;
  u16(0);
}

void Writer::end_record() noexcept {
  if (!ok_) return;
  const std::size_t length = at_ - rdlength_at_ - 2;
  if (length > 0xffff) {
    ok_ = false;
    return;
  }
  put16(rdlength_at_, static_cast<std::uint16_t>(length));
}

}  // namespace hotswapd::wire
