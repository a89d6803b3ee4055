// Dynamic updates (RFC 2136).
#include "dns/update_message.hpp"

#include <algorithm>
#include <array>

#include "core/text.hpp"
#include "dns/generation_mark.hpp"
#include "dns/rdata.hpp"

namespace hotswapd {
namespace {

using wire::Name;
using wire::Writer;

constexpr std::array address_types{RecordType::a, RecordType::aaaa, RecordType::cname};

// What a name may have beside addresses and not beside a CNAME. Where one of these is, servers take
// the addresses out, pass over the CNAME without a word, and leave the name empty: NS SOA PTR HINFO
// MX TXT RP AFSDB LOC SRV NAPTR DNAME DS SSHFP TLSA SMIMEA OPENPGPKEY SVCB HTTPS SPF URI CAA.
constexpr auto apart_from_cname = std::to_array<std::uint16_t>(
    {2, 6, 12, 13, 15, 16, 17, 18, 29, 33, 35, 39, 43, 44, 52, 53, 61, 64, 65, 99, 256, 257});

std::uint16_t number(RecordType type) {
  return static_cast<std::uint16_t>(type);
}

// The writer of one section, which counts what it writes.
class Section {
 public:
  Section(Writer& out, std::uint16_t& count) : out_(out), count_(count) {}

  void empty(const Name& name, std::uint16_t type, std::uint16_t klass) {
    out_.record(name, type, klass, 0, {});
    ++count_;
  }
  void values(const Name& name, const RecordSet& set, std::uint32_t ttl) {
    for (const auto& value : set.values) {
      out_.begin_record(name, number(set.type), wire::klass::in, ttl);
      if (!wire::put_value(out_, set.type, value)) out_.fail();
      out_.end_record();
      ++count_;
    }
  }
  void text(const Name& name, const std::string& text, std::uint32_t ttl) {
    out_.begin_record(name, wire::type::txt, wire::klass::in, ttl);
    if (!wire::put_string(out_, text)) out_.fail();
    out_.end_record();
    ++count_;
  }

