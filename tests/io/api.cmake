hotswapd_test(api_io_test
  SOURCES api/control_server_test.cpp api/control_socket_test.cpp api/http_server_test.cpp
          api/event_feed_test.cpp api/router_test.cpp api/users_test.cpp
  LINKS hotswapd_api
  LABELS io)
