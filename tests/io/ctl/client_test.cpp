#include "ctl/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <sstream>
#include <thread>

#include "ctl/commands.hpp"
#include "tests/io/api/temp_folder.hpp"

namespace hotswapd::ctl {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// A listener that says what the test wants to the first who connects, whatever is asked.
class Peer {
 public:
  explicit Peer(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
  }
  ~Peer() {
    if (talk_.joinable()) talk_.join();
    ::close(listener_);
  }
  void say_and_close(std::string text) {
    talk_ = std::thread([this, text = std::move(text)] {
      const int fd = ::accept(listener_, nullptr, nullptr);
      EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(text.size()));
      ::close(fd);
    });
  }

 private:
  int listener_ = -1;
  std::thread talk_;
};

struct ClientTest : testing::Test {
  int status() {
    Arguments arguments;
    arguments.command = "status";
    arguments.socket = path;
    Surroundings around{out, err, {}, {}};
    around.answer_within = Millis(50);
    return run_command(arguments, around);
  }

  test::TempFolder folder;
  const std::string path = folder / "control.sock";
  std::ostringstream out;
  std::ostringstream err;
};

TEST_F(ClientTest, ADaemonThatDoesNotAnswerIsGivenUpOn) {
  const Peer silent(path);  // the kernel takes the connection; nobody accepts it
  EXPECT_EQ(status(), 1);
  EXPECT_THAT(err.str(), HasSubstr("did not answer in time"));
  EXPECT_THAT(out.str(), IsEmpty());
}

TEST_F(ClientTest, ADaemonThatDiesBeforeItsAnswerIsToldApart) {
  Peer dying(path);
  dying.say_and_close("{\"ok\":true,\"da");
  EXPECT_EQ(status(), 1);
  EXPECT_THAT(err.str(), HasSubstr("closed the connection"));
}

TEST_F(ClientTest, AnAnswerThatIsNotOursIsRefused) {
  for (const char* text : {"HTTP/1.1 400 Bad Request\r\n\r\n", "[]\n", "{\"ok\":true}\n",
                           "{\"ok\":true,\"data\":[]}\n", "{}\n"}) {
    const test::TempFolder own;
    Peer stranger(own / "s");
    stranger.say_and_close(text);
    std::ostringstream said;
    Arguments arguments;
    arguments.command = "status";
    arguments.socket = own / "s";
    EXPECT_EQ(run_command(arguments, Surroundings{out, said, {}, {}}), 1) << text;
    EXPECT_THAT(said.str(), HasSubstr("hotswapctl: ")) << text;
  }
}

TEST_F(ClientTest, LinesMayComeInPieces) {
  Peer peer(path);
  peer.say_and_close("one\ntwo\nthree");
  auto client = ControlClient::connect(path);
  ASSERT_TRUE(client);
  const TimePoint deadline = Clock::now() + Seconds(10);
  EXPECT_EQ(client->read_line(deadline).value(), "one");
  EXPECT_EQ(client->read_line(std::nullopt).value(), "two");
  EXPECT_FALSE(client->read_line(deadline));
}

TEST_F(ClientTest, NobodyThereIsSaidWithTheRemedy) {
  EXPECT_EQ(status(), 1);
  EXPECT_THAT(err.str(), HasSubstr("is hotswapd running?"));
  EXPECT_THAT(err.str(), HasSubstr("--socket"));
}

}  // namespace
}  // namespace hotswapd::ctl
