// Any bytes through the DNS reader: what it accepts can be written and reads back the same.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "dns/proof.hpp"
#include "dns/rdata.hpp"
#include "net/wire.hpp"
#include "tests/fuzz/check.hpp"

using namespace hotswapd;

namespace {

void check_name(const wire::Name& name) {
  CHECK(name.size() >= 1 && name.size() <= wire::max_name);
  const auto again = wire::Name::from_text(name.text());
  CHECK(again.has_value());
  CHECK(std::equal(again->wire().begin(), again->wire().end(), name.wire().begin(),
                   name.wire().end()));
  wire::LookupName lookup;
  CHECK(lookup.parse(std::as_bytes(name.wire())));
  CHECK(lookup.size == name.size());
  wire::LookupName assigned;
  assigned.assign(name.wire());
  CHECK(assigned.labels == lookup.labels && assigned.hash[0] == lookup.hash[0]);
  CHECK(lookup.hash[0] == wire::hash_name(name.lowered().wire()));
  std::size_t parents = 0;
  for (auto up = name.parent(); up; up = up->parent()) {
    CHECK(name.is_under(*up));
    ++parents;
  }
  CHECK(parents == lookup.labels);
}

void check_record(std::span<const std::byte> message, const wire::Record& record) {
  check_name(record.owner);
  CHECK(record.rdata_at + record.rdata.size() <= message.size());
  if (const auto target = wire::target_of(message, record)) check_name(*target);
  if (const auto mx = wire::mx_of(message, record)) check_name(mx->exchange);
  if (const auto soa = wire::soa_of(message, record)) {
    check_name(soa->mname);
    check_name(soa->rname);
  }
  wire::strings_of(record);
  wire::edns_of(record);
  if (const auto value = wire::value_of(message, record)) {
    std::array<std::byte, 300> buffer;
    wire::Writer out(buffer);
    const bool known = record.type == wire::type::a || record.type == wire::type::aaaa ||
                       record.type == wire::type::cname;
    CHECK(known);
    CHECK(wire::put_value(out, static_cast<RecordType>(record.type), *value));
  }
  // Written out, in its uncompressed form, it reads back the same.
  std::array<std::byte, 66'000> buffer;
  wire::Writer out(buffer);
  out.header({});
  out.record(record.owner, record.type, record.klass, record.ttl, record.rdata);
  CHECK(out.ok());
  wire::Reader reader(out.written());
  reader.header();
  const auto again = reader.record();
  CHECK(again.has_value() && reader.at_end());
  CHECK(again->owner == record.owner && again->type == record.type && again->klass == record.klass);
  CHECK(again->ttl == record.ttl && std::ranges::equal(again->rdata, record.rdata));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = std::as_bytes(std::span(data, size));
  wire::Reader reader(message);
  const auto header = reader.header();
  if (!header) return 0;
  for (unsigned i = 0; i < header->count[0] && !reader.failed(); ++i) {
    if (const auto question = reader.question()) {
      check_name(question->name);
      // As an answer to its own question: a forger's best try.
      match_reply({header->id, question->name, question->type}, message);
    }
  }
  for (int section = 1; section < 4; ++section) {
    for (unsigned i = 0; i < header->count[section] && !reader.failed(); ++i) {
      if (const auto record = reader.record()) check_record(message, *record);
    }
  }
  CHECK(reader.position() <= size);
  return 0;
}
