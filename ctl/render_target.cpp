#include <utility>

#include "ctl/fields.hpp"
#include "ctl/moment.hpp"
#include "ctl/render.hpp"

namespace hotswapd::ctl {
namespace {

std::string phases(const Data& attempt) {
  static constexpr std::pair<const char*, const char*> names[] = {{"resolve_ms", "resolved"},
                                                                  {"connect_ms", "connected"},
                                                                  {"tls_ms", "TLS"},
                                                                  {"first_byte_ms", "first byte"},
                                                                  {"total_ms", "total"}};
  std::string out;
  for (const auto& [key, name] : names) {
    const auto value = number(attempt, key);
    if (!value) continue;
    if (!out.empty()) out += ", ";
    out += std::string(name) + " " + milliseconds(*value);
  }
  return out;
}

}  // namespace

void render_attempt(Page& page, const Data& data, std::size_t index) {
  const std::string verdict = text(data, "verdict");
  std::string what = verdict;
  const std::string kind = text(data, "class");
  if (!kind.empty() && kind != "none") what += " (" + kind + ")";
  if (const std::string reason = text(data, "reason"); !reason.empty()) what += ": " + reason;
  page.wrapped("    " + std::to_string(index) + ". ", what, ink_of(verdict));
  const std::string times = phases(data);
  if (!times.empty()) page.wrapped("       ", times, Ink::dim);
}

std::vector<std::string> quality_lines(const Data& target, WallTime now) {
  std::vector<std::string> lines;
  if (flag(target, "degraded")) {
    const std::string limit = text(target, "degraded_above_ms");
    lines.push_back(limit.empty() ? "degraded: it answers slowly"
                                  : "degraded: it answers after more than " + limit + " ms");
  }
  if (flag(target, "certificate_ends_soon")) {
    lines.push_back("its certificate ends: " + moment(text(target, "certificate_ends"), now));
  }
  return lines;
}

std::string render_probe(const Data& data, WallTime now, Style style) {
  Page page(style);
  std::string what = text(data, "protocol") + " " + text(data, "address");
  if (const std::string port = text(data, "port"); !port.empty()) what += " port " + port;
  const std::string verdict = text(data, "verdict");
  std::string kind = text(data, "class");
  if (kind == "none") kind.clear();
  page.line(what + ": " + page.painted(verdict, ink_of(verdict)) +
            (kind.empty() ? "" : " (" + kind + ")"));
  std::size_t index = 0;
  for (const json::value& entry : list(data, "attempts")) {
    if (const json::object* found = entry.if_object()) render_attempt(page, *found, ++index);
  }
  if (const std::string ends = text(data, "certificate_ends"); !ends.empty())
    page.wrapped("    ", "the certificate ends: " + moment(ends, now));
  return page.take();
}

}  // namespace hotswapd::ctl
