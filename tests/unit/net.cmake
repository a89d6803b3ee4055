hotswapd_test(net_unit_test SOURCES net/background_test.cpp net/deadline_wheel_test.cpp LINKS hotswapd_net LABELS unit)
hotswapd_test(resolver_test
  SOURCES net/resolver_answer_test.cpp net/resolver_cache_test.cpp net/resolver_settings_test.cpp
  LINKS hotswapd_net LABELS unit)
hotswapd_test(http_call_test SOURCES net/http_call_test.cpp LINKS hotswapd_net LABELS unit)
