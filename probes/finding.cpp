#include "probes/finding.hpp"

#include <cerrno>
#include <utility>

#include "core/error.hpp"
#include "core/exhaustion.hpp"

namespace hotswapd {
namespace {

// The sentence for an errno that is our own trouble; nullptr for any other.
const char* own_trouble(int error) {
  if (const char* const text = exhaustion(error)) return text;
  switch (error) {
    case EADDRNOTAVAIL:
      return "no local port or address left for the connection";
    case EADDRINUSE:
      return "the local address is in use";
    case EACCES:
    case EPERM:
      return "this host does not permit the connection (firewall, prohibit route or privilege)";
    case ENETUNREACH:
    case ENETDOWN:
      return "this host has no route to the target";
    case EAFNOSUPPORT:
      return "this host does not speak the target's address family";
    default:
      return nullptr;
  }
}

constexpr const char* blackhole =
    "a blackhole route of this host takes what goes to the target (see ip route get): ";

std::string system_text(int error) {
  return error_code(error, boost::system::system_category()).message();
}

}  // namespace

Finding pass(std::string reason) {
  return {Verdict::pass, FailureClass::none, std::move(reason)};
}

Finding fail(FailureClass failure, std::string reason) {
  return {Verdict::fail, failure, std::move(reason)};
}

Finding inconclusive(std::string reason) {
  return {Verdict::inconclusive, FailureClass::local, std::move(reason)};
}

Finding begin_failure(int error, std::string_view where) {
  const std::string target(where);
  if (const char* const trouble = own_trouble(error))
    return inconclusive(trouble + (": " + target));
  switch (error) {
    case ECONNREFUSED:  // a target on this host
      return connect_failure(error, where);
    case EHOSTUNREACH:
      return inconclusive(
          "this host has no route to the target, or its own firewall rejects it (see ip route "
          "get): " +
          target);
    case EINVAL:
      return inconclusive(blackhole + target);
    default:
      return inconclusive("this host cannot connect to " + target + ": " + system_text(error));
  }
}

Finding connect_failure(int error, std::string_view where) {
  const std::string target(where);
  if (const char* const trouble = exhaustion(error)) return inconclusive(trouble + (": " + target));
  switch (error) {
    case ECONNREFUSED:
      return fail(FailureClass::connect, "connection refused by " + target);
    case EHOSTUNREACH:
    case EHOSTDOWN:
      return fail(FailureClass::connect, "host unreachable: " + target);
    case ENETUNREACH:
    case ENONET:
      return fail(FailureClass::connect, "network unreachable on the way to " + target);
    case EACCES:
      return fail(FailureClass::connect, "a firewall on the way forbids the connection: " + target);
    case ETIMEDOUT:
      return fail(FailureClass::timeout, "no answer to the connection request from " + target);
    default:
      return fail(FailureClass::connect, "cannot connect to " + target + ": " + system_text(error));
  }
}

Finding route_lost(std::string_view where) {
  return inconclusive("this host has no route to the target any more: " + std::string(where));
}

Finding send_failure(int error, std::string_view where) {
  const std::string target(where);
  switch (error) {
    case EAGAIN:
    case ENOBUFS:
      return inconclusive("the send queue of this host is full: " + target);
    case EHOSTUNREACH:
      return inconclusive("this host has no route to the target: " + target);
    case EINVAL:
      return inconclusive(blackhole + target);
    case EACCES:
    case EPERM:
      return inconclusive("this host does not permit to send (firewall or privilege): " + target);
    default:
      break;
  }
  if (const char* const trouble = own_trouble(error))
    return inconclusive(trouble + (": " + target));
  return inconclusive("this host cannot send to " + target + ": " + system_text(error));
}

Finding exchange_failure(int error, std::string_view while_doing) {
  const std::string doing(while_doing);
  switch (error) {
    case ENOBUFS:
    case ENOMEM:
      return inconclusive("no memory left for the connection on this host");
    case ECONNRESET:
    case EPIPE:
      return fail(FailureClass::protocol, "connection reset " + doing);
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ETIMEDOUT:
      return fail(FailureClass::protocol, "connection lost " + doing + ": " + system_text(error));
    default:
      return fail(FailureClass::protocol, "connection failed " + doing + ": " + system_text(error));
  }
}

std::string seconds_text(Millis time) {
  const auto ms = time.count();
  if (ms % 1000 == 0) return std::to_string(ms / 1000) + " s";
  if (ms < 1000) return std::to_string(ms) + " ms";
  std::string fraction = std::to_string(1000 + ms % 1000).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return std::to_string(ms / 1000) + "." + fraction + " s";
}

}  // namespace hotswapd
