hotswapd_test(net_unit_test SOURCES net/deadline_wheel_test.cpp LINKS hotswapd_net LABELS unit)
