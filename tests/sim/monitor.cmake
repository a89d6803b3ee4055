hotswapd_test(monitor_sim
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/monitor/monitor_test.cpp ${CMAKE_CURRENT_LIST_DIR}/monitor/crash_test.cpp
  LINKS hotswapd_monitor LABELS sim)
hotswapd_test(provider_sim
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/monitor/provider_test.cpp ${CMAKE_CURRENT_LIST_DIR}/monitor/swap_property_test.cpp
  LINKS hotswapd_monitor LABELS sim)
# The protocol, by exhaustive search of its model; skipped where spin is not installed.
if(NOT HOTSWAPD_SANITIZE)  # it is no program of ours that runs
  add_test(NAME swap_model COMMAND ${PROJECT_SOURCE_DIR}/scripts/check-model ${CMAKE_CURRENT_BINARY_DIR}/swap_model)
  set_tests_properties(swap_model PROPERTIES LABELS sim TIMEOUT 300 SKIP_RETURN_CODE 77)
endif()
