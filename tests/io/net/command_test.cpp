// Programs of the operator's, run for real: bounded in time, size and number, nothing inherited,
// nothing left behind.
#include "net/command.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "net/places.hpp"
#include "net/sleep.hpp"
#include "net/task_group.hpp"

namespace hotswapd {
namespace {

using namespace std::chrono_literals;
using How = CommandEnd::How;

class CommandTest : public testing::Test {
 protected:
  CommandTest() {
    std::string pattern = testing::TempDir() + "command-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    make(4);
  }
  ~CommandTest() override { std::filesystem::remove_all(folder_); }

  void make(std::size_t at_once) {
    runner_ = std::make_unique<CommandRunner>(context_.get_executor(), at_once);
  }

  static std::shared_ptr<const Command> shell(const std::string& script) {
    Command command{{"/bin/sh", "-c", script, "hook"}, {"PATH=/usr/bin:/bin"}};
    return std::make_shared<const Command>(std::move(command));
  }

  TaskGroup::TaskId spawn(std::shared_ptr<const Command> command, std::string input, Millis time,
                          CommandEnd* to) {
    const auto work = [](CommandRunner* runner, std::shared_ptr<const Command> what, std::string in,
                         TimePoint deadline, CommandEnd* into) -> awaitable<void> {
      auto end = co_await runner->run(std::move(what), std::move(in), deadline);
      *into = std::move(end);
    };
    return tasks_.spawn(
        "run", work(runner_.get(), std::move(command), std::move(input), Clock::now() + time, to));
  }

  // Until everything is over: the reaping, too.
  void run_all() {
    context_.restart();
    context_.run();
  }

  CommandEnd run(const std::string& script, std::string input = "", Millis time = 20s) {
    CommandEnd end;
    spawn(shell(script), std::move(input), time, &end);
    run_all();
    return end;
  }

  static bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD; }

  static bool lives(const std::string& pid_file) {
    std::ifstream file(pid_file);
    pid_t pid = 0;
    file >> pid;
    // A zombie of another parent (init) is dead as well.
    std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(status)), {});
    return !text.empty() && text.find(") Z") == std::string::npos;
  }

  asio::io_context context_{1};
  TaskGroup tasks_{context_.get_executor(), [](const std::string& task, const std::string& what) {
                     ADD_FAILURE() << task << ": " << what;
                   }};
  std::unique_ptr<CommandRunner> runner_;
  std::string folder_;
};

TEST_F(CommandTest, SaysWhatWasSaid) {
  const auto end = run("cat; echo oops >&2; exit 3", "hello");
  EXPECT_EQ(end.how, How::exited);
  EXPECT_EQ(end.status, 3);
  EXPECT_EQ(end.output, "hello");
  EXPECT_EQ(end.errors, "oops\n");
  EXPECT_FALSE(has_children());
}

TEST_F(CommandTest, TheLongestInputArrivesWhole) {
  const std::string input(CommandRunner::most_input, 'x');
  EXPECT_EQ(run("wc -c", input).output, std::to_string(input.size()) + "\n");
  EXPECT_EQ(run("true", input).how, How::exited) << "a program may leave it unread";
  const auto longer = run("true", input + "x");
  EXPECT_EQ(longer.how, How::not_started);
  EXPECT_NE(longer.trouble.find("longer than"), std::string::npos);
}

