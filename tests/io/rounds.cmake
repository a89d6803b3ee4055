hotswapd_test(rounds_io_test SOURCES monitor/round_scheduler_test.cpp LINKS hotswapd_rounds LABELS io)
