hotswapd_test(net_io_test SOURCES net/poller_test.cpp LINKS hotswapd_net LABELS io)
hotswapd_test(command_io_test SOURCES net/command_test.cpp net/places_test.cpp LINKS hotswapd_net LABELS io)
hotswapd_test(resolver_io_test SOURCES net/dns_peer.cpp net/resolver_test.cpp LINKS hotswapd_net LABELS io)
hotswapd_test(curl_pool_test
  SOURCES net/curl_pool_test.cpp net/dns_peer.cpp net/http_peer.cpp probes/scripted_peer.cpp probes/test_certificates.cpp
  LINKS hotswapd_probes LABELS io)