 private:
  Writer& out_;
  std::uint16_t& count_;
};

// CNAME stands alone at its name, so its absence need not be asked for beside an address.
bool may_stand_beside(RecordType expected, RecordType other) {
  return expected != other && expected != RecordType::cname && other != RecordType::cname;
}

void put_prerequisites(Section section, const SwapPlan& plan, const Name& name) {
  if (plan.expect) section.values(name, *plan.expect, 0);
  for (const auto type : address_types) {
    if (!plan.expect || may_stand_beside(plan.expect->type, type))
      section.empty(name, number(type), wire::klass::none);
  }
  // Beside a CNAME that is there already nothing else can be.
  const bool was_cname = plan.expect && plan.expect->type == RecordType::cname;
  if (plan.want.type != RecordType::cname || was_cname) return;
  for (const auto type : apart_from_cname) section.empty(name, type, wire::klass::none);
}

void put_updates(Section section, const SwapPlan& plan, const Name& name) {
  if (plan.expect && plan.expect->type != plan.want.type)
    section.empty(name, number(plan.expect->type), wire::klass::any);
  section.empty(name, number(plan.want.type), wire::klass::any);
  section.values(name, plan.want, plan.want.ttl);
}

std::string seconds_apart(std::uint64_t theirs, std::uint64_t ours) {
  const auto apart = theirs > ours ? theirs - ours : ours - theirs;
  return std::to_string(apart) + " s " + (theirs > ours ? "ahead of" : "behind") + " ours";
}

}  // namespace

Fallible<std::vector<std::byte>> encode_update(std::uint16_t id, const SwapPlan& plan,
                                               WriteGuard guard,
                                               const std::optional<std::string>& mark) {
  const auto name = Name::from_text(plan.key.fqdn);
  const auto zone = Name::from_text(plan.key.zone);
  const auto beside = name ? mark_name(*name) : std::nullopt;
  const bool marks = guard == WriteGuard::generation;
  if (!name || !zone || !name->is_under(*zone) || (marks && !beside)) {
    return Error{errc::invalid_argument, clean(plan.key.fqdn) + " is no name in the zone " +
                                             clean(plan.key.zone) + " that a record can have"};
  }
  if (plan.want.values.empty() || (plan.expect && plan.expect->values.empty())) {
    return Error{errc::invalid_argument, "a set without a record is never written"};
  }
  std::vector<std::byte> out(wire::max_message);
  Writer writer(out);
  wire::Header header;
  header.id = id;
  header.flags = static_cast<std::uint16_t>(static_cast<unsigned>(wire::Opcode::update) << 11);
  header.count[0] = 1;
  writer.header(header);
  writer.question({*zone, wire::type::soa, wire::klass::in});

  Section prerequisites(writer, header.count[1]);
  put_prerequisites(prerequisites, plan, *name);
  if (marks && mark) prerequisites.text(*beside, *mark, 0);
  if (marks && !mark) prerequisites.empty(*beside, wire::type::txt, wire::klass::none);

  Section updates(writer, header.count[2]);
  put_updates(updates, plan, *name);
  if (marks) {
    updates.empty(*beside, wire::type::txt, wire::klass::any);
    updates.text(*beside, to_string(mark_of(plan.generation, plan.op, plan.want)), plan.want.ttl);
  }
  if (!writer.ok()) {
    return Error{errc::invalid_argument,
                 "the update does not fit in a message, or holds what is "
                 "no value: " +
                     clean(to_string(plan.want))};
  }
  writer.patch16(4 + 2 * 1, header.count[1]);
  writer.patch16(4 + 2 * 2, header.count[2]);
  out.resize(writer.size());
  return out;
}

std::optional<UpdateReply> match_update_reply(std::uint16_t id, const Name& zone,
                                              std::span<const std::byte> message) {
  wire::Reader reader(message);
  const auto header = reader.header();
  if (!header || header->id != id || !header->has(wire::Header::qr) ||
      header->opcode() != static_cast<std::uint8_t>(wire::Opcode::update) || header->count[0] > 1) {
    return std::nullopt;
  }
  // The sections of an answer may be empty or copies of the request's (RFC 2136 3.8).
  if (header->count[0] == 1) {
    const auto asked = reader.question();
    if (!asked || !(asked->name == zone) || asked->type != wire::type::soa) return std::nullopt;
  }
  for (int section = 1; section < 4; ++section) {
    for (unsigned left = header->count[section]; left > 0; --left) {
      if (!reader.record()) return std::nullopt;
    }
  }
  UpdateReply out;
  out.rcode = static_cast<wire::Rcode>(header->rcode());
  return out;
}

const char* to_string(UpdateClass what) noexcept {
  switch (what) {
    case UpdateClass::applied:
      return "applied";
    case UpdateClass::lost_race:
      return "lost race";
    case UpdateClass::clock:
      return "clock";
    case UpdateClass::configuration:
      return "configuration";
    case UpdateClass::server_ill:
      return "server ill";
    case UpdateClass::unreached:
      return "unreached";
    case UpdateClass::unknown:
      break;
  }
  return "unknown";
}

UpdateClass classify(const UpdateReply& reply) noexcept {
  using tsig::Status;
  using wire::Rcode;
  const auto status = reply.tsig ? reply.tsig->status : Status::verified;
  if (status == Status::clock_differs) return UpdateClass::clock;
  if (status == Status::key_unknown || status == Status::secret_wrong)
    return UpdateClass::configuration;
  const bool proved = status == Status::verified;
  switch (reply.rcode) {
    case Rcode::noerror:
      return proved ? UpdateClass::applied : UpdateClass::unknown;
    case Rcode::nxdomain:
    case Rcode::yxdomain:
    case Rcode::yxrrset:
    case Rcode::nxrrset:
      return proved ? UpdateClass::lost_race : UpdateClass::unknown;
    case Rcode::servfail:
      return proved ? UpdateClass::server_ill : UpdateClass::unknown;
    case Rcode::refused:
    case Rcode::notauth:
    case Rcode::notzone:
    case Rcode::notimp:
    case Rcode::formerr:
      // Servers do not sign for those whom they do not know: believed as a reason for slowness
      // alone, since whoever acts on it reads the record back first.
      return proved || status == Status::not_signed ? UpdateClass::configuration
                                                    : UpdateClass::unknown;
    case Rcode::badvers:
      break;
  }
  return UpdateClass::unknown;
}

bool may_try_another(UpdateClass what) noexcept {
  return what == UpdateClass::server_ill || what == UpdateClass::unreached ||
         what == UpdateClass::configuration;
}

SwapOutcome outcome_of(UpdateClass what) noexcept {
  switch (what) {
    case UpdateClass::applied:
      return SwapOutcome::applied;
    case UpdateClass::lost_race:
      return SwapOutcome::conflict;
    case UpdateClass::configuration:
      return SwapOutcome::refused;
    case UpdateClass::clock:
    case UpdateClass::server_ill:
    case UpdateClass::unreached:
      return SwapOutcome::failed;
    case UpdateClass::unknown:
      break;
  }
  return SwapOutcome::unknown;
}

Hint hint_of(const UpdateReply& reply, std::uint64_t now) noexcept {
  Hint out;
  const auto what = classify(reply);
  if (what == UpdateClass::configuration) out.hurdle = Hurdle::configuration;
  if (what != UpdateClass::clock) return out;
  out.hurdle = Hurdle::clock;
  if (reply.tsig && reply.tsig->server_time)
    out.skew = Seconds(static_cast<std::int64_t>(now) -
                       static_cast<std::int64_t>(*reply.tsig->server_time));
  return out;
}

std::string describe(const UpdateReply& reply, std::uint64_t now) {
  std::string out = std::string("answers ") + wire::to_string(reply.rcode);
  if (!reply.tsig || reply.tsig->status == tsig::Status::verified) return out;
  if (reply.tsig->status == tsig::Status::clock_differs && reply.tsig->server_time) {
    return out + ", BADTIME: its clock is " + seconds_apart(*reply.tsig->server_time, now);
  }
  return out + "; " + tsig::to_string(reply.tsig->status);
}

}  // namespace hotswapd
