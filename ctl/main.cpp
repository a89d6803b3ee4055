// hotswapctl: the operator's tool.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "ctl/arguments.hpp"
#include "ctl/commands.hpp"
#include "ctl/passwd_command.hpp"
#include "ctl/probe_command.hpp"
#include "generated/version_info.hpp"

namespace {

// Colour on a terminal that can, unless NO_COLOR (no-color.org) is set; elsewhere plain lines of 80
// columns.
hotswapd::ctl::Style style_of(int descriptor) {
  hotswapd::ctl::Style style;
  if (::isatty(descriptor) == 0) return style;
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  style.colour = (no_colour == nullptr || *no_colour == '\0') && term != nullptr &&
                 std::strcmp(term, "dumb") != 0;
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) {
    style.width = std::clamp<std::size_t>(size.ws_col, 60, 140);
  }
  return style;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace hotswapd::ctl;
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  const auto parsed = parse_arguments(words, HOTSWAPD_VERSION " (" HOTSWAPD_COMMIT ")");
  if (!parsed.arguments) {
    std::cout << parsed.out << std::flush;
    std::cerr << parsed.err;
    return parsed.exit_status;
  }
  const Surroundings around{std::cout, std::cerr, style_of(STDOUT_FILENO), style_of(STDERR_FILENO)};
  if (parsed.arguments->command == "passwd") return run_passwd(around);
  if (parsed.arguments->command == "probe") return run_probe(*parsed.arguments, around);
  return run_command(*parsed.arguments, around);
}
