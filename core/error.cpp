#include "core/error.hpp"

#include <stdexcept>

namespace hotswapd {

void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::runtime_error(std::string(to_string(error.code)) + ": " + error.text);
}

const char* to_string(errc code) noexcept {
  switch (code) {
    case errc::invalid_argument:
      return "invalid_argument";
    case errc::not_found:
      return "not_found";
    case errc::already_exists:
      return "already_exists";
    case errc::conflict:
      return "conflict";
    case errc::refused:
      return "refused";
    case errc::unavailable:
      return "unavailable";
    case errc::unknown_fate:
      return "unknown_fate";
    case errc::timed_out:
      return "timed_out";
    case errc::corrupt:
      return "corrupt";
    case errc::not_built:
      return "not_built";
    case errc::internal:
      break;
  }
  return "internal";
}

const char* to_string(Hurdle hurdle) noexcept {
  switch (hurdle) {
    case Hurdle::configuration:
      return "configuration";
    case Hurdle::clock:
      return "clock";
    case Hurdle::throttled:
      return "throttled";
    case Hurdle::none:
      break;
  }
  return "";
}

Hurdle hurdle_of(const Error& error) noexcept {
  if (error.hint.hurdle != Hurdle::none) return error.hint.hurdle;
  return error.code == errc::refused ? Hurdle::configuration : Hurdle::none;
}

}  // namespace hotswapd
