// The program as an operator runs it: options, output, exit status.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <mutex>

#include "api/control_server.hpp"
#include "tests/io/api/line_client.hpp"
#include "tests/io/api/server_thread.hpp"
#include "tests/io/api/temp_folder.hpp"

namespace hotswapd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::StartsWith;

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

std::string drain(int fd) {
  std::string text;
  char piece[4096];
  for (ssize_t n = 0; (n = ::read(fd, piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<std::size_t>(n));
  ::close(fd);
  return text;
}

// Starts hotswapctl with its output going to `out` and `err`, the standard input from `input`.
pid_t spawn(std::vector<std::string> words, const std::string& input, int out, int err) {
  words.insert(words.begin(), HOTSWAPCTL);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, input.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  pid_t child = -1;
  EXPECT_EQ(::posix_spawn(&child, HOTSWAPCTL, &actions, nullptr, argv.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Outcome run(std::vector<std::string> words, const std::string& input = "/dev/null") {
  int out[2];
  int err[2];
  EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
  EXPECT_EQ(::pipe2(err, O_CLOEXEC), 0);
  const pid_t child = spawn(std::move(words), input, out[1], err[1]);
  ::close(out[1]);
  ::close(err[1]);
  Outcome outcome;
  outcome.out = drain(out[0]);
  outcome.err = drain(err[0]);  // short: it never fills the pipe while the other is read
  outcome.status = wait_for(child);
  return outcome;
}

// Answers every command with what the test has set, and keeps what was asked.
class Daemon final : public ControlHandler {
 public:
  void handle(ControlRequest request, ControlResponder responder) override {
    const std::lock_guard lock(mutex_);
    requests_.push_back(boost::json::serialize(request.body));
    if (request.command == "watch") {
      responder.stream();
      watchers_.push_back(std::move(responder));
    } else if (refusal_) {
      responder.fail(*refusal_, lines_);
    } else {
      responder.answer(data_);
    }
  }

  void answers(std::string_view data) {
    const std::lock_guard lock(mutex_);
    data_ = boost::json::parse({data.data(), data.size()}).as_object();
  }
  void refuses(Error error, std::vector<std::string> lines = {}) {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(error);
    lines_ = std::move(lines);
  }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::vector<ControlResponder> watchers() const {
    const std::lock_guard lock(mutex_);
    return watchers_;
  }

 private:
  mutable std::mutex mutex_;
  boost::json::object data_;
  std::optional<Error> refusal_;
  std::vector<std::string> lines_;
  std::vector<std::string> requests_;
  std::vector<ControlResponder> watchers_;
};

constexpr const char* one_ok =
    R"({"services":[{"zone":"example.com","fqdn":"www.example.com","status":"ok","active":true,"serving":"192.0.2.10","primary":"192.0.2.10","backups":[]}]})";
constexpr const char* one_unk =
    R"({"services":[{"zone":"example.com","fqdn":"www.example.com","status":"unk","active":true,"serving":"192.0.2.10","primary":"192.0.2.10","backups":[]}]})";

struct HotswapctlTest : testing::Test {
  void SetUp() override {
    ControlServerOptions options;
    options.path = path;
    const auto started = thread.start(std::move(options), daemon);
    ASSERT_TRUE(started) << started.error().text;
  }
  Outcome ctl(std::vector<std::string> words, const std::string& input = "/dev/null") {
    words.insert(words.end(), {"--socket", path});
    return run(std::move(words), input);
  }

  test::TempFolder folder;
  const std::string path = folder / "control.sock";
  Daemon daemon;
  test::ServerThread<ControlServer> thread;
};

TEST_F(HotswapctlTest, StatusIsATableWithoutColourInAPipe) {
  daemon.answers(one_ok);
  const Outcome outcome = ctl({"status"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "  SERVICE          STATUS    SERVES      ROLE     FOR\n"
            "  www.example.com  ok        192.0.2.10  primary\n\n1 service: 1 ok\n");
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST_F(HotswapctlTest, SharedOptionsWorkBeforeAndAfterTheCommand) {
  daemon.answers(one_ok);
  const std::string expected = std::string(one_ok) + "\n";
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--socket", path, "--json", "status"},
        {"status", "--socket", path, "--json"},
        {"--json", "status", "--socket=" + path}}) {
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, expected);
  }
}

TEST_F(HotswapctlTest, StatusTellsByItsExitStatusOnlyWhenAsked) {
  daemon.answers(one_unk);
  EXPECT_EQ(ctl({"status"}).status, 0);
  const Outcome asked = ctl({"status", "--exit-code"});
  EXPECT_EQ(asked.status, 1);
  EXPECT_THAT(asked.out, HasSubstr("www.example.com"));
  EXPECT_EQ(ctl({"status", "--exit-code", "--json"}).status, 1);
  daemon.answers(one_ok);
  EXPECT_EQ(ctl({"status", "--exit-code"}).status, 0);
}

TEST_F(HotswapctlTest, EveryCommandSendsItsRequest) {
  daemon.answers(R"({"text":"done"})");
  EXPECT_EQ(ctl({"show", "www.example.com."}).status, 0);
  EXPECT_EQ(ctl({"explain", "WWW.example.com", "--zone", "example.com"}).status, 0);
  EXPECT_EQ(ctl({"history", "www.example.com", "--limit", "5"}).status, 0);
  EXPECT_EQ(ctl({"reload"}).status, 0);
  const Outcome action =
      ctl({"force-failover", "www.example.com", "--for", "2h", "--reason", "rack move"});
  EXPECT_EQ(action.status, 0);
  EXPECT_EQ(action.out, "done\n");
  EXPECT_EQ(ctl({"recover", "www.example.com"}).status, 0);
  EXPECT_EQ(ctl({"activate", "www.example.com"}).status, 0);
  EXPECT_EQ(ctl({"deactivate", "www.example.com"}).status, 0);
  EXPECT_THAT(
      daemon.requests(),
      ElementsAre(
          R"({"command":"show","fqdn":"www.example.com"})",
          R"({"command":"explain","fqdn":"www.example.com","zone":"example.com"})",
          R"({"command":"history","fqdn":"www.example.com","limit":5})", R"({"command":"reload"})",
          R"({"command":"force-failover","fqdn":"www.example.com","reason":"rack move","for_ms":7200000})",
          R"({"command":"recover","fqdn":"www.example.com"})",
          R"({"command":"activate","fqdn":"www.example.com"})",
          R"({"command":"deactivate","fqdn":"www.example.com"})"));
}

TEST_F(HotswapctlTest, PlanSendsTheFileByItsFullName) {
  daemon.answers(R"({"added":["new.example.com"],"unchanged":1})");
  const std::string file = folder / "h.yaml";
  std::ofstream(file) << "services: []\n";
  const Outcome outcome = ctl({"plan", file});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(
      outcome.out,
      "A reload would make these changes:\n  + new.example.com  added\n  services unchanged: 1\n");
  EXPECT_EQ(ctl({"plan", "-"}, file).status, 0);
  EXPECT_THAT(daemon.requests(),
              ElementsAre(R"({"command":"plan","file":")" + file + R"(","text":"services: []\n"})",
                          R"({"command":"plan","file":"/dev/stdin","text":"services: []\n"})"));
  const Outcome missing = ctl({"plan", folder / "none.yaml"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr("none.yaml: No such file or directory"));
  EXPECT_EQ(ctl({"plan", folder.path()}).status, 1);
}

TEST_F(HotswapctlTest, ARefusalGoesToTheErrorOutputWithItsLines) {
  daemon.refuses({errc::invalid_argument, "the configuration is not valid; nothing was changed"},
                 {"h.yaml:3:1: error: sit: unknown key", "h.yaml:4:1: error: x: y"});
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"reload"}, {"reload", "--json"}}) {
    const Outcome outcome = ctl(words);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_EQ(outcome.err,
              "hotswapctl: the configuration is not valid; nothing was changed\n"
              "h.yaml:3:1: error: sit: unknown key\nh.yaml:4:1: error: x: y\n");
  }
}

TEST_F(HotswapctlTest, WatchPrintsEventsAsTheyCome) {
  for (const bool json : {false, true}) {
    int out[2];
    ASSERT_EQ(::pipe2(out, O_CLOEXEC), 0);
    std::vector<std::string> words{"watch", "--socket", path};
    if (json) words.push_back("--json");
    const pid_t child = spawn(words, "/dev/null", out[1], STDERR_FILENO);
    ::close(out[1]);
    ASSERT_TRUE(test::eventually([&] { return daemon.watchers().size() == (json ? 2u : 1u); }));
    const ControlResponder watcher = daemon.watchers().back();
    watcher.event({{"at", "2026-11-21T11:00:00Z"},
                   {"kind", "swap"},
                   {"fqdn", "www.example.com"},
                   {"text", "to backup 1"}});
    const std::string expected =
        json
            ? R"({"at":"2026-11-21T11:00:00Z","kind":"swap","fqdn":"www.example.com","text":"to backup 1"})"
              "\n"
            : "2026-11-21 11:00:00Z  swap  www.example.com  to backup 1\n";
    std::string said(expected.size(), '\0');
    ASSERT_EQ(::read(out[0], said.data(), said.size()), static_cast<ssize_t>(said.size()));
    EXPECT_EQ(said, expected);  // while the program still runs: it was flushed
    ::kill(child, SIGINT);
    wait_for(child);
    ::close(out[0]);
    EXPECT_TRUE(test::eventually([&] { return !watcher.open(); }));
  }
}

TEST_F(HotswapctlTest, WatchEndsWithTheDaemon) {
  int err[2];
  ASSERT_EQ(::pipe2(err, O_CLOEXEC), 0);
  const pid_t child = spawn({"watch", "--socket", path}, "/dev/null", STDOUT_FILENO, err[1]);
  ::close(err[1]);
  ASSERT_TRUE(test::eventually([&] { return daemon.watchers().size() == 1; }));
  thread.stop();
  EXPECT_EQ(wait_for(child), 1);
  EXPECT_THAT(drain(err[0]), HasSubstr("closed the connection"));
}

TEST_F(HotswapctlTest, OutputThatCannotBeWrittenIsAFailure) {
  daemon.answers(one_ok);
  int err[2];
  ASSERT_EQ(::pipe2(err, O_CLOEXEC), 0);
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  const pid_t child = spawn({"status", "--socket", path}, "/dev/null", full, err[1]);
  ::close(full);
  ::close(err[1]);
  EXPECT_THAT(drain(err[0]), HasSubstr("could not be written"));
  EXPECT_EQ(wait_for(child), 1);
}

TEST(Hotswapctl, WrongUsageIsTwoAndAnUnreachableDaemonIsOne) {
  const test::TempFolder folder;
  EXPECT_EQ(run({}).status, 2);
  EXPECT_EQ(run({"fly"}).status, 2);
  EXPECT_EQ(run({"recover", "www.example.com", "--for", "soon"}).status, 2);
  const Outcome nobody = run({"status", "--socket", folder / "none.sock"});
  EXPECT_EQ(nobody.status, 1);
  EXPECT_THAT(nobody.out, IsEmpty());
  EXPECT_THAT(nobody.err,
              StartsWith("hotswapctl: there is no control socket " + folder / "none.sock"));
}

TEST(Hotswapctl, SaysItsVersion) {
  const Outcome outcome = run({"--version"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, MatchesRegex("hotswapctl [0-9]+\\.[0-9]+\\.[0-9]+ \\([0-9a-z-]+\\)\n"));
}

}  // namespace
}  // namespace hotswapd
