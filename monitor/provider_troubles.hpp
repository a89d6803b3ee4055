// What is wrong with a provider, told once: one alarm a kind of trouble and provider, however many
// services are met by it, from the first of them to the last.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/record.hpp"
#include "monitor/alarms.hpp"
#include "monitor/clocks.hpp"

namespace hotswapd {

enum class Trouble : std::uint8_t {
  unread,         // records cannot be read
  configuration,  // it refuses us
  clock,          // it finds our clock wrong
  throttled,      // it asked to be left alone
  ignored,        // it says that a change is done, and the record stays as it was
};

// What was asked of it: a service may be allowed the one and not the other.
enum class Asked : std::uint8_t { read, write };

// Lives on shard 0.
class ProviderTroubles {
 public:
  ProviderTroubles(Alarms& alarms, Clocks clocks);

  // `provider` by its name in the configuration. A read that failed is of one kind, by its hint.
  void read_failed(const std::string& provider, const RecordKey& service, const Error& why);
  void read(const std::string& provider, const RecordKey& service);
  // A write, by its hint; other failures are the swap's own.
  void write_failed(const std::string& provider, const RecordKey& service, const Hint& hint,
                    const std::string& why);
  void ignored(const std::string& provider, const RecordKey& service, const std::string& why);
  // A write went through, and was read back.
  void written(const std::string& provider, const RecordKey& service);
  // Nobody wants to write it any more.
  void given_up(const std::string& provider, const RecordKey& service);
  void throttled(const std::string& provider, TimePoint until, const std::string& why);
  void not_throttled(const std::string& provider);
  // It is no service of that provider any more.
  void forget(const std::string& provider, const RecordKey& service);
  // Of the others nothing is asked any more.
  void only(const std::set<std::string>& providers);

 private:
  static constexpr std::size_t kinds = 5;
  using Who = std::pair<RecordKey, Asked>;
  struct Standing {
    std::array<std::set<Who>, kinds> met;
    bool throttled = false;
  };

  void begin(const std::string& provider, Trouble kind, Who who, const std::string& why);
  void end(const std::string& provider, Trouble kind, const Who& who, const char* over = nullptr);
  // `over`: in which words; null: those of its kind.
  void cleared(const std::string& provider, Trouble kind, const char* over = nullptr);

  Alarms& alarms_;
  Clocks clocks_;
  std::map<std::string, Standing> providers_;
};

}  // namespace hotswapd
