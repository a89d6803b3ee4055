hotswapd_test(probes_unit_test
  SOURCES probes/finding_test.cpp probes/http_judge_test.cpp probes/http_request_test.cpp
          probes/http_response_test.cpp probes/icmp_message_test.cpp
          probes/probe_policy_test.cpp probes/redirect_test.cpp
          probes/sequence_table_test.cpp probes/smtp_dialogue_test.cpp
          probes/tls_session_test.cpp
  LINKS hotswapd_probes LABELS unit)
