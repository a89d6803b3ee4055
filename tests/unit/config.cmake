hotswapd_test(config_test
  SOURCES config/broken_test.cpp config/diff_test.cpp config/example_test.cpp config/load_test.cpp
          config/schema_test.cpp config/secret_test.cpp config/source_test.cpp config/support.cpp
          config/values_test.cpp config/worst_case_test.cpp
  LINKS hotswapd_config
  LABELS unit)
target_compile_definitions(config_test PRIVATE SOURCE_ROOT="${PROJECT_SOURCE_DIR}")
