#include "config/load.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "config/read.hpp"
#include "config/source.hpp"

namespace hotswapd {
namespace {

struct FileText {
  std::string text;
  std::string problem;  // empty: read
};

// One byte over the limit is enough to know that the file is too large.
FileText read_all(const std::string& path) {
  FileText out;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    out.problem = "cannot be read: " + std::generic_category().message(errno);
    return out;
  }
  struct stat info {};
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
    out.text.reserve(std::min<std::size_t>(static_cast<std::size_t>(info.st_size) + 1,
                                           config::Source::largest_file + 1));
  }
  std::array<char, 65536> block{};
  while (out.text.size() <= config::Source::largest_file) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) out.problem = "cannot be read: " + std::generic_category().message(errno);
    if (got <= 0) break;
    out.text.append(block.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  wipe_memory(block.data(), block.size());
  return out;
}

}  // namespace

LoadResult load_text(const std::string& name, std::string text, const LoadOptions& options) {
  LoadResult out;
  auto source = config::Source::parse(name, std::move(text), out.diagnostics);
  if (!source) return out;
  config::Reader reader(*source, options, out.diagnostics);
  const config::Node& top = source->root();
  if (top.kind != config::NodeKind::mapping) {
    reader.error(
        top, {},
        "holds " + config::describe(top) + "; it must be a mapping of keys, such as `services:`");
    return out;
  }
  Config config;
  {
    config::Object root(reader, top, *config::file_keys(), {});
    config::read_file(root, config);
  }
  reader.finish();
  if (reader.errors() == 0) out.config = std::move(config);
  return out;
}

LoadResult load_file(const std::string& path, const LoadOptions& options) {
  FileText file = read_all(path);
  if (!file.problem.empty()) {
    LoadResult out;
    out.diagnostics.push_back({path, 1, 1, Severity::error, "(file)", std::move(file.problem)});
    return out;
  }
  LoadOptions own = options;
  if (own.base_directory.empty() && path != "/dev/stdin") {
    if (const auto slash = path.rfind('/'); slash != std::string::npos) {
      own.base_directory = slash == 0 ? "/" : path.substr(0, slash);
    }
  }
  return load_text(path, std::move(file.text), own);
}

}  // namespace hotswapd
