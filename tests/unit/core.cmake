hotswapd_test(core_test
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/core/base64_test.cpp ${CMAKE_CURRENT_LIST_DIR}/core/hash_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/core/kept_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/core/record_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/core/shared_test.cpp ${CMAKE_CURRENT_LIST_DIR}/core/text_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/core/timestamp_test.cpp
  LINKS hotswapd_core LABELS unit)
