hotswapd_test(ctl_test
  SOURCES ctl/arguments_test.cpp ctl/duration_test.cpp ctl/moment_test.cpp
          ctl/page_test.cpp ctl/passwd_command_test.cpp ctl/probe_command_test.cpp ctl/render_test.cpp ctl/request_test.cpp
  LINKS hotswapd_ctl
  LABELS unit)
