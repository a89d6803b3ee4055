hotswapd_test(io_outbox_teller_test SOURCES app/outbox_teller_test.cpp LINKS hotswapd_app LABELS io)
hotswapd_test(io_metrics_text_test SOURCES app/metrics_text_test.cpp LINKS hotswapd_app LABELS io)
