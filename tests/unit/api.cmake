hotswapd_test(api_test
  SOURCES api/access_parts_test.cpp api/control_handler_test.cpp api/control_peer_test.cpp
          api/control_protocol_test.cpp api/health_handler_test.cpp api/rate_window_test.cpp
          api/v1_routes_test.cpp
  LINKS hotswapd_api
  LABELS unit)
hotswapd_test(api_openapi_test SOURCES api/openapi_test.cpp LINKS hotswapd_api hotswapd_config LABELS unit)
target_compile_definitions(api_openapi_test PRIVATE SOURCE_ROOT="${PROJECT_SOURCE_DIR}")
