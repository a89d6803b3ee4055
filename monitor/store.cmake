# state.db: a library of its own, so that its tests need neither Asio nor the rest of the monitor.
hotswapd_library(hotswapd_store
  SOURCES sqlite.cpp state_store.cpp store_database.cpp store_files.cpp store_reading.cpp store_rows.cpp store_schema.cpp
  LINKS hotswapd_core SQLite::SQLite3)
