hotswapd_test(rounds_unit_test SOURCES monitor/due_queue_test.cpp monitor/stall_watch_test.cpp LINKS hotswapd_rounds LABELS unit)
