# Compiler options that every target of ours shares, and the two helpers that declare targets.
add_library(hotswapd_options INTERFACE)
target_compile_options(hotswapd_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align
  -Wunused -Wnull-dereference -Wformat=2 -Wimplicit-fallthrough -Werror
  # g++ 12 reports paths inside the standard library and Boost that cannot be taken, at -O2 and under the
  # sanitizers; the run-time sanitizers look for the real thing.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-null-dereference -Wno-maybe-uninitialized -Wno-stringop-overflow
    -Wno-stringop-overread -Wno-array-bounds -Wno-restrict -Wno-dangling-pointer -Wno-free-nonheap-object
    -Wno-mismatched-new-delete>)
target_compile_definitions(hotswapd_options INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  BOOST_ASIO_DISABLE_BOOST_COROUTINE)
target_include_directories(hotswapd_options INTERFACE ${PROJECT_SOURCE_DIR})
target_link_libraries(hotswapd_options INTERFACE Threads::Threads Boost::headers)

if(HOTSWAPD_SANITIZE)
  add_compile_options(-fsanitize=${HOTSWAPD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HOTSWAPD_SANITIZE})
  if(HOTSWAPD_SANITIZE_OFF)
    add_compile_options(-fno-sanitize=${HOTSWAPD_SANITIZE_OFF})
  endif()
  if(HOTSWAPD_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio uses atomic_thread_fence, which g++ 12 cannot instrument and warns about.
    add_compile_options(-Wno-tsan)
  endif()
endif()

if(HOTSWAPD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # libFuzzer sees which branches the product takes
endif()

# hotswapd_library(NAME SOURCES... LINKS...): the static library of one folder.
function(hotswapd_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC hotswapd_options ${ARG_LINKS})
endfunction()

# hotswapd_test(NAME SOURCES... LINKS... [LABELS...]): one GoogleTest program; its tests are ctest's.
function(hotswapd_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE hotswapd_options ${ARG_LINKS} GTest::gmock_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 300)
endfunction()
