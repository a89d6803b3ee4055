hotswapd_test(unit_notifiers_test
  SOURCES notifiers/outbox_queue_test.cpp notifiers/syslog_format_test.cpp
  LINKS hotswapd_notify_core LABELS unit)
