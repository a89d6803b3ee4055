hotswapd_test(io_delivery_mark_test SOURCES notifiers/delivery_mark_test.cpp LINKS hotswapd_notify_core LABELS io)
hotswapd_test(io_notifiers_test SOURCES notifiers/outbox_test.cpp notifiers/syslog_udp_test.cpp
  LINKS hotswapd_notifiers LABELS io)
