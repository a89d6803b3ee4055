hotswapd_test(dns_server_test SOURCES dns/dns_server_test.cpp LINKS hotswapd_dns LABELS io)
hotswapd_test(dns_embedded_test SOURCES dns/embedded_test.cpp dns/prover_test.cpp LINKS hotswapd_dns LABELS io)

# The product's DNS as a program of its own, for the judges in tests/e2e/dns and for bench/dns_bench.sh.
add_executable(serve_zone ${PROJECT_SOURCE_DIR}/tests/e2e/dns/serve_zone.cpp)
set_target_properties(serve_zone PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(serve_zone PRIVATE hotswapd_dns)

# Each kind of provider as a program of its own, for the tests against real servers.
add_executable(provider_call ${PROJECT_SOURCE_DIR}/tests/e2e/provider_call.cpp)
set_target_properties(provider_call PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(provider_call PRIVATE hotswapd_dns Boost::json)
add_executable(api_call ${PROJECT_SOURCE_DIR}/tests/e2e/api_call.cpp)
set_target_properties(api_call PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(api_call PRIVATE hotswapd_dns Boost::json)
add_executable(route53_call ${PROJECT_SOURCE_DIR}/tests/e2e/route53_call.cpp)
set_target_properties(route53_call PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(route53_call PRIVATE hotswapd_dns Boost::json)
add_executable(exec_call ${PROJECT_SOURCE_DIR}/tests/e2e/exec_call.cpp)
set_target_properties(exec_call PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(exec_call PRIVATE hotswapd_dns Boost::json)
add_executable(dyn_call ${PROJECT_SOURCE_DIR}/tests/e2e/dyn_call.cpp)
set_target_properties(dyn_call PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(dyn_call PRIVATE hotswapd_dns Boost::json)
