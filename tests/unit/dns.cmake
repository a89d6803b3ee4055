hotswapd_test(dns_wire_test SOURCES net/endpoint_test.cpp net/name_test.cpp net/wire_test.cpp LINKS hotswapd_dns LABELS unit)
hotswapd_test(dns_answerer_test SOURCES dns/answerer_test.cpp LINKS hotswapd_dns LABELS unit)
hotswapd_test(dns_zone_test SOURCES dns/zone_editor_test.cpp dns/zone_property_test.cpp LINKS hotswapd_dns LABELS unit)
hotswapd_test(dns_parts_test SOURCES dns/rate_limiter_test.cpp dns/proof_servers_test.cpp LINKS hotswapd_dns LABELS unit)
hotswapd_test(dns_embedded_zones_test SOURCES dns/embedded_zones_test.cpp dns/proof_test.cpp LINKS hotswapd_dns
  LABELS unit)
hotswapd_test(dns_dyn_test SOURCES dns/dyn_api_test.cpp dns/dyn_records_test.cpp LINKS hotswapd_dns LABELS unit)
hotswapd_test(dns_exec_test SOURCES dns/exec_protocol_test.cpp LINKS hotswapd_dns LABELS unit)
hotswapd_test(dns_update_test SOURCES dns/tsig_test.cpp dns/update_message_test.cpp LINKS hotswapd_dns LABELS unit)
hotswapd_test(dns_api_codec_test SOURCES dns/cloudflare_codec_test.cpp dns/powerdns_codec_test.cpp LINKS hotswapd_dns
  LABELS unit)
hotswapd_test(dns_route53_test SOURCES dns/route53_message_test.cpp LINKS hotswapd_dns LABELS unit)
