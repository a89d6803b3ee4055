hotswapd_test(net_unit_test SOURCES net/background_test.cpp net/deadline_wheel_test.cpp LINKS hotswapd_net LABELS unit)
