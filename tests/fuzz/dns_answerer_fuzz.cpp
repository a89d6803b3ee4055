// Any packet to the embedded DNS: silence or an answer that is well formed, within its limit and
// about the question.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dns/answerer.hpp"
#include "dns/rdata.hpp"
#include "dns/zone_editor.hpp"
#include "tests/fuzz/check.hpp"

using namespace hotswapd;

namespace {

std::shared_ptr<const ZoneSnapshot> make_zones() {
  ZoneEditor editor;
  CHECK(editor.put_zone(
      {"fo.test", {{"ns1.fo.test", {"192.0.2.53", "2001:db8::53"}}, {"ns.x", {}}}, "h@fo.test"},
      7));
  CHECK(editor.put_zone({"b.fo.test", {{"ns.x", {}}}, "h@fo.test"}, 7));
  const auto add = [&](const char* zone, const char* fqdn, RecordSet set) {
    CHECK(editor.put_record({zone, fqdn}, set));
  };
  add("fo.test", "www.fo.test", {RecordType::a, 30, {"192.0.2.10", "192.0.2.11"}});
  add("fo.test", "a.b.c.fo.test", {RecordType::aaaa, 30, {"2001:db8::1"}});
  add("fo.test", "x.fo.test", {RecordType::cname, 30, {"y.fo.test"}});
  add("fo.test", "y.fo.test", {RecordType::cname, 30, {"z.b.fo.test"}});
  add("fo.test", "l.fo.test", {RecordType::cname, 30, {"l.fo.test"}});
  add("b.fo.test", "z.b.fo.test", {RecordType::a, 5, {"192.0.2.1"}});
  add("fo.test", "o.fo.test", {RecordType::cname, 30, {"elsewhere.test"}});
  add("fo.test", "d.fo.test", {RecordType::cname, 30, {"nothing.b.fo.test"}});
  RecordSet many{RecordType::a, 30, {}};
  for (int i = 0; i < 80; ++i) many.values.push_back("192.0.2." + std::to_string(i));
  add("fo.test", "m.fo.test", many);
  return editor.publish();
}

void check(std::span<const std::byte> packet, DnsTransport transport) {
  static const auto zones = make_zones();
  static std::vector<std::byte> room(wire::max_message);
  const auto out =
      std::span(room).first(transport == DnsTransport::udp ? max_udp_answer : wire::max_message);
  const auto done = answer_packet(packet, transport, *zones, out, {"text", "id"});
  const auto asked = wire::Reader(packet).header();
  CHECK((done.size == 0) == (!asked || asked->has(wire::Header::qr)));
  if (done.size == 0) return;
  CHECK(done.size <= out.size());
  const auto answer = out.first(done.size);

  wire::Reader reader(answer);
  const auto header = reader.header();
  CHECK(header.has_value());
  CHECK(header->id == asked->id && header->has(wire::Header::qr) &&
        header->opcode() == asked->opcode());
  CHECK(header->has(wire::Header::rd) == asked->has(wire::Header::rd));
  CHECK((header->flags & (wire::Header::ra | wire::Header::ad | wire::Header::cd | 0x0040)) == 0);
  CHECK(header->has(wire::Header::tc) == done.truncated);
  CHECK(header->count[0] <= 1);
  if (header->count[0] == 1) {
    CHECK(reader.question().has_value());
    CHECK(std::ranges::equal(answer.subspan(12, reader.position() - 12),
                             packet.subspan(12, reader.position() - 12)));
  }
  bool has_opt = false;
  for (int section = 1; section < 4; ++section) {
    for (unsigned i = 0; i < header->count[section]; ++i) {
      const auto record = reader.record();
      CHECK(record.has_value());
      if (record->type == wire::type::opt) {
        CHECK(section == 3 && !has_opt && wire::edns_of(*record));
        has_opt = true;
      }
    }
  }
  CHECK(reader.at_end());
  if (!has_opt && transport == DnsTransport::udp) CHECK(done.size <= min_udp_answer);
  if (done.truncated) CHECK(header->count[1] == 0 && header->count[2] == 0);

  const auto slipped = answer.first(slip_answer(answer));
  CHECK(slipped.size() >= 12 && slipped.size() <= done.size);
  wire::Reader again(slipped);
  CHECK(again.header()->has(wire::Header::tc));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto packet = std::as_bytes(std::span(data, size));
  check(packet, DnsTransport::udp);
  check(packet, DnsTransport::tcp);
  return 0;
}
