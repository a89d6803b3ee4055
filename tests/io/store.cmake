add_library(hotswapd_store_support STATIC monitor/store_support.cpp monitor/faulty_vfs.cpp)
target_link_libraries(hotswapd_store_support PUBLIC hotswapd_store GTest::gtest)
hotswapd_test(io_store_test
  SOURCES monitor/store_test.cpp monitor/store_start_test.cpp monitor/store_fault_test.cpp monitor/store_ill_test.cpp
  LINKS hotswapd_store_support LABELS io)

add_executable(store_kill_child monitor/store_kill_child.cpp)
set_target_properties(store_kill_child PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(store_kill_child PRIVATE hotswapd_store_support)
hotswapd_test(io_store_kill_test SOURCES monitor/store_kill_test.cpp LINKS hotswapd_store_support LABELS io)
target_compile_definitions(io_store_kill_test PRIVATE STORE_KILL_CHILD="$<TARGET_FILE:store_kill_child>")
add_dependencies(io_store_kill_test store_kill_child)
