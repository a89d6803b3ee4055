#include "ctl/passwd_command.hpp"

#include <crypt.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <ostream>
#include <system_error>

namespace hotswapd::ctl {
namespace {

constexpr std::size_t longest = CRYPT_MAX_PASSPHRASE_SIZE - 1;

// What is typed is not shown until this ends.
class NoEcho {
 public:
  NoEcho() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

// One line without its end, read byte by byte so that nothing of it stays in a buffer. One byte
// more than may be, at most.
Fallible<Secret> read_line() {
  std::array<char, longest + 1> text{};
  std::size_t size = 0;
  int failure = 0;
  while (size < text.size()) {
    char c = 0;
    const auto got = ::read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) failure = errno;
    if (got <= 0 || c == '\n') break;
    text[size++] = c;
  }
  Secret line(std::string_view(text.data(), size));
  wipe_memory(text.data(), text.size());
  if (failure == 0) return line;
  return Error{errc::unavailable,
               "the standard input: " + std::generic_category().message(failure)};
}

Fallible<Secret> ask(const Surroundings& around) {
  if (::isatty(STDIN_FILENO) == 0) return read_line();
  const NoEcho quiet;
  around.err << "password: " << std::flush;
  auto first = read_line();
  around.err << "\nonce more: " << std::flush;
  const auto second = read_line();
  around.err << "\n" << std::flush;
  if (first && second && !(*first == *second))
    return Error{errc::invalid_argument, "the two are not the same"};
  return first;
}

}  // namespace

Fallible<std::string> hash_of(const Secret& password) {
  const auto phrase = password.reveal();
  if (phrase.empty()) return Error{errc::invalid_argument, "the password is empty"};
  if (phrase.size() > longest)
    return Error{errc::invalid_argument, "the password is longer than 511 bytes"};
  if (phrase.find('\0') != phrase.npos)
    return Error{errc::invalid_argument, "the password has a NUL in it"};
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  if (crypt_gensalt_rn("$y$", 0, nullptr, 0, setting.data(), static_cast<int>(setting.size())) ==
      nullptr) {
    return Error{errc::internal, "no salt: " + std::generic_category().message(errno)};
  }
  std::array<char, CRYPT_MAX_PASSPHRASE_SIZE> text{};
  phrase.copy(text.data(), phrase.size());
  const auto data = std::make_unique<crypt_data>();
  const char* const made = crypt_rn(text.data(), setting.data(), data.get(), sizeof *data);
  std::string hash = made == nullptr ? std::string() : std::string(made);
  wipe_memory(text.data(), text.size());
  wipe_memory(data.get(), sizeof *data);
  if (!hash.starts_with('$')) return Error{errc::internal, "crypt(3) made no hash"};
  return hash;
}

int run_passwd(const Surroundings& around) {
  const auto password = ask(around);
  const auto hash = password ? hash_of(*password) : Fallible<std::string>(password.error());
  if (!hash) {
    around.err << "hotswapctl: " << hash.error().text << "\n";
    return 1;
  }
  around.out << *hash << std::endl;
  return around.out ? 0 : 1;
}

}  // namespace hotswapd::ctl
