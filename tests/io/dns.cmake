hotswapd_test(dns_server_test SOURCES dns/dns_server_test.cpp LINKS hotswapd_dns LABELS io)
hotswapd_test(dns_embedded_test SOURCES dns/embedded_test.cpp dns/prover_test.cpp LINKS hotswapd_dns LABELS io)
