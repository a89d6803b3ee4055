// TSIG against messages that dnspython signed, and against every way to break one.
#include "dns/tsig.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/unit/dns/messages.hpp"

namespace hotswapd {
namespace {

using test::Bytes;
using test::name_of;
using tsig::Status;

struct Vector {
  MacAlgorithm algorithm;
  std::string_view secret, plain, request, answer, badtime;
};

constexpr Vector vectors[] = {
#include "tests/unit/dns/tsig_vectors.inc"
};
constexpr std::uint64_t now = 1'700'000'000;

Bytes unhex(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  return out;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

tsig::Key key_of(const Vector& vector) {
  return {name_of("Key.One"), vector.algorithm, MacKey(unhex(vector.secret)), 300};
}

struct Signed {
  Bytes message;
  Mac mac;
};

Signed sign(const Vector& vector, const tsig::Key& key, std::uint64_t at = now) {
  Signed out{unhex(vector.plain), {}};
  const auto mac = tsig::sign(out.message, key, at);
  EXPECT_TRUE(mac);
  if (mac) out.mac = *mac;
  return out;
}

class TsigVectors : public testing::TestWithParam<Vector> {};

TEST_P(TsigVectors, SignsAsDnspythonDoes) {
  const auto made = sign(GetParam(), key_of(GetParam()));
  EXPECT_EQ(text_of(made.message), text_of(unhex(GetParam().request)));
  EXPECT_EQ(made.mac.size, mac_size(GetParam().algorithm));
}

TEST_P(TsigVectors, VerifiesItsAnswerAndKnowsTheClocks) {
  const auto key = key_of(GetParam());
  const auto made = sign(GetParam(), key);
  const auto answer = unhex(GetParam().answer);
  EXPECT_EQ(verify(answer, key, made.mac, now).status, Status::verified);
  EXPECT_EQ(verify(answer, key, made.mac, now + 300).status, Status::verified);
  EXPECT_EQ(verify(answer, key, made.mac, now + 301).status, Status::out_of_window);
  EXPECT_EQ(verify(answer, key, made.mac, now - 301).status, Status::out_of_window);
  const auto verdict = verify(unhex(GetParam().badtime), key, made.mac, now);
  EXPECT_EQ(verdict.status, Status::clock_differs);
  EXPECT_EQ(verdict.server_time, now + 600);
}

TEST_P(TsigVectors, KeyNamesAreBlindToCase) {
  auto key = key_of(GetParam());
  const auto made = sign(GetParam(), key);
  key.name = name_of("kEY.oNE");
  EXPECT_EQ(verify(unhex(GetParam().answer), key, made.mac, now).status, Status::verified);
}

TEST_P(TsigVectors, RefusesWhatAnotherKeySigned) {
  const auto key = key_of(GetParam());
  const auto made = sign(GetParam(), key);
  const auto answer = unhex(GetParam().answer);
  auto secret = key;
  secret.secret = MacKey(Bytes(40));
  EXPECT_EQ(verify(answer, secret, made.mac, now).status, Status::mac_wrong);
  auto name = key;
  name.name = name_of("key.two");
  EXPECT_EQ(verify(answer, name, made.mac, now).status, Status::other_key);
  auto algorithm = key;
  algorithm.algorithm = key.algorithm == MacAlgorithm::hmac_sha256 ? MacAlgorithm::hmac_sha512
                                                                   : MacAlgorithm::hmac_sha256;
  EXPECT_EQ(verify(answer, algorithm, made.mac, now).status, Status::other_key);
  auto request = made.mac;
  request.bytes[3] ^= std::byte{1};
  EXPECT_EQ(verify(answer, key, request, now).status, Status::mac_wrong);
}

// Not one bit of an answer can be changed without being noticed, but for the id of the header,
// which the record's own copy stands for, and the case of names, which the signature is blind to.
TEST_P(TsigVectors, NoticesEveryChangedBit) {
  const auto key = key_of(GetParam());
  const auto made = sign(GetParam(), key);
  const auto answer = unhex(GetParam().answer);
  const auto owner = text_of(answer).rfind("\3Key\3One");
  ASSERT_NE(owner, std::string::npos);
  const auto algorithm = owner + key.name.size() + 10;
  const auto fields = algorithm + std::string_view(tsig::to_string(key.algorithm)).size() + 2;
  for (std::size_t at = 2; at < answer.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      const bool in_a_name =
          (at >= owner && at < owner + key.name.size()) || (at >= algorithm && at < fields);
      if (in_a_name && bit == 5) continue;
      auto changed = answer;
      changed[at] ^= static_cast<std::byte>(1 << bit);
      EXPECT_FALSE(tsig::is_signed(verify(changed, key, made.mac, now).status))
          << "byte " << at << " bit " << bit;
    }
  }
}

TEST_P(TsigVectors, EveryPrefixIsRefused) {
  const auto key = key_of(GetParam());
  const auto made = sign(GetParam(), key);
  const auto answer = unhex(GetParam().answer);
  for (std::size_t size = 0; size < answer.size(); ++size) {
    const auto verdict = verify(std::span(answer).first(size), key, made.mac, now);
    EXPECT_FALSE(tsig::is_signed(verdict.status)) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(Dnspython, TsigVectors, testing::ValuesIn(vectors),
                         [](const auto& vector) {
                           std::string name = tsig::to_string(vector.param.algorithm);
                           std::erase(name, '-');
                           return name + (vector.index % 2 == 0 ? "_query" : "_update");
                         });

// An answer with a TSIG record of these fields, its MAC right unless another is given.
struct Forged {
  Bytes mac{};
  std::uint16_t error = 0;
  std::uint16_t klass = wire::klass::any;
  std::uint32_t ttl = 0;
  int behind = 0;  // records behind it
  bool twice = false;
  Bytes trailing{};

  Bytes bytes() const {
    Bytes out(1000);
    wire::Writer writer(out);
    wire::Header header;
    header.flags = wire::Header::qr;
    header.count[3] = static_cast<std::uint16_t>(1 + behind + (twice ? 1 : 0));
    writer.header(header);
    for (int times = twice ? 2 : 1; times > 0; --times) {
      writer.begin_record(name_of("key.one"), wire::type::tsig, klass, ttl);
      writer.name(name_of("hmac-sha256"));
      writer.u16(0);
      writer.u32(static_cast<std::uint32_t>(now));
      writer.u16(300);
      writer.u16(static_cast<std::uint16_t>(mac.size()));
      writer.bytes(mac);
      writer.u16(0);
      writer.u16(error);
      writer.u16(0);
      writer.bytes(trailing);
      writer.end_record();
    }
    for (int i = 0; i < behind; ++i) writer.record(name_of("x"), wire::type::a, 1, 0, Bytes(4));
    out.resize(writer.size());
    return out;
  }
};

Status judged(const Forged& forged) {
  const tsig::Key key{name_of("key.one"), MacAlgorithm::hmac_sha256, MacKey(Bytes(32)), 300};
  return verify(forged.bytes(), key, Mac{}, now).status;
}

TEST(Tsig, TellsTheServersComplaintsApart) {
  EXPECT_EQ(judged({.error = tsig::code::badkey}), Status::key_unknown);
  EXPECT_EQ(judged({.error = tsig::code::badsig}), Status::secret_wrong);
  EXPECT_EQ(judged({}), Status::not_signed);
  // Unsigned, it says nothing about the clock that anybody could believe.
  EXPECT_EQ(judged({.error = tsig::code::badtime}), Status::not_signed);
  EXPECT_EQ(judged({.mac = Bytes(32)}), Status::mac_wrong);
  EXPECT_EQ(judged({.mac = Bytes(32), .error = tsig::code::badtime}), Status::mac_wrong);
}

TEST(Tsig, RefusesWhatNoRecordCanBe) {
  EXPECT_EQ(judged({.mac = Bytes(9)}), Status::truncated);
  EXPECT_EQ(judged({.mac = Bytes(15)}), Status::truncated);
  EXPECT_EQ(judged({.mac = Bytes(16)}), Status::mac_wrong);
  EXPECT_EQ(judged({.mac = Bytes(33)}), Status::malformed);
  EXPECT_EQ(judged({.klass = wire::klass::in}), Status::malformed);
  EXPECT_EQ(judged({.ttl = 1}), Status::malformed);
  EXPECT_EQ(judged({.behind = 1}), Status::malformed);
  EXPECT_EQ(judged({.twice = true}), Status::malformed);
  EXPECT_EQ(judged({.trailing = Bytes(1)}), Status::malformed);
  auto more = Forged{}.bytes();
  more.push_back(std::byte{0});
  EXPECT_EQ(tsig::verify(more, {}, Mac{}, now).status, Status::malformed);
  EXPECT_EQ(tsig::verify(Bytes(12), {}, Mac{}, now).status, Status::not_signed);
  EXPECT_EQ(tsig::verify(Bytes(11), {}, Mac{}, now).status, Status::malformed);
}

TEST(Tsig, SignsOnlyWhatIsAMessageAndFits) {
  const tsig::Key key{name_of("key.one"), MacAlgorithm::hmac_sha256, MacKey(Bytes(32)), 300};
  Bytes too_short(11);
  EXPECT_FALSE(tsig::sign(too_short, key, now));
  Bytes full(wire::max_message - 20);
  EXPECT_FALSE(tsig::sign(full, key, now));
  EXPECT_EQ(full.size(), wire::max_message - 20);
}

// RFC 4231, test case 2: pieces or one run make no difference.
TEST(Hmac, KnowsTheVectorsOfTheRfc) {
  const auto as_bytes = [](std::string_view text) {
    const auto raw = std::as_bytes(std::span(text));
    return Bytes(raw.begin(), raw.end());
  };
  const MacKey key(as_bytes("Jefe"));
  const auto head = as_bytes("what do ya want ");
  const auto tail = as_bytes("for nothing?");
  const auto mac = hmac(MacAlgorithm::hmac_sha256, key, {head, {}, tail});
  ASSERT_TRUE(mac);
  EXPECT_EQ(text_of(mac->view()),
            text_of(unhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")));
}

TEST(Hmac, KeysCompareAndMove) {
  MacKey key(Bytes(4, std::byte{7}));
  const MacKey same = key;
  EXPECT_EQ(key, same);
  EXPECT_FALSE(key == MacKey(Bytes(4)));
  EXPECT_FALSE(key == MacKey(Bytes(5, std::byte{7})));
  const MacKey moved = std::move(key);
  EXPECT_EQ(moved, same);
  EXPECT_TRUE(hmac(MacAlgorithm::hmac_sha512, MacKey(), {Bytes(3)}));
}

}  // namespace
}  // namespace hotswapd
