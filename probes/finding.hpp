// What an attempt came to, before the times are filled in; and the words for the system's errors.
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/probe_result.hpp"
#include "core/time.hpp"

namespace hotswapd {

struct Finding {
  Verdict verdict = Verdict::inconclusive;
  FailureClass failure = FailureClass::none;
  std::string reason;
};

Finding pass(std::string reason);
Finding fail(FailureClass failure, std::string reason);
Finding inconclusive(std::string reason);  // class local

// An errno of socket(), connect() or the poller before the connection stood. Our own trouble (no
// descriptors, ports, memory, privilege or route) is inconclusive; refused and unreachable are the
// target's.
Finding connect_failure(int error, std::string_view where);

// An errno of sending a datagram, or of its socket: our own trouble, whatever it is.
Finding send_failure(int error, std::string_view where);

// An errno of reading or writing once connected.
Finding exchange_failure(int error, std::string_view while_doing);

std::string seconds_text(Millis time);  // "2 s", "1.5 s", "500 ms"

}  // namespace hotswapd
