hotswapd_test(io_delivery_mark_test SOURCES notifiers/delivery_mark_test.cpp LINKS hotswapd_notify_core LABELS io)
hotswapd_test(io_notifiers_test SOURCES notifiers/outbox_test.cpp notifiers/syslog_udp_test.cpp
  LINKS hotswapd_notifiers LABELS io)

# For tests/e2e/notify: our words and our sender, without a daemon.
add_executable(syslog_say notifiers/syslog_say.cpp)
set_target_properties(syslog_say PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(syslog_say PRIVATE hotswapd_notifiers Boost::json)
