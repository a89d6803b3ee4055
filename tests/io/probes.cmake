hotswapd_test(probes_io_test
  SOURCES net/dns_peer.cpp probes/early_reset_test.cpp probes/http_probe_test.cpp probes/https_probe_test.cpp probes/named_probe_test.cpp
          probes/own_network.cpp probes/ping_lies_test.cpp probes/ping_probe_test.cpp probes/probe_policy_test.cpp
          probes/redirect_probe_test.cpp
          probes/scripted_peer.cpp
          probes/smtp_probe_test.cpp
          probes/tcp_probe_test.cpp probes/tls_contexts_test.cpp probes/tls_flood_test.cpp probes/tls_resumption_test.cpp probes/test_certificates.cpp
  LINKS hotswapd_probes LABELS io)
