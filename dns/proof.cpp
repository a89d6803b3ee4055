// The proof query and what its answer says.
#include "dns/proof.hpp"

#include <algorithm>
#include <array>

#include "core/text.hpp"

namespace hotswapd {
namespace {

std::string describe(const std::vector<RecordSet>& sets) {
  std::string out;
  for (const auto& set : sets) {
    if (!out.empty()) out += " and ";
    out += to_string(set);
  }
  return clean(out);
}

void add_value(std::vector<RecordSet>& sets, RecordType type, std::uint32_t ttl,
               std::string value) {
  auto set = std::find_if(sets.begin(), sets.end(), [&](const auto& s) { return s.type == type; });
  if (set == sets.end()) set = sets.insert(set, RecordSet{type, ttl, {}});
  set->ttl = std::max(set->ttl, ttl);
  if (std::find(set->values.begin(), set->values.end(), value) == set->values.end()) {
    set->values.push_back(std::move(value));
  }
}

}  // namespace

std::vector<std::byte> encode(const AuthQuestion& question) {
  std::vector<std::byte> out(wire::header_size + wire::max_name + 4);
  wire::Writer writer(out);
  wire::Header header;
  header.id = question.id;
  if (question.recursive) header.flags |= wire::Header::rd;
  header.count[0] = 1;
  writer.header(header);
  writer.question({question.name, question.type, wire::klass::in});
  out.resize(writer.size());
  return out;
}

std::optional<AuthReply> match_reply(const AuthQuestion& question,
                                     std::span<const std::byte> message) {
  wire::Reader reader(message);
  const auto header = reader.header();
  if (!header || header->id != question.id || !header->has(wire::Header::qr) ||
      header->opcode() != 0) {
    return std::nullopt;
  }
  AuthReply out;
  out.rcode = static_cast<wire::Rcode>(header->rcode());
  out.authoritative = header->has(wire::Header::aa);
  out.truncated = header->has(wire::Header::tc);
  // Servers that could not read a question answer with the header alone.
  if (header->count[0] == 0 && out.rcode != wire::Rcode::noerror) return out;
  if (header->count[0] != 1) return std::nullopt;
  const auto asked = reader.question();
  if (!asked || asked->type != question.type || asked->klass != wire::klass::in)
    return std::nullopt;
  const auto got = asked->name.wire();
  const auto sent = question.name.wire();
  if (!std::equal(got.begin(), got.end(), sent.begin(), sent.end()))
    return std::nullopt;  // to the letter
  if (out.truncated) return out;
  for (unsigned left = header->count[1]; left > 0; --left) {
    const auto record = reader.record();
    if (!record) return std::nullopt;
    if (record->klass != wire::klass::in || !(record->owner == question.name)) continue;
    if (record->type == wire::type::soa) {
      const auto soa = wire::soa_of(message, *record);
      if (!soa) return std::nullopt;
      out.serial = soa->serial;
      continue;
    }
    if (record->type == wire::type::txt) {
      auto strings = wire::strings_of(*record);
      if (!strings) return std::nullopt;
      out.texts.push_back(std::move(*strings));
      continue;
    }
    if (record->type == wire::type::ns) {
      const auto server = wire::target_of(message, *record);
      if (!server) return std::nullopt;
      out.name_servers.push_back(*server);
      continue;
    }
    const bool known = record->type == wire::type::a || record->type == wire::type::aaaa ||
                       record->type == wire::type::cname;
    if (!known) continue;
    auto value = wire::value_of(message, *record);
    if (!value) return std::nullopt;
    add_value(out.sets, static_cast<RecordType>(record->type), record->ttl, std::move(*value));
  }
  return out;
}

void judge(const AuthReply& reply, const RecordSet& want, ServerEvidence& evidence) {
  evidence.proved = false;
  const std::string wants = ", wants " + clean(to_string(want));
  if (reply.rcode != wire::Rcode::noerror) {
    evidence.detail = std::string("answers ") + wire::to_string(reply.rcode) + wants;
    return;
  }
  const std::string answers = reply.sets.empty()
                                  ? std::string("answers that there is no such record")
                                  : "answers " + describe(reply.sets);
  if (!reply.authoritative) {
    evidence.detail = answers + " without authority (no AA): it does not serve the zone itself";
    return;
  }
  const bool same = reply.sets.size() == 1 && reply.sets[0].same_values(want);
  if (!same || reply.sets[0].ttl > want.ttl) {
    evidence.detail = answers + wants;
    return;
  }
  evidence.proved = true;
  evidence.detail = answers;
}

}  // namespace hotswapd
