// Where the embedded provider keeps its records: durable before they are answered.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/record.hpp"

namespace hotswapd {

// One name of an embedded zone as it is stored.
struct StoredRecord {
  RecordKey key;
  RecordSet set;
  std::uint64_t generation = 0;
  std::string op;                 // the operation that wrote it
  std::uint32_t zone_serial = 0;  // of the zone after this write
};

class RecordJournal {
 public:
  virtual ~RecordJournal() = default;

  // Makes the record durable (fsync), replacing the one of the same key. `done` is called on shard
  // 0, once, with an error when the disk refused: then the record does not exist and must not be
  // answered.
  virtual void save(StoredRecord record, std::function<void(Fallible<void>)> done) = 0;
};

}  // namespace hotswapd
