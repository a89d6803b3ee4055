#include "app/store_journal.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace hotswapd {

StoreJournal::StoreJournal(StateStore& store, boost::asio::any_io_executor executor)
    : store_(store), executor_(std::move(executor)) {}

void StoreJournal::save(StoredRecord record, std::function<void(Fallible<void>)> done) {
  Batch batch;
  batch.records.push_back({std::move(record.key), std::move(record.set), record.generation,
                           std::move(record.op), record.zone_serial});
  auto on_loop = [executor = executor_, done = std::move(done)](Fallible<void> result) {
    boost::asio::post(executor, [done, result = std::move(result)] { done(result); });
  };
  store_.commit(std::move(batch), std::move(on_loop));
}

std::vector<StoredRecord> stored_records(const std::vector<RecordRow>& rows) {
  std::vector<StoredRecord> records;
  records.reserve(rows.size());
  for (const auto& row : rows)
    records.push_back({row.key, row.set, row.generation, row.op, row.zone_serial});
  return records;
}

}  // namespace hotswapd
