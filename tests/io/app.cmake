hotswapd_test(io_outbox_teller_test SOURCES app/outbox_teller_test.cpp LINKS hotswapd_app LABELS io)
