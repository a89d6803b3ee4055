// The response reader: the same events however the bytes are cut, and a fault for every lie.
#include "probes/http_response.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hotswapd {
namespace {

using Step = HttpResponseReader::Step;

// Feeds `wire` in pieces of `cut` bytes, then closes, and writes down what the reader said.
std::string transcript(std::string_view wire, std::size_t cut) {
  HttpResponseReader reader;
  std::string out;
  std::string body;
  while (!wire.empty()) {
    // A copy of the piece alone, so that a view into an older piece shows up under
    // AddressSanitizer.
    const std::string piece(wire.substr(0, cut));
    wire.remove_prefix(piece.size());
    std::string_view input = piece;
    for (;;) {
      const Step step = reader.step(input);
      if (step == Step::status) out += "status " + std::to_string(reader.status()) + "\n";
      if (step == Step::head) out += "head\n";
      if (step == Step::body) body += reader.body();
      if (step == Step::end) return out + "body " + body + "\nend\n";
      if (step == Step::broken) return out + "broken " + reader.fault() + "\n";
      if (step == Step::more) break;
    }
    EXPECT_TRUE(input.empty());
  }
  if (reader.closed() == Step::end) return out + "body " + body + "\nend\n";
  return out + "broken " + reader.fault() + "\n";
}

void expect_all_cuts(std::string_view wire, const std::string& wanted) {
  for (const std::size_t cut :
       {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, wire.size() + 1}) {
    EXPECT_EQ(transcript(wire, cut), wanted) << "cut " << cut << " of\n" << wire;
  }
}

TEST(HttpResponse, GoodResponses) {
  struct Row {
    const char* wire;
    const char* wanted;
  };
  const Row rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "status 200\nhead\nbody abc\nend\n"},
      {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "status 200\nhead\nbody \nend\n"},
      {"HTTP/1.0 200 OK\n\nuntil close", "status 200\nhead\nbody until close\nend\n"},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "status 204\nhead\nbody \nend\n"},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "status 304\nhead\nbody \nend\n"},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "status 101\nhead\nbody \nend\n"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
       "status 200\nhead\nbody abc\nend\n"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", "status 200\nhead\nbody abc\nend\n"},
      {"HTTP/1.1 100 Continue\r\nContent-Length: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nz",
       "status 200\nhead\nbody z\nend\n"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
       "chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
       "status 200\nhead\nbody abc0123456789\nend\n"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
       "chunked\r\n\r\n00000000000000000003\r\nabc\r\n0000000000000000000000\r\n\r\n",
       "status 200\nhead\nbody abc\nend\n"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: gzip, "
       "Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
       "status 200\nhead\nbody a\nend\n"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nabc",
       "status 200\nhead\nbody abc\nend\n"},
      {"HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\n\r\nq", "status 200\nhead\nbody q\nend\n"},
      {"HTTP/1.1 503 \xc3\xbc\r\nX:\xff\ty\r\n\r\n", "status 503\nhead\nbody \nend\n"},
  };
  for (const auto& row : rows) expect_all_cuts(row.wire, row.wanted);
}

