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

// An errno with which socket(), connect() or the poller came back at once: nothing has left this
// host, so it speaks of our descriptors, ports, memory, privilege and routes, and is inconclusive.
// Refused can only be a target on this host itself.
Finding begin_failure(int error, std::string_view where);

// An errno that came for a connection request under way: the target or the network has answered.
Finding connect_failure(int error, std::string_view where);

// The route went while the attempt was under way: whatever it met after that, or did not meet, says
// nothing of the target.
Finding route_lost(std::string_view where);

// An errno of sending a datagram, or of its socket: our own trouble, whatever it is.
Finding send_failure(int error, std::string_view where);

// An errno of reading or writing once connected.
Finding exchange_failure(int error, std::string_view while_doing);

std::string seconds_text(Millis time);  // "2 s", "1.5 s", "500 ms"

}  // namespace hotswapd
