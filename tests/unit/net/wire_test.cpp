// The codec: what is written reads back, and nothing malformed gets through.
#include "net/wire.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/dns/messages.hpp"

namespace hotswapd::wire {
namespace {

using test::bytes;
using test::Bytes;
using test::name_of;
using test::operator+;

const Bytes blank_header(12);

std::optional<Name> read_name(const Bytes& behind_header) {
  const Bytes raw = blank_header + behind_header;
  Reader reader(raw);
  reader.header();
  return reader.name();
}

TEST(WireReader, NameFollowsPointersBackwards) {
  const Bytes raw = blank_header + bytes({3, 'c', 'o', 'm', 0, 1, 'b', 0xc0, 12, 1, 'a', 0xc0, 17});
  Reader reader(raw);
  reader.header();
  EXPECT_EQ(reader.name()->text(), "com");
  EXPECT_EQ(reader.name()->text(), "b.com");
  EXPECT_EQ(reader.name()->text(), "a.b.com");
  EXPECT_TRUE(reader.at_end());
}

TEST(WireReader, MalformedNamesAreRefused) {
  struct Row {
    const char* what;
    Bytes name;
  };
  const Row rows[] = {
      {"nothing", {}},
      {"cut label", bytes({5, 'a', 'b'})},
      {"no root", bytes({1, 'a'})},
      {"label type 01", bytes({0x41, 'a', 0})},
      {"label type 10", bytes({0x81, 'a', 0})},
      {"half a pointer", bytes({0xc0})},
      {"pointer to itself", bytes({0xc0, 12})},
      {"pointer forwards", bytes({0xc0, 14, 1, 'a', 0})},
      {"pointer behind the message", bytes({0xff, 0xff})},
      {"pointer into the header", bytes({0xc0, 0})},
      {"loop through a label", bytes({1, 'a', 0xc0, 12})},
      {"pointer into the same name", bytes({1, 'a', 1, 'b', 0xc0, 14})},
  };
  for (const auto& row : rows) EXPECT_FALSE(read_name(row.name).has_value()) << row.what;
}

TEST(WireReader, ExpansionAbove255BytesIsRefused) {
  Bytes raw = blank_header;
  for (int i = 0; i < 4; ++i) raw = raw + bytes({62}) + Bytes(62, std::byte{'x'});
  raw.back() = std::byte{'x'};
  raw = raw + bytes({0});  // 4 * 63 + 1 = 253 bytes
  const auto at = raw.size();
  raw = raw + bytes({1, 'y', 0xc0, 12}) + bytes({2, 'y', 'y', 0xc0, 12});
  Reader reader(raw);
  reader.header();
  EXPECT_TRUE(reader.name().has_value());
  ASSERT_EQ(reader.position(), at);
  EXPECT_EQ(reader.name()->size(), 255U);
  EXPECT_FALSE(reader.name().has_value());
}

TEST(WireReader, AfterAFailureNothingMoreIsRead) {
  const Bytes raw = bytes({1, 2, 3});
  Reader reader(raw);
  EXPECT_FALSE(reader.u32().has_value());
  EXPECT_TRUE(reader.failed());
  EXPECT_FALSE(reader.u8().has_value());
  EXPECT_FALSE(reader.at_end());
  EXPECT_FALSE(reader.bytes(0).has_value());
}

TEST(WireReader, RdataLongerThanTheMessageIsRefused) {
  const Bytes raw = bytes({0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4});
  Reader reader(raw);
  EXPECT_FALSE(reader.record().has_value());
  const Bytes exact = bytes({0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4});
  Reader good(exact);
  ASSERT_TRUE(good.record().has_value());
  EXPECT_TRUE(good.at_end());
}

// Every record type that we know, written and read back; UPDATE's forms are among them.
TEST(WireCodec, RecordsOfEveryKindGoThereAndBack) {
  Bytes buffer(2048);
  Writer out(buffer);
  Header header;
  header.id = 0xbeef;
  header.flags = static_cast<std::uint16_t>(static_cast<unsigned>(Opcode::update) << 11);
  header.count[0] = 1;
  header.count[1] = 1;
  header.count[2] = 9;
  header.count[3] = 1;
  out.header(header);
  out.question({name_of("fo.test"), type::soa, klass::in});
  const auto owner = name_of("www.fo.test");
  out.begin_record(owner, type::a, klass::in, 0);
  EXPECT_TRUE(put_value(out, RecordType::a, "192.0.2.10"));
  out.end_record();
  out.record(owner, type::any, klass::any, 0, {});  // delete all RRsets of a name
  out.begin_record(owner, type::aaaa, klass::in, 30);
  EXPECT_TRUE(put_value(out, RecordType::aaaa, "2001:db8::1"));
  out.end_record();
  out.begin_record(owner, type::cname, klass::none, 0);
  EXPECT_TRUE(put_value(out, RecordType::cname, "Target.Example.NET"));
  out.end_record();
  out.begin_record(owner, type::txt, klass::in, 30);
  EXPECT_TRUE(put_string(out, "gen=42;id=7f3c"));
  EXPECT_TRUE(put_string(out, ""));
  out.end_record();
  out.begin_record(owner, type::hinfo, klass::in, 30);
  put_string(out, "RFC8482");
  put_string(out, "");
  out.end_record();
  out.begin_record(owner, type::mx, klass::in, 30);
  out.u16(10);
  out.name(name_of("mail.fo.test"));
  out.end_record();
  out.begin_record(owner, type::ns, klass::in, 30);
  out.pointer(header_size);  // compressed: fo.test
  out.end_record();
  const Soa soa{name_of("ns1.fo.test"), name_of("hostmaster.fo.test"), 4294967295U, 2, 3, 4, 5};
  out.begin_record(owner, type::soa, klass::in, 30);
  put_soa(out, soa);
  out.end_record();
  out.record(owner, 65280, klass::in, 2147483647, std::as_bytes(std::span("\1\2\3", 3)));
  put_opt(out, Edns{1232, 1, 0, true});
  ASSERT_TRUE(out.ok());

  const auto raw = out.written();
  Reader reader(raw);
  const auto head = reader.header();
  EXPECT_EQ(head->opcode(), 5);
  EXPECT_EQ(head->id, 0xbeef);
  EXPECT_EQ(reader.question()->name, name_of("FO.test"));
  const auto a = reader.record();
  EXPECT_EQ(address_of(*a), "192.0.2.10");
  EXPECT_EQ(a->owner.text(), "www.fo.test");
  const auto any = reader.record();
  EXPECT_EQ(any->klass, klass::any);
  EXPECT_TRUE(any->rdata.empty());
  EXPECT_EQ(value_of(raw, *reader.record()), "2001:db8::1");
  const auto cname = reader.record();
  EXPECT_EQ(cname->klass, klass::none);
  EXPECT_EQ(value_of(raw, *cname), "target.example.net");
  EXPECT_EQ(strings_of(*reader.record()), (std::vector<std::string>{"gen=42;id=7f3c", ""}));
  EXPECT_EQ(strings_of(*reader.record()), (std::vector<std::string>{"RFC8482", ""}));
  const auto mx = mx_of(raw, *reader.record());
  EXPECT_EQ(mx->preference, 10);
  EXPECT_EQ(mx->exchange.text(), "mail.fo.test");
  EXPECT_EQ(target_of(raw, *reader.record())->text(), "fo.test");
  const auto got = soa_of(raw, *reader.record());
  EXPECT_EQ(got->serial, soa.serial);
  EXPECT_EQ(got->minimum, 5U);
  EXPECT_EQ(got->rname, soa.rname);
  const auto unknown = reader.record();
  EXPECT_EQ(unknown->type, 65280);
  EXPECT_EQ(unknown->ttl, 2147483647U);
  EXPECT_EQ(unknown->rdata.size(), 3U);
  const auto edns = edns_of(*reader.record());
  EXPECT_TRUE(edns->dnssec_ok);
  EXPECT_EQ(edns->extended_rcode, 1);
  EXPECT_TRUE(reader.at_end());
}

TEST(WireRdata, MustBeFilledExactly) {
  const Bytes address = bytes({0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5});
  EXPECT_FALSE(address_of(*Reader(address).record()).has_value());
  const Bytes cname = bytes({0, 0, 5, 0, 1, 0, 0, 0, 0, 0, 4, 1, 'a', 0, 9});
  EXPECT_FALSE(target_of(cname, *Reader(cname).record()).has_value());
  const Bytes runs_out = bytes({0, 0, 5, 0, 1, 0, 0, 0, 0, 0, 2, 1, 'a', 0});
  EXPECT_FALSE(target_of(runs_out, *Reader(runs_out).record()).has_value());
  const Bytes soa = bytes({0, 0, 6, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 1});
  EXPECT_FALSE(soa_of(soa, *Reader(soa).record()).has_value());
  const Bytes txt = bytes({0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 2, 5, 'a'});
  EXPECT_FALSE(strings_of(*Reader(txt).record()).has_value());
  const Bytes option = bytes({0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 4, 0, 3, 0, 1});
  EXPECT_FALSE(edns_of(*Reader(option).record()).has_value());
  const Bytes named_opt = bytes({1, 'a', 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0});
  EXPECT_FALSE(edns_of(*Reader(named_opt).record()).has_value());
}

TEST(WireWriter, WhatDoesNotFitIsNotWritten) {
  Bytes buffer(5);
  Writer out(buffer);
  out.u32(0x01020304);
  EXPECT_TRUE(out.ok());
  out.u16(0x0506);
  EXPECT_FALSE(out.ok());
  EXPECT_EQ(out.size(), 4U);
  out.u8(7);
  EXPECT_EQ(out.size(), 4U) << "nothing more until rewind()";
  out.rewind(2);
  EXPECT_TRUE(out.ok());
  out.u16(0x0a0b);
  EXPECT_EQ(out.size(), 4U);
  EXPECT_EQ(buffer[3], std::byte{0x0b});
  out.patch16(3, 0xffff);  // not wholly written: left alone
  EXPECT_EQ(buffer[3], std::byte{0x0b});
}

TEST(WireWriter, BadValuesAreToldFromGoodOnes) {
  Bytes buffer(300);
  Writer out(buffer);
  EXPECT_FALSE(put_value(out, RecordType::a, "2001:db8::1"));
  EXPECT_FALSE(put_value(out, RecordType::aaaa, "192.0.2.1"));
  EXPECT_FALSE(put_value(out, RecordType::a, ""));
  EXPECT_FALSE(put_value(out, RecordType::cname, "a..b"));
  EXPECT_FALSE(put_string(out, std::string(256, 'x')));
  EXPECT_EQ(out.size(), 0U);
}

// Every cut of a good message is refused somewhere, never read beyond its end (the sanitizers
// watch).
TEST(WireReader, EveryCutOfAMessageIsNoticed) {
  Bytes buffer(512);
  Writer out(buffer);
  Header header;
  header.count[0] = header.count[1] = 1;
  out.header(header);
  out.question({name_of("www.example.com"), type::a, klass::in});
  out.begin_record(name_of("www.example.com"), type::a, klass::in, 30);
  put_value(out, RecordType::a, "192.0.2.1");
  out.end_record();
  const std::size_t whole = out.size();
  for (std::size_t size = 0; size <= whole; ++size) {
    const Bytes cut(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
    Reader reader(cut);
    const bool ok = reader.header() && reader.question() && reader.record() && reader.at_end();
    EXPECT_EQ(ok, size == whole) << size;
  }
}

TEST(WireReader, RandomBytesNeverDoHarm) {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    Bytes raw(random() % 80);
    for (auto& byte : raw)
      byte = static_cast<std::byte>(random() % 4 == 0 ? 0xc0 | (random() % 4) : random() % 70);
    Reader reader(raw);
    reader.header();
    while (!reader.failed() && !reader.at_end()) {
      const auto record = reader.record();
      if (!record) break;
      ASSERT_LE(record->rdata_at + record->rdata.size(), raw.size());
      target_of(raw, *record);
      soa_of(raw, *record);
      mx_of(raw, *record);
      strings_of(*record);
    }
  }
}

}  // namespace
}  // namespace hotswapd::wire
