hotswapd_test(monitor_sim
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/monitor/monitor_test.cpp ${CMAKE_CURRENT_LIST_DIR}/monitor/crash_test.cpp
  LINKS hotswapd_monitor LABELS sim)
