// The delivery mark over restarts, damage, a full ring, and kill -9 of its writer.
#include "notifiers/delivery_mark.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace hotswapd {
namespace {

class DeliveryMarkTest : public ::testing::Test {
 protected:
  DeliveryMarkTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "hotswapd-mark-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    dir_ = pattern;
    path_ = dir_ / "delivered";
  }
  ~DeliveryMarkTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  DeliveryMark open(std::size_t slots = DeliveryMark::default_slots) {
    auto opened = DeliveryMark::read(path_.string(), slots);
    EXPECT_TRUE(opened.has_value()) << opened.error().text;
    return std::move(opened.value());
  }
  void overwrite(std::streamoff at, const std::string& bytes) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file << bytes;
  }

  std::filesystem::path dir_;
  std::filesystem::path path_;
};

TEST_F(DeliveryMarkTest, MarksComeBack) {
  {
    auto marks = open();
    EXPECT_EQ(marks.size(), 0u);
    EXPECT_TRUE(marks.mark(1));
    EXPECT_TRUE(marks.mark(1'728'043'200'000'002));
    EXPECT_TRUE(marks.contains(1));
    EXPECT_FALSE(marks.contains(2));
  }
  auto marks = open();
  EXPECT_EQ(marks.size(), 2u);
  EXPECT_TRUE(marks.contains(1));
  EXPECT_TRUE(marks.contains(1'728'043'200'000'002));
  EXPECT_FALSE(marks.contains(0));
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(DeliveryMarkTest, TheRingKeepsTheNewest) {
  for (int start = 0; start < 5; ++start) {
    auto marks = open(8);
    for (int i = 1; i <= 5; ++i) ASSERT_TRUE(marks.mark(start * 5 + i));
  }
  auto marks = open(8);
  EXPECT_EQ(marks.size(), 8u);
  for (int id = 1; id <= 25; ++id) EXPECT_EQ(marks.contains(id), id > 17) << id;
  EXPECT_EQ(std::filesystem::file_size(path_), 8u * 24);
}

TEST_F(DeliveryMarkTest, AnIdMarkedTwiceStaysUntilItsLastSlotGoes) {
  auto marks = open(4);
  ASSERT_TRUE(marks.mark(7));
  ASSERT_TRUE(marks.mark(8));
  ASSERT_TRUE(marks.mark(7));
  ASSERT_TRUE(marks.mark(9));
  ASSERT_TRUE(marks.mark(10));
  EXPECT_TRUE(marks.contains(7));
  ASSERT_TRUE(marks.mark(11));
  ASSERT_TRUE(marks.mark(12));
  EXPECT_FALSE(marks.contains(7));
}

TEST_F(DeliveryMarkTest, DamageCostsTheDamagedSlotsOnly) {
  {
    auto marks = open(16);
    for (int id = 101; id <= 110; ++id) ASSERT_TRUE(marks.mark(id));
  }
  overwrite(3 * 24 + 8, "X");    // an id
  overwrite(5 * 24, "\x7f");     // a number
  overwrite(7 * 24 + 16, "zz");  // a checksum
  auto marks = open(16);
  EXPECT_EQ(marks.size(), 7u);
  EXPECT_TRUE(marks.contains(101));
  ASSERT_TRUE(marks.mark(111));
  EXPECT_TRUE(open(16).contains(111));
}

TEST_F(DeliveryMarkTest, GarbageAndTruncationAreAnEmptyFile) {
  std::ofstream(path_) << std::string(100'000, 'g');
  EXPECT_EQ(open().size(), 0u);
  {
    auto marks = open();
    ASSERT_TRUE(marks.mark(5));
  }
  std::filesystem::resize_file(path_, 30);
  auto marks = open();
  ASSERT_TRUE(marks.mark(6));
  EXPECT_TRUE(open().contains(6));
}

TEST_F(DeliveryMarkTest, ADirectoryInItsPlaceIsAnError) {
  std::filesystem::create_directory(path_);
  EXPECT_FALSE(DeliveryMark::read(path_.string()));
}

TEST_F(DeliveryMarkTest, APipeInItsPlaceIsAnErrorAndNotWaitedFor) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(DeliveryMark::read(path_.string()));
}

TEST_F(DeliveryMarkTest, ReadingMakesNoFile) {
  auto marks = open();
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_TRUE(marks.save());
  EXPECT_TRUE(std::filesystem::exists(path_));
}

// A read-only bind mount of the folder, in a child: what was told is known, what is told now comes
// to the file when it can.
TEST_F(DeliveryMarkTest, AReadOnlyDiskKeepsThemInMemoryUntilItIsWellAgain) {
  {
    auto marks = open(8);
    for (int id = 1; id <= 3; ++id) ASSERT_TRUE(marks.mark(id));
  }
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const unsigned long again = MS_REMOUNT | MS_BIND;
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount(dir_.c_str(), dir_.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
        ::mount(nullptr, dir_.c_str(), nullptr, again | MS_RDONLY, nullptr) != 0) {
      ::_exit(77);
    }
    auto marks = open(8);
    const auto refused = marks.save();
    EXPECT_TRUE(!refused && refused.error().text.find("Read-only") != std::string::npos);
    EXPECT_TRUE(marks.contains(3));
    for (int id = 4; id <= 10; ++id) EXPECT_FALSE(marks.mark(id));
    EXPECT_TRUE(marks.contains(10));
    EXPECT_FALSE(marks.contains(2));
    EXPECT_EQ(::mount(nullptr, dir_.c_str(), nullptr, again, nullptr), 0);
    EXPECT_TRUE(marks.mark(11));
    EXPECT_TRUE(marks.save());
    ::_exit(HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "needs root and mount namespaces";
  EXPECT_EQ(WEXITSTATUS(status), 0) << "see above";
  auto marks = open(8);
  EXPECT_EQ(marks.size(), 8u);
  for (int id = 4; id <= 11; ++id) EXPECT_TRUE(marks.contains(id)) << id;
}

TEST_F(DeliveryMarkTest, MarksSurviveKillMinusNine) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto marks = DeliveryMark::read(path_.string());
    for (std::int64_t id = 1; marks && marks->mark(id); ++id) {
      if (::write(ends[1], &id, sizeof id) < 0) break;
    }
    ::_exit(1);
  }
  ::close(ends[1]);
  std::int64_t last = 0;
  std::int64_t id = 0;
  while (last < 5000 && ::read(ends[0], &id, sizeof id) == sizeof id) last = id;
  ::kill(child, SIGKILL);
  while (::read(ends[0], &id, sizeof id) == sizeof id) last = id;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  auto marks = open();
  EXPECT_GE(last, 5000);
  for (id = 1; id <= last; ++id) {
    if (last - id < 16'000) {
      ASSERT_TRUE(marks.contains(id)) << id << " of " << last;
    }
  }
}

}  // namespace
}  // namespace hotswapd