TEST_F(CommandTest, TheEnvironmentIsWhatWeSay) {
  ::setenv("HOTSWAPD_TEST_SECRET", "x", 1);
  CommandEnd end;
  Command command{{"/usr/bin/env"}, {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"}};
  spawn(std::make_shared<const Command>(std::move(command)), "", 20s, &end);
  run_all();
  EXPECT_EQ(end.output, "PATH=/usr/bin:/bin\nLANG=C.UTF-8\n");
  EXPECT_EQ(run("pwd").output, "/\n");
}

TEST_F(CommandTest, NoDescriptorOfOursIsInherited) {
  const int open_for_all = ::open("/dev/null", O_RDONLY);  // no O_CLOEXEC, as a library would do
  ASSERT_GT(open_for_all, 2);
  // ls holds one for the folder that it lists.
  EXPECT_EQ(run("ls /proc/self/fd | tr '\\n' ' '").output, "0 1 2 3 ");
  ::close(open_for_all);
}

TEST_F(CommandTest, SignalsAreAsASystemGivesThem) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  const auto end = run("grep -E '^Sig(Ign|Blk):' /proc/self/status");
  std::signal(SIGPIPE, before);
  // Two of the C library's own stay ignored, far above those of programs.
  EXPECT_TRUE(end.output.starts_with("SigBlk:\t0000000000000000\n")) << end.output;
  EXPECT_TRUE(end.output.ends_with("0000000\n")) << end.output;
}

TEST_F(CommandTest, OneThatHangsIsKilledWithAllThatItStarted) {
  const auto file = folder_ + "/pid";
  const auto begun = Clock::now();
  const auto end =
      run("sleep 600 & echo $! > " + file + "; echo half; trap '' TERM; sleep 600", "", 500ms);
  EXPECT_EQ(end.how, How::timed_out);
  EXPECT_GE(Clock::now() - begun, 500ms);
  EXPECT_FALSE(has_children());
  EXPECT_FALSE(lives(file));
}

TEST_F(CommandTest, WhatItLeavesInTheBackgroundIsKilledAndNotWaitedFor) {
  const auto file = folder_ + "/pid";
  const auto end = run("sleep 600 & echo $! > " + file + "; echo done");
  EXPECT_EQ(end.how, How::exited);
  EXPECT_EQ(end.output, "done\n");
  const auto until = Clock::now() + 10s;
  while (lives(file) && Clock::now() < until) std::this_thread::sleep_for(5ms);
  EXPECT_FALSE(lives(file));
}

TEST_F(CommandTest, AFloodIsCut) {
  const auto end = run("yes");
  EXPECT_EQ(end.how, How::flooded);
  EXPECT_FALSE(has_children());
  const auto most = std::to_string(CommandRunner::most_output);
  const auto whole = run("head -c " + most + " /dev/zero");
  EXPECT_EQ(whole.how, How::exited);
  EXPECT_EQ(whole.output.size(), CommandRunner::most_output);
}

TEST_F(CommandTest, OfAFloodOnStderrTheEndIsKept) {
  const auto end = run("yes x | head -c 3000000 >&2; echo the last word >&2; echo out");
  EXPECT_EQ(end.how, How::exited);
  EXPECT_EQ(end.output, "out\n");
  EXPECT_LE(end.errors.size(), CommandRunner::most_errors);
  EXPECT_TRUE(end.errors.ends_with("x\nthe last word\n"));
}

TEST_F(CommandTest, OneThatDiesIsToldWithItsSignal) {
  const auto end = run("kill -9 $$");
  EXPECT_EQ(end.how, How::signalled);
  EXPECT_EQ(end.status, SIGKILL);
}

TEST_F(CommandTest, OneThatClosesEverythingIsWaitedForAllTheSame) {
  const auto end = run("exec <&- >&- 2>&-; sleep 0.2; exit 7");
  EXPECT_EQ(end.how, How::exited);
  EXPECT_EQ(end.status, 7);
}

TEST_F(CommandTest, WhatCannotBeStartedIsSaid) {
  const auto run_file = [&](const std::string& path) {
    CommandEnd end;
    Command command{{path}, {}};
    spawn(std::make_shared<const Command>(std::move(command)), "", 20s, &end);
    run_all();
    return end;
  };
  const auto missing = run_file("/nonexistent/hook");
  EXPECT_EQ(missing.how, How::no_program);
  EXPECT_EQ(missing.trouble, "/nonexistent/hook: No such file or directory");
  std::ofstream(folder_ + "/plain") << "#!/bin/sh\n";
  ::chmod((folder_ + "/plain").c_str(), 0644);
  EXPECT_EQ(run_file(folder_ + "/plain").how, How::no_program);
  EXPECT_FALSE(has_children());
}

TEST_F(CommandTest, SoManyRunAtATimeAndTheOthersInTheirTurn) {
  make(3);
  std::vector<CommandEnd> ends(12);
  // Each says how many there are while it runs.
  for (auto& end : ends) {
    spawn(shell("mkdir " + folder_ + "/$$ && sleep 0.05 && ls " + folder_ + " | wc -l && rmdir " +
                folder_ + "/$$"),
          "", 20s, &end);
  }
  run_all();
  for (const auto& end : ends) {
    EXPECT_EQ(end.how, How::exited) << end.errors;
    EXPECT_LE(std::atoi(end.output.c_str()), 3);
  }
}

TEST_F(CommandTest, WhoGetsNoTurnInTimeIsNeverStarted) {
  make(1);
  CommandEnd first;
  CommandEnd second;
  CommandEnd third;
  spawn(shell("sleep 0.6; echo 1"), "", 20s, &first);
  spawn(shell("touch " + folder_ + "/started"), "", 100ms, &second);
  spawn(shell("echo 3"), "", 20s, &third);
  run_all();
  EXPECT_EQ(first.output, "1\n");
  EXPECT_EQ(second.how, How::no_place);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/started"));
  EXPECT_EQ(third.output, "3\n");
}

TEST_F(CommandTest, CancelledItEndsAtOnce) {
  CommandEnd end;
  const auto begun = Clock::now();
  spawn(shell("touch " + folder_ + "/started; sleep 600"), "", 300s, &end);
  const auto stop = [](asio::io_context* context, TaskGroup* tasks,
                       std::string file) -> awaitable<void> {
    while (!std::filesystem::exists(file)) {
      const Millis nap(5);
      co_await sleep_for(context->get_executor(), nap);
    }
    tasks->request_stop();
  };
  tasks_.spawn("stop", stop(&context_, &tasks_, folder_ + "/started"));
  run_all();
  EXPECT_EQ(end.how, How::stopped);
  EXPECT_LT(Clock::now() - begun, 60s);
  EXPECT_FALSE(has_children());
}

}  // namespace
}  // namespace hotswapd