TEST(HttpResponse, BrokenResponses) {
  struct Row {
    std::string wire;
    const char* fault;
  };
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const Row rows[] = {
      {"", "connection closed without an answer"},
      {"HTTP/1.1 20", "connection closed in the status line"},
      {head + "X: y\r\n", "connection closed in the header"},
      {head + "Content-Length: 5\r\n\r\nabc", "connection closed in the body"},
      {head + "Transfer-Encoding: chunked\r\n\r\n5\r\nabc", "connection closed in the body"},
      {"HTTP/2 200 OK\r\n\r\n", "malformed status line \"HTTP/2 200 OK\""},
      {"HTTP/1.1  200\r\n", "malformed status line \"HTTP/1.1  200\""},
      {"HTTP/1.1 2000\r\n", "malformed status line \"HTTP/1.1 2000\""},
      {"HTTP/1.1 099 x\r\n", "malformed status line \"HTTP/1.1 099 x\""},
      {"SSH-2.0-OpenSSH_9.2\r\n", "malformed status line \"SSH-2.0-OpenSSH_9.2\""},
      {"\r\nHTTP/1.1 200 OK\r\n", "malformed status line \"\""},
      {head + "Content-Length: -1\r\n\r\n", "malformed Content-Length \"-1\""},
      {head + "Content-Length: +1\r\n\r\n", "malformed Content-Length \"+1\""},
      {head + "Content-Length: 1 2\r\n\r\n", "malformed Content-Length \"1 2\""},
      {head + "Content-Length:\r\n\r\n", "malformed Content-Length \"\""},
      {head + "Content-Length: 3,\r\n\r\nabc", "malformed Content-Length \"3,\""},
      {head + "Content-Length: 9999999999999999999\r\n\r\n",
       "malformed Content-Length \"9999999999999999999\""},
      {head + "Content-Length: 3\r\ncontent-length: 4\r\n\r\n", "differing Content-Lengths"},
      {head + "Content-Length: 3, 4\r\n\r\n", "differing Content-Lengths"},
      {head + "Content-Length: 3\r\n 4\r\n\r\n", "malformed header line"},
      {head + " X: y\r\n\r\n", "malformed header line"},
      {head + "no colon\r\n\r\n", "malformed header line \"no colon\""},
      {head + "X : y\r\n\r\n", "malformed header line \"X : y\""},
      {head + ": y\r\n\r\n", "malformed header line \": y\""},
      {head + "X: a\rb\r\n\r\n", "control character in the header"},
      {head + std::string("X: a\0b\r\n\r\n", 10), "control character in the header"},
      {head + "X: a\x1b[31m\r\n\r\n", "control character in the header"},
      {head + "Transfer-Encoding: chunked, gzip\r\n\r\n",
       "chunked is not the last transfer coding"},
      {head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "malformed chunk size"},
      {head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", "malformed chunk size"},
      {head + "Transfer-Encoding: chunked\r\n\r\n1 2\r\n", "malformed chunk size"},
      {head + "Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\n", "malformed chunk size"},
      {head + "Transfer-Encoding: chunked\r\n\r\n0001000000000000000\r\n", "malformed chunk size"},
      {head + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "malformed chunk"},
  };
  for (const auto& row : rows) {
    for (const std::size_t cut : {std::size_t{1}, std::size_t{5}, row.wire.size() + 1}) {
      const std::string said = transcript(row.wire, cut);
      const std::string wanted = std::string("broken ") + row.fault + "\n";
      EXPECT_TRUE(said.ends_with(wanted)) << "cut " << cut << ": " << said << "wanted " << wanted;
    }
  }
}

TEST(HttpResponse, HeaderBlocksAreBoundedTogether) {
  const std::string fault = "header block larger than 32 KiB";
  const std::string one = "HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'a');
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100'000; ++i) many += "A: b\r\n";
  std::string interim;
  for (int i = 0; i < 4; ++i)
    interim += "HTTP/1.1 100 Continue\r\nX: " + std::string(10'000, 'a') + "\r\n\r\n";
  for (const auto& wire : {one, many, interim}) {
    for (const std::size_t cut : {std::size_t{1}, std::size_t{1000}, wire.size()}) {
      EXPECT_TRUE(transcript(wire, cut).ends_with("broken " + fault + "\n")) << wire.substr(0, 40);
    }
  }
  const std::string fits = "HTTP/1.1 200 OK\r\nX: " + std::string(32'000, 'a') + "\r\n\r\n";
  EXPECT_EQ(transcript(fits, 999), "status 200\nhead\nbody \nend\n");
}

TEST(HttpResponse, InterimAnswersAreBounded) {
  std::string wire;
  for (int i = 0; i < 8; ++i) wire += "HTTP/1.1 103 Early Hints\r\n\r\n";
  EXPECT_EQ(transcript(wire + "HTTP/1.1 200 OK\r\n\r\n", 11), "status 200\nhead\nbody \nend\n");
  EXPECT_EQ(transcript(wire + wire, 11), "broken more than 8 interim answers (1xx)\n");
}

TEST(HttpResponse, ChunkExtensionsAreBounded) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string wire = head + "1;x=" + std::string(2000, 'y') + "\r\na\r\n0\r\n\r\n";
  EXPECT_EQ(transcript(wire, 100), "status 200\nhead\nbroken chunk size line larger than 1 KiB\n");
}

TEST(HttpResponse, SaysWhatItWaitsFor) {
  HttpResponseReader reader;
  EXPECT_STREQ(reader.waiting_for(), "waiting for the status line");
  std::string_view input = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(reader.step(input), Step::status);
  EXPECT_STREQ(reader.waiting_for(), "waiting for the rest of the header");
  input = "\r\n";
  EXPECT_EQ(reader.step(input), Step::head);
  EXPECT_STREQ(reader.waiting_for(), "waiting for the rest of the body");
}

}  // namespace
}  // namespace hotswapd
