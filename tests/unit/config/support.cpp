#include "support.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

namespace hotswapd::test {

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "hotswapd-config-XXXXXX").string();
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::write(const std::string& name, const std::string& text,
                                      unsigned mode) const {
  const std::string file = path_ + '/' + name;
  std::ofstream(file, std::ios::binary) << text;
  EXPECT_EQ(::chmod(file.c_str(), mode), 0);
  return file;
}

std::string full_example(const TemporaryDirectory& directory) {
  std::istringstream in(read_text(source_file("config/hotswapd.example.yaml")));
  const std::string place = "/etc/hotswapd/secrets";
  std::string out;
  for (std::string line; std::getline(in, line);) {
    // "# words" stays; "#key" and "#  key" are settings.
    const bool words = line.size() > 1 && line[1] == ' ' && (line.size() == 2 || line[2] != ' ');
    if (line.starts_with('#') && line.size() > 1 && !words) line.erase(0, 1);
    for (auto at = line.find(place); at != std::string::npos; at = line.find(place, at)) {
      line.replace(at, place.size(), directory.path());
      at += directory.path().size();
    }
    out += line + '\n';
  }
  directory.write("tsig.key", "dHJ1c3Qgbm8gb25lIGJ1dCB0aGUgcHJpbWFyeSBzZXJ2ZXI=\n");
  for (const char* name : {"ops.hash", "alarms.token", "pdns.key", "cf.token", "dyn.password",
                           "chat.key", "aws.key"}) {
    directory.write(name, "$y$j9T$secret\n");
  }
  return out;
}

}  // namespace hotswapd::test
