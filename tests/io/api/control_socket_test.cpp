#include "api/control_socket.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/io/api/line_client.hpp"
#include "tests/io/api/temp_folder.hpp"

namespace hotswapd {
namespace {

using test::LineClient;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct ControlSocketTest : testing::Test {
  bool there() const { return ::access(path.c_str(), F_OK) == 0; }
  mode_t mode() const {
    struct stat file {};
    return ::stat(path.c_str(), &file) == 0 ? file.st_mode & 07777u : 0;
  }

  test::TempFolder folder;
  const std::string path = folder / "control.sock";
};

TEST_F(ControlSocketTest, IsForTheGroupWhenThereIsOne) {
  const struct group* mine = ::getgrgid(::getegid());
  if (mine == nullptr) GTEST_SKIP() << "our own group has no name";
  const auto socket = ControlSocket::open(path, mine->gr_name);
  ASSERT_TRUE(socket) << socket.error().text;
  EXPECT_EQ(mode(), 0660u);
  EXPECT_EQ(socket->policy().group, ::getegid());
  EXPECT_EQ(socket->policy().own_uid, ::geteuid());
  EXPECT_THAT(socket->warnings(), IsEmpty());
}

TEST_F(ControlSocketTest, IsForTheOwnerAloneWithoutTheGroup) {
  const auto socket = ControlSocket::open(path, "no-such-group-here");
  ASSERT_TRUE(socket) << socket.error().text;
  EXPECT_EQ(mode(), 0600u);
  EXPECT_FALSE(socket->policy().group);
  ASSERT_THAT(socket->warnings(), SizeIs(1));
  EXPECT_THAT(socket->warnings()[0], HasSubstr("no-such-group-here does not exist"));
}

TEST_F(ControlSocketTest, TheFileOfADeadDaemonIsReplaced) {
  {
    auto dead = ControlSocket::open(path, "x");
    ASSERT_TRUE(dead);
    ASSERT_EQ(::link(path.c_str(), (path + ".kept").c_str()), 0);
  }
  ASSERT_EQ(::rename((path + ".kept").c_str(), path.c_str()), 0);  // as kill -9 leaves it
  ASSERT_TRUE(there());
  const auto socket = ControlSocket::open(path, "x");
  ASSERT_TRUE(socket) << socket.error().text;
  EXPECT_TRUE(LineClient::unix_stream(path).connected());
}

TEST_F(ControlSocketTest, ALiveOneIsRefusedAndStays) {
  const auto live = ControlSocket::open(path, "x");
  ASSERT_TRUE(live);
  const auto second = ControlSocket::open(path, "x");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text, HasSubstr("another daemon is listening"));
  EXPECT_TRUE(LineClient::unix_stream(path).connected());
}

TEST_F(ControlSocketTest, AFileThatIsNoSocketIsLeftAlone) {
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  ::close(fd);
  const auto socket = ControlSocket::open(path, "x");
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error().text, HasSubstr("not a socket"));
  EXPECT_TRUE(there());
}

TEST_F(ControlSocketTest, AMissingFolderIsNamed) {
  const auto socket = ControlSocket::open(folder / "none/control.sock", "x");
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error().text, HasSubstr("the folder " + folder / "none: No such file"));
}

TEST_F(ControlSocketTest, ImpossiblePathsAreRefused) {
  for (const std::string& bad :
       {std::string(), std::string("control.sock"), "/" + std::string(200, 'x')}) {
    EXPECT_FALSE(ControlSocket::open(bad, "x")) << bad;
  }
}

TEST_F(ControlSocketTest, OnlyOurOwnFileIsRemoved) {
  {
    const auto first = ControlSocket::open(path, "x");
    ASSERT_TRUE(first);
    EXPECT_TRUE(there());
  }
  EXPECT_FALSE(there());
  {
    const auto first = ControlSocket::open(path, "x");
    ASSERT_TRUE(first);
    const int fd = ::open((path + ".new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0);
    ::close(fd);
    ASSERT_EQ(::rename((path + ".new").c_str(), path.c_str()), 0);  // somebody else's now
  }
  EXPECT_TRUE(there());
}

}  // namespace
}  // namespace hotswapd
