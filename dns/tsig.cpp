// TSIG (RFC 8945).
#include "dns/tsig.hpp"

#include <algorithm>
#include <array>

namespace hotswapd::tsig {
namespace {

using wire::Name;
using wire::Reader;
using wire::Writer;

const Name& algorithm_name(MacAlgorithm algorithm) {
  static const std::array<Name, 5> names = [] {
    std::array<Name, 5> out;
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = *Name::from_text(to_string(static_cast<MacAlgorithm>(i)));
    return out;
  }();
  return names[static_cast<std::size_t>(algorithm)];
}

// The record's RDATA without the algorithm's name.
struct Fields {
  std::uint64_t time = 0;
  std::uint16_t fudge = 0;
  std::span<const std::byte> mac;
  std::uint16_t original_id = 0;
  std::uint16_t error = 0;
  std::span<const std::byte> other;
};

void put_time(Writer& out, std::uint64_t time) {
  out.u16(static_cast<std::uint16_t>(time >> 32));
  out.u32(static_cast<std::uint32_t>(time));
}

std::optional<std::uint64_t> take_time(Reader& in) {
  const auto high = in.u16();
  const auto low = in.u32();
  if (!high || !low) return std::nullopt;
  return static_cast<std::uint64_t>(*high) << 32 | *low;
}

// What the MAC covers behind the message (RFC 8945 4.3.3): names in lower case, uncompressed.
std::size_t put_variables(std::span<std::byte> room, const Key& key, const Fields& fields) {
  Writer out(room);
  out.name(key.name.lowered());
  out.u16(wire::klass::any);
  out.u32(0);
  out.name(algorithm_name(key.algorithm));
  put_time(out, fields.time);
  out.u16(fields.fudge);
  out.u16(fields.error);
  out.u16(static_cast<std::uint16_t>(fields.other.size()));
  out.bytes(fields.other);
  return out.ok() ? out.size() : 0;
}

constexpr std::size_t longest_other = 64;  // a time, in practice
using VariablesRoom = std::array<std::byte, 2 * wire::max_name + 18 + longest_other>;

struct Found {
  wire::Record record;
  std::size_t at = 0;  // where it begins
  Name algorithm;
  Fields fields;
};

enum class Search : std::uint8_t { found, none, malformed };

// The TSIG of a message: the last record of the additional section, at the very end.
Search find(std::span<const std::byte> message, Found& out) {
  Reader reader(message);
  const auto header = reader.header();
  if (!header) return Search::malformed;
  for (unsigned left = header->count[0]; left > 0; --left) {
    if (!reader.question()) return Search::malformed;
  }
  bool found = false;
  for (int section = 1; section < 4; ++section) {
    for (unsigned left = header->count[section]; left > 0; --left) {
      const auto begins = reader.position();
      const auto record = reader.record();
      if (!record || found) return Search::malformed;
      if (record->type != wire::type::tsig) continue;
      if (section != 3 || left != 1) return Search::malformed;
      found = true;
      out.record = *record;
      out.at = begins;
    }
  }
  if (!reader.at_end()) return Search::malformed;
  if (!found) return Search::none;
  if (out.record.klass != wire::klass::any || out.record.ttl != 0) return Search::malformed;
  Reader rdata(message);
  rdata.bytes(out.record.rdata_at);
  const auto algorithm = rdata.name();
  const auto time = take_time(rdata);
  const auto fudge = rdata.u16();
  const auto mac_length = rdata.u16();
  if (!algorithm || !time || !fudge || !mac_length) return Search::malformed;
  const auto mac = rdata.bytes(*mac_length);
  const auto original_id = rdata.u16();
  const auto error = rdata.u16();
  const auto other_length = rdata.u16();
  if (!mac || !original_id || !error || !other_length) return Search::malformed;
  const auto other = rdata.bytes(*other_length);
  if (!other || !rdata.at_end() || other->size() > longest_other) return Search::malformed;
  out.algorithm = *algorithm;
  out.fields = {*time, *fudge, *mac, *original_id, *error, *other};
  return Search::found;
}

std::array<std::byte, 2> two_bytes(std::size_t value) {
  return {static_cast<std::byte>(value >> 8), static_cast<std::byte>(value)};
}

bool fits(std::span<const std::byte> answer, const Found& found, const Key& key,
          const Mac& request_mac) {
  std::array<std::byte, wire::header_size> header;
  std::copy_n(answer.begin(), header.size(), header.begin());
  const auto id = two_bytes(found.fields.original_id);
  const auto additional = two_bytes(
      (std::to_integer<std::size_t>(header[10]) << 8 | std::to_integer<std::size_t>(header[11])) -
      1);
  std::copy(id.begin(), id.end(), header.begin());
  std::copy(additional.begin(), additional.end(), header.begin() + 10);
  VariablesRoom variables;
  const auto size = put_variables(variables, key, found.fields);
  const auto length = two_bytes(request_mac.size);
  const auto own = hmac(
      key.algorithm, key.secret,
      {length, request_mac.view(), header, answer.subspan(header.size(), found.at - header.size()),
       std::span(variables).first(size)});
  return own && size > 0 &&
         equal_in_constant_time(own->view().first(found.fields.mac.size()), found.fields.mac);
}

}  // namespace

const char* to_string(MacAlgorithm algorithm) noexcept {
  switch (algorithm) {
    case MacAlgorithm::hmac_sha1:
      return "hmac-sha1";
    case MacAlgorithm::hmac_sha224:
      return "hmac-sha224";
    case MacAlgorithm::hmac_sha256:
      return "hmac-sha256";
    case MacAlgorithm::hmac_sha384:
      return "hmac-sha384";
    case MacAlgorithm::hmac_sha512:
      break;
  }
  return "hmac-sha512";
}

const char* to_string(Status status) noexcept {
  switch (status) {
    case Status::verified:
      return "the answer is signed";
    case Status::clock_differs:
      return "the server's clock and ours differ too much (BADTIME)";
    case Status::out_of_window:
      return "the answer was signed at another time than now";
    case Status::truncated:
      return "the signature is cut too short";
    case Status::not_signed:
      return "the answer is not signed";
    case Status::key_unknown:
      return "the server does not know our key by that name and algorithm (BADKEY)";
    case Status::secret_wrong:
      return "the server has another secret for our key (BADSIG)";
    case Status::other_key:
      return "the answer is signed with another key";
    case Status::mac_wrong:
      return "the answer's signature is wrong";
    case Status::malformed:
      break;
  }
  return "the answer's signature is malformed";
}

std::optional<Mac> sign(std::vector<std::byte>& message, const Key& key, std::uint64_t now) {
  if (message.size() < wire::header_size) return std::nullopt;
  Fields fields;
  fields.time = now;
  fields.fudge = key.fudge;
  fields.original_id = static_cast<std::uint16_t>(std::to_integer<unsigned>(message[0]) << 8 |
                                                  std::to_integer<unsigned>(message[1]));
  VariablesRoom variables;
  const auto size = put_variables(variables, key, fields);
  const auto mac = hmac(key.algorithm, key.secret, {message, std::span(variables).first(size)});
  if (!mac || size == 0) return std::nullopt;

  std::array<std::byte, 2 * wire::max_name + 26 + 64> room;
  Writer out(room);
  out.begin_record(key.name, wire::type::tsig, wire::klass::any, 0);
  out.name(algorithm_name(key.algorithm));
  put_time(out, fields.time);
  out.u16(fields.fudge);
  out.u16(static_cast<std::uint16_t>(mac->size));
  out.bytes(mac->view());
  out.u16(fields.original_id);
  out.u16(0);
  out.u16(0);
  out.end_record();
  if (!out.ok() || message.size() + out.size() > wire::max_message) return std::nullopt;
  const auto records =
      (std::to_integer<std::size_t>(message[10]) << 8 | std::to_integer<std::size_t>(message[11])) +
      1;
  const auto count = two_bytes(records);
  std::copy(count.begin(), count.end(), message.begin() + 10);
  message.insert(message.end(), out.written().begin(), out.written().end());
  return mac;
}

Verdict verify(std::span<const std::byte> answer, const Key& key, const Mac& request_mac,
               std::uint64_t now) {
  Found found;
  switch (find(answer, found)) {
    case Search::malformed:
      return {Status::malformed, {}};
    case Search::none:
      return {Status::not_signed, {}};
    case Search::found:
      break;
  }
  const auto& fields = found.fields;
  if (fields.mac.empty()) {
    if (fields.error == code::badkey) return {Status::key_unknown, {}};
    if (fields.error == code::badsig) return {Status::secret_wrong, {}};
    return {Status::not_signed, {}};
  }
  if (!(found.record.owner == key.name) || !(found.algorithm == algorithm_name(key.algorithm)))
    return {Status::other_key, {}};
  const auto whole = mac_size(key.algorithm);
  if (fields.mac.size() > whole) return {Status::malformed, {}};
  if (fields.mac.size() < std::max<std::size_t>(10, (whole + 1) / 2))
    return {Status::truncated, {}};
  if (!fits(answer, found, key, request_mac)) return {Status::mac_wrong, {}};
  if (fields.error == code::badtime) {
    Reader other(fields.other);
    const auto time = take_time(other);
    if (!other.at_end()) return {Status::malformed, {}};
    return {Status::clock_differs, time};
  }
  if (fields.error == code::badtrunc) return {Status::truncated, {}};
  const auto apart = now > fields.time ? now - fields.time : fields.time - now;
  if (apart > fields.fudge) return {Status::out_of_window, {}};
  return {Status::verified, {}};
}

}  // namespace hotswapd::tsig
