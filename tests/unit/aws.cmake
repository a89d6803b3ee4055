hotswapd_test(aws_sigv4_test SOURCES aws/sigv4_test.cpp LINKS hotswapd_aws LABELS unit)
target_compile_definitions(aws_sigv4_test PRIVATE SOURCE_ROOT="${PROJECT_SOURCE_DIR}")
hotswapd_test(aws_parts_test
  SOURCES aws/credential_plan_test.cpp aws/credential_wire_test.cpp aws/error_reply_test.cpp aws/profile_file_test.cpp
          aws/retry_test.cpp aws/services_test.cpp
  LINKS hotswapd_aws LABELS unit)
