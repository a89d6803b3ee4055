// hotswapd: the command line of the daemon.
#include <openssl/crypto.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include "app/daemon.hpp"
#include "app/logging.hpp"
#include "config/load.hpp"
#include "config/worst_case.hpp"
#include "generated/version_info.hpp"

namespace {

constexpr int failed = 1;
constexpr int wrong_usage = 2;

void print(const hotswapd::Diagnostics& diagnostics) {
  for (const auto& found : diagnostics) std::cerr << found.to_string() << '\n';
}

int run(int argc, char** argv) {
  CLI::App app("Watches services and hot-swaps their DNS records to a healthy backup.", "hotswapd");
  std::string config_file;
  bool check = false;
  app.add_option("--config", config_file, "the configuration file")->type_name("FILE")->required();
  app.add_flag("--check", check,
               "validate the configuration, print the worst-case times to swap, and exit");
  app.set_version_flag("--version", "hotswapd " HOTSWAPD_VERSION " (" HOTSWAPD_COMMIT ")");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const bool asked = e.get_exit_code() == 0;  // --help, --version
    app.exit(e);
    return asked ? 0 : wrong_usage;
  }

  auto loaded = hotswapd::load_file(config_file);
  print(loaded.diagnostics);
  if (!loaded.config) return failed;
  if (check) {
    std::cout << hotswapd::worst_case_report(*loaded.config);
    return 0;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL);  // ignored by whoever started us, our children's ends are lost
  const auto log = hotswapd::make_stderr_logger();
  return hotswapd::run_daemon(std::move(*loaded.config), config_file,
                              {HOTSWAPD_VERSION, HOTSWAPD_COMMIT}, *log);
}

}  // namespace

int main(int argc, char** argv) {
  // A thread that reads certificates may outlive us by a moment: what it uses is not taken apart.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "hotswapd: %s\n", e.what());
    return failed;
  }
}
