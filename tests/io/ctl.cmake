# hotswapctl itself, against a control server whose answers the test writes.
hotswapd_test(ctl_io_test
  SOURCES ctl/client_test.cpp ctl/hotswapctl_test.cpp ctl/probe_test.cpp net/dns_peer.cpp probes/scripted_peer.cpp
  LINKS hotswapd_ctl hotswapd_api
  LABELS io)
add_dependencies(ctl_io_test hotswapctl)
target_compile_definitions(ctl_io_test PRIVATE HOTSWAPCTL="$<TARGET_FILE:hotswapctl>")
