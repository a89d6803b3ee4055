hotswapd_test(decisions_test
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/monitor/health_machine_test.cpp ${CMAKE_CURRENT_LIST_DIR}/monitor/guard_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/monitor/failover_machine_test.cpp ${CMAKE_CURRENT_LIST_DIR}/monitor/swap_machine_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/monitor/service_model_test.cpp ${CMAKE_CURRENT_LIST_DIR}/monitor/service_property_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/monitor/correlated_loss_test.cpp ${CMAKE_CURRENT_LIST_DIR}/monitor/witness_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/monitor/target_quality_test.cpp ${CMAKE_CURRENT_LIST_DIR}/monitor/blindness_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/monitor/swap_journal_test.cpp ${CMAKE_CURRENT_LIST_DIR}/monitor/call_window_test.cpp
  LINKS hotswapd_decisions LABELS unit)
