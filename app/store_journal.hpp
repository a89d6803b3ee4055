// The embedded provider's records, kept in state.db.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "dns/record_journal.hpp"
#include "monitor/state_store.hpp"

namespace hotswapd {

class StoreJournal final : public RecordJournal {
 public:
  // `executor` is shard 0's, where the provider lives.
  StoreJournal(StateStore& store, boost::asio::any_io_executor executor);
  void save(StoredRecord record, std::function<void(Fallible<void>)> done) override;

 private:
  StateStore& store_;
  boost::asio::any_io_executor executor_;
};

std::vector<StoredRecord> stored_records(const std::vector<RecordRow>& rows);

}  // namespace hotswapd
