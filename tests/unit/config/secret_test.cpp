// Files of secrets: whose, how readable, and that the value shows up nowhere.
#include "config/secret.hpp"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.hpp"

namespace hotswapd::test {
namespace {

std::string problem(const std::string& path, std::optional<std::string> credentials = {}) {
  const auto secret = read_secret_file(path, credentials, "no-such-group");
  return secret ? "" : secret.error().text;
}

TEST(Secret, CutsOneFinalNewline) {
  const TemporaryDirectory directory;
  EXPECT_EQ(read_secret_file(directory.write("a", "x y\n"), {}, "g")->reveal(), "x y");
  EXPECT_EQ(read_secret_file(directory.write("b", "x\n\n"), {}, "g")->reveal(), "x\n");
  EXPECT_EQ(read_secret_file(directory.write("c", "x"), {}, "g")->reveal(), "x");
}

TEST(Secret, RefusesModes) {
  const TemporaryDirectory directory;
  const auto with_mode = [&](unsigned mode) { return problem(directory.write("s", "x", mode)); };
  EXPECT_EQ(with_mode(0600), "");
  EXPECT_EQ(with_mode(0400), "");
  EXPECT_EQ(with_mode(0640), "") << "our own group may read";
  EXPECT_NE(with_mode(0644).find("is readable by everybody (mode 0644)"), std::string::npos);
  EXPECT_NE(with_mode(0604).find("is readable by everybody"), std::string::npos);
  EXPECT_NE(with_mode(0602).find("is writable by others than its owner"), std::string::npos);
  EXPECT_NE(with_mode(0660).find("is writable by others than its owner"), std::string::npos);
}

TEST(Secret, RefusesStrangers) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const TemporaryDirectory directory;
  const auto file = directory.write("s", "x");
  ASSERT_EQ(::chown(file.c_str(), 12345, 0), 0);
  EXPECT_NE(problem(file).find("is owned by user 12345; it must be owned by root"),
            std::string::npos);
  ASSERT_EQ(::chown(file.c_str(), 0, 12345), 0);
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  EXPECT_NE(
      problem(file).find("is readable by group 12345 (mode 0640), which is not the daemon's own"),
      std::string::npos);
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  EXPECT_EQ(problem(file), "");
  // Root checks for the daemon: its group is fine.
  const struct group* daemon = ::getgrnam("daemon");
  ASSERT_NE(daemon, nullptr);
  ASSERT_EQ(::chown(file.c_str(), 0, daemon->gr_gid), 0);
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  EXPECT_TRUE(read_secret_file(file, {}, "daemon").has_value());
}

TEST(Secret, CredentialsOfSystemdAreExempt) {
  const TemporaryDirectory directory;
  const auto file = directory.write("s", "x", 0644);
  EXPECT_NE(problem(file), "");
  EXPECT_EQ(problem(file, directory.path()), "");
  EXPECT_NE(problem(file, directory.path() + "/nowhere"), "");
  const TemporaryDirectory other;
  EXPECT_NE(problem(directory.path() + "/../" + other.path().substr(other.path().rfind('/') + 1) +
                        "/../" + directory.path().substr(directory.path().rfind('/') + 1) + "/s",
                    other.path()),
            "");
}

TEST(Secret, RefusesWhatIsNoFileOfASecret) {
  const TemporaryDirectory directory;
  EXPECT_NE(problem(directory.path()).find("is not a regular file"), std::string::npos);
  EXPECT_NE(problem(directory.write("empty", "\n")).find("is empty"), std::string::npos);
  EXPECT_NE(problem(directory.write("long", std::string(65537, 'x'))).find("longer than 64 KiB"),
            std::string::npos);
  EXPECT_EQ(problem(directory.write("most", std::string(65536, 'x'))), "");
  EXPECT_NE(problem(directory.path() + "/nowhere").find("No such file"), std::string::npos);
  const std::string fifo = directory.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_NE(problem(fifo).find("is not a regular file"), std::string::npos);
}

TEST(Secret, PrintsAsStars) {
  std::ostringstream out;
  out << Secret("hunter2");
  EXPECT_EQ(out.str(), "***");
}

TEST(Secret, ComparesAndMovesByValue) {
  Secret a("one");
  Secret b(a);
  EXPECT_EQ(a, b);
  EXPECT_FALSE(a == Secret("two"));
  EXPECT_FALSE(a == Secret("once"));
  const Secret c(std::move(a));
  EXPECT_EQ(c, b);
  b = Secret("three");
  EXPECT_EQ(b.reveal(), "three");
  b = c;
  EXPECT_EQ(b.reveal(), "one");
  EXPECT_TRUE(Secret().empty());
}

TEST(Secret, IsReadFromTheFileThatTheConfigurationNames) {
  const TemporaryDirectory directory;
  const auto loose = directory.write("loose", "x", 0644);
  const auto result =
      load("notify: {webhooks: [{name: a, url: \"http://a/\", secret_file: \"" + loose + "\"}]}\n");
  EXPECT_EQ(
      messages(result, Severity::error),
      std::vector<std::string>{
          "t:1:62: error: notify.webhooks[0].secret_file: " + loose +
          " is readable by everybody (mode 0644); make it 0600, or 0640 with the daemon's group"});
  const Config config =
      good("notify: {webhooks: [{name: a, url: \"http://a/\", secret_file: \"" + loose + "\"}]}\n",
           {{"CREDENTIALS_DIRECTORY", directory.path()}});
  EXPECT_EQ(config.notify.webhooks.at(0).secret.reveal(), "x");
}

}  // namespace
}  // namespace hotswapd::test
