#include "net/spawn.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace hotswapd {
namespace {

void close_one(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

std::string words_for(int error) {
  return std::generic_category().message(error);
}

struct Pipe {
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_one(read);
    close_one(write);
  }

  bool open() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read = above_the_standard_ones(ends[0]);
    write = above_the_standard_ones(ends[1]);
    return read >= 0 && write >= 0;
  }

  int read = -1;
  int write = -1;

 private:
  // A daemon started without a stdin gets 0 here, which the child's own would overwrite.
  static int above_the_standard_ones(int fd) {
    if (fd > STDERR_FILENO) return fd;
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    ::close(fd);
    return moved;
  }
};

bool fill(int fd, const std::string& input) {
  // Never blocks: it fits, and the reading end is ours as well, so that there is no SIGPIPE either.
  if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return false;
  return ::write(fd, input.data(), input.size()) == static_cast<ssize_t>(input.size());
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  // exec(3) takes them without const and leaves them alone.
  for (const auto& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

class Attributes {
 public:
  Attributes() {
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_init(&actions);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
  }

  // 0, or an errno.
  int prepare(int in, int out, int err) {
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    constexpr short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    for (const int error :
         {::posix_spawnattr_setflags(&attributes, flags),
          ::posix_spawnattr_setpgroup(&attributes, 0),
          ::posix_spawnattr_setsigmask(&attributes, &none),
          ::posix_spawnattr_setsigdefault(&attributes, &all),
          ::posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO),
          ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO),
          ::posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO),
          // Sockets of libraries may lack the flag: nothing of ours reaches a program.
          ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1),
          ::posix_spawn_file_actions_addchdir_np(&actions, "/")}) {
      if (error != 0) return error;
    }
    return 0;
  }

  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
};

bool is_about_the_program(int error) {
  return error == ENOENT || error == EACCES || error == ENOEXEC || error == ENOTDIR ||
         error == EISDIR || error == EPERM || error == ELOOP || error == E2BIG;
}

}  // namespace

Spawned::~Spawned() {
  if (pid > 0) ::kill(-pid, SIGKILL);
  close_one(process);
  close_one(output);
  close_one(errors);
}

void spawn(const Command& command, const std::string& input, Spawned& into) {
  Pipe in;
  Pipe out;
  Pipe err;
  if (!in.open() || !out.open() || !err.open() || !fill(in.write, input)) {
    into.trouble = "no pipe for it: " + words_for(errno);
    return;
  }
  Attributes how;
  int error = how.prepare(in.read, out.write, err.write);
  pid_t pid = 0;
  if (error == 0) {
    auto words = pointers(command.words);
    auto environment = pointers(command.environment);
    error = ::posix_spawn(&pid, words.front(), &how.actions, &how.attributes, words.data(),
                          environment.data());
  }
  if (error != 0) {
    into.no_program = is_about_the_program(error);
    into.trouble = command.words.front() + ": " + words_for(error);
    return;
  }
  const auto process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) {
    into.trouble = "it could not be watched: " + words_for(errno);
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return;
  }
  into.pid = pid;
  into.process = process;
  into.output = std::exchange(out.read, -1);
  into.errors = std::exchange(err.read, -1);
}

}  // namespace hotswapd
