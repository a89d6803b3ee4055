hotswapd_test(api_test
  SOURCES api/access_parts_test.cpp api/control_handler_test.cpp api/control_peer_test.cpp
          api/control_protocol_test.cpp api/health_handler_test.cpp api/rate_window_test.cpp
  LINKS hotswapd_api
  LABELS unit)
