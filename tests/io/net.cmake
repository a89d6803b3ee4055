hotswapd_test(net_io_test SOURCES net/poller_test.cpp LINKS hotswapd_net LABELS io)
hotswapd_test(resolver_io_test SOURCES net/dns_peer.cpp net/resolver_test.cpp LINKS hotswapd_net LABELS io)
