#include "api/control_handler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hotswapd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct FakeSink final : ControlSink {
  void answer(std::string line, bool stream_follows) override {
    lines.push_back(std::move(line));
    streaming = stream_follows;
  }
  void event(std::string line) override { lines.push_back(std::move(line)); }
  bool open() const noexcept override { return is_open; }

  std::vector<std::string> lines;
  bool streaming = false;
  bool is_open = true;
};

TEST(ControlResponder, AnswersOnce) {
  const auto sink = std::make_shared<FakeSink>();
  {
    const ControlResponder responder(sink);
    const ControlResponder copy = responder;
    copy.answer({{"text", "first"}});
    responder.answer({{"text", "second"}});
    responder.fail({errc::internal, "third"});
  }
  EXPECT_THAT(sink->lines, ElementsAre("{\"ok\":true,\"data\":{\"text\":\"first\"}}\n"));
}

TEST(ControlResponder, ALostRequestIsToldToTheClient) {
  const auto sink = std::make_shared<FakeSink>();
  {
    const ControlResponder responder(sink);
    const ControlResponder copy = responder;
  }
  EXPECT_THAT(sink->lines, ElementsAre(HasSubstr("\"code\":\"internal\"")));
}

TEST(ControlResponder, AStreamIsAnnouncedAndThenCarriesEvents) {
  const auto sink = std::make_shared<FakeSink>();
  const ControlResponder responder(sink);
  responder.stream();
  EXPECT_TRUE(sink->streaming);
  responder.event({{"kind", "swap"}});
  EXPECT_THAT(sink->lines,
              ElementsAre("{\"ok\":true,\"data\":{}}\n", "{\"event\":{\"kind\":\"swap\"}}\n"));
  sink->is_open = false;
  EXPECT_FALSE(responder.open());
  sink->lines.clear();
  responder.event({{"kind", "status"}});
  EXPECT_THAT(sink->lines, IsEmpty());
}

}  // namespace
}  // namespace hotswapd
