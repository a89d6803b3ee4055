// Carries one command out: request, answer, output, exit status.
#pragma once

#include <iosfwd>
#include <string>

#include "core/error.hpp"
#include "core/time.hpp"
#include "ctl/arguments.hpp"
#include "ctl/page.hpp"

namespace hotswapd::ctl {

struct Surroundings {
  std::ostream& out;
  std::ostream& err;
  Style out_style;
  Style err_style;
  Millis answer_within = Seconds(10);
};

// The request line for the arguments; `text` is the configuration for `plan`. Pure.
Fallible<std::string> request_line(const Arguments& arguments, const std::string& absolute_file,
                                   const std::string& text);

// 0 fine, 1 failed, refused, unreachable, or `status --exit-code` with a service that is not ok.
int run_command(const Arguments& arguments, const Surroundings& around);

}  // namespace hotswapd::ctl
