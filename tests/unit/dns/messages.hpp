// Makes queries and takes answers apart, for the tests of the embedded DNS.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dns/rdata.hpp"
#include "net/wire.hpp"

namespace hotswapd::test {

using Bytes = std::vector<std::byte>;

inline Bytes bytes(std::initializer_list<int> values) {
  Bytes out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct QuerySpec {
  std::string name = "www.example.com";
  std::uint16_t type = wire::type::a;
  std::uint16_t klass = wire::klass::in;
  std::uint16_t flags = 0;  // opcode, RD and so on
  std::uint16_t id = 0x1234;
  std::optional<wire::Edns> edns;
};

inline wire::Name name_of(std::string_view text) {
  return wire::Name::from_text(text).value();
}

inline Bytes query(const QuerySpec& spec) {
  Bytes buffer(600);
  wire::Writer out(buffer);
  wire::Header header;
  header.id = spec.id;
  header.flags = spec.flags;
  header.count[0] = 1;
  header.count[3] = spec.edns ? 1 : 0;
  out.header(header);
  out.question({name_of(spec.name), spec.type, spec.klass});
  if (spec.edns) wire::put_opt(out, *spec.edns);
  buffer.resize(out.size());
  return buffer;
}

// An answer taken apart; EXPECTs that it can be, to the last byte.
struct Message {
  wire::Header header;
  std::vector<wire::Question> questions;
  std::vector<wire::Record> sections[3];  // the OPT record is not among them
  std::optional<wire::Edns> edns;
  Bytes raw;

  unsigned rcode() const { return header.rcode() | (edns ? edns->extended_rcode << 4 : 0U); }

  // "www.example.com 30 A 192.0.2.10" for each record of a section, in its order.
  std::vector<std::string> lines(int section) const {
    std::vector<std::string> out;
    for (const auto& r : sections[section]) {
      std::string line = r.owner.text() + " " + std::to_string(r.ttl) + " ";
      if (r.type == wire::type::soa) {
        const auto soa = wire::soa_of(raw, r);
        line += soa ? "SOA " + soa->mname.text() + " " + soa->rname.text() + " " +
                          std::to_string(soa->serial) + " " + std::to_string(soa->minimum)
                    : "SOA ?";
      } else if (r.type == wire::type::ns) {
        const auto host = wire::target_of(raw, r);
        line += "NS " + (host ? host->text() : "?");
      } else if (r.type == wire::type::hinfo || r.type == wire::type::txt) {
        line += r.type == wire::type::txt ? "TXT" : "HINFO";
        for (const auto& text : wire::strings_of(r).value_or(std::vector<std::string>{"?"}))
          line += " \"" + text + "\"";
      } else {
        line += r.type == wire::type::a ? "A " : r.type == wire::type::aaaa ? "AAAA " : "CNAME ";
        line += wire::value_of(raw, r).value_or("?");
      }
      out.push_back(line);
    }
    return out;
  }
};

inline Message parse(std::span<const std::byte> raw) {
  Message out;
  out.raw.assign(raw.begin(), raw.end());
  wire::Reader reader(out.raw);
  const auto header = reader.header();
  EXPECT_TRUE(header.has_value());
  if (!header) return out;
  out.header = *header;
  for (unsigned i = 0; i < header->count[0]; ++i) {
    const auto question = reader.question();
    EXPECT_TRUE(question.has_value());
    if (question) out.questions.push_back(*question);
  }
  for (int section = 0; section < 3; ++section) {
    for (unsigned i = 0; i < header->count[section + 1]; ++i) {
      const auto record = reader.record();
      EXPECT_TRUE(record.has_value());
      if (!record) return out;
      if (record->type == wire::type::opt) {
        EXPECT_FALSE(out.edns.has_value()) << "two OPT records";
        out.edns = wire::edns_of(*record);
        EXPECT_TRUE(out.edns.has_value());
      } else {
        out.sections[section].push_back(*record);
      }
    }
  }
  EXPECT_TRUE(reader.at_end()) << "bytes behind the message";
  return out;
}

}  // namespace hotswapd::test
