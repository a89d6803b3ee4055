// Errors as values: `result<T>` carries an error_code (cheap, for the loop), `Fallible<T>` an Error
// with a sentence.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <cstdint>
#include <string>

#include "core/time.hpp"

namespace hotswapd {

using error_code = boost::system::error_code;

template <class T>
using result = boost::system::result<T>;

// What kind of failure it was: what the caller may do next depends on it, the text is for people.
enum class errc {
  invalid_argument = 1,  // the caller's input is wrong; the same call fails again
  not_found,
  already_exists,
  conflict,      // compare-and-set found something else
  refused,       // understood and declined: permission, policy, configuration of the other side
  unavailable,   // cannot be done now (disk, peer, limit); may go through later
  unknown_fate,  // asked, and the answer never came: it may have been done (never read it as "not
                 // done")
  timed_out,     // a deadline of ours passed before anything left
  corrupt,       // stored or received data that cannot be what it claims
  not_built,     // a feature of the contract that this build does not have yet
  internal,
};

// What stands in the way at a peer, where it is more than a matter of trying again soon. Each is an
// alarm of its own.
enum class Hurdle : std::uint8_t {
  none,           // nothing of the kind, or nobody can tell
  configuration,  // somebody has to change something: credentials, permission, zone. One try a
                  // minute
  clock,          // the peer finds our clock wrong: Hint::skew
  throttled,      // too many calls: none to this peer before Hint::retry_after is over
};

struct Hint {
  Hurdle hurdle = Hurdle::none;
  Millis retry_after{0};  // throttled: 0 when the peer did not say
  Seconds skew{0};        // clock: so much is ours ahead of the peer's; 0 when it did not say
  bool operator==(const Hint&) const = default;
};

// An error that a person will read: `text` says what happened, where, and what to do about it.
// It never holds a secret. Text from outside went through core/text.hpp's clean() first.
struct Error {
  errc code = errc::internal;
  std::string text;
  Hint hint = {};
};

// errc::refused is the configuration's, unless the hint knows better.
Hurdle hurdle_of(const Error& error) noexcept;

template <class T>
using Fallible = boost::system::result<T, Error>;

// Lets .value() of an unchecked Fallible say what it was; a caller that can fail checks has_value()
// instead.
[[noreturn]] void throw_exception_from_error(const Error& error,
                                             const boost::source_location& where);

const char* to_string(errc code) noexcept;
const char* to_string(Hurdle hurdle) noexcept;  // "", "configuration", "clock", "throttled"

}  // namespace hotswapd
