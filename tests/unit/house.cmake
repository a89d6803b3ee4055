# The house rules that a compiler does not see: who includes whom, what stays out of headers, every log id explained.
set(house ${CMAKE_CURRENT_SOURCE_DIR}/house)
foreach(rule IN ITEMS include_direction log_ids unit_file)
  add_test(NAME house_${rule} COMMAND /usr/bin/python3 -B ${house}/${rule}_test.py ${PROJECT_SOURCE_DIR})
  add_test(NAME house_${rule}_finds_what_is_wrong
    COMMAND /usr/bin/python3 -B ${house}/${rule}_test.py --self-check)
  set_tests_properties(house_${rule} house_${rule}_finds_what_is_wrong PROPERTIES LABELS unit TIMEOUT 60)
endforeach()
