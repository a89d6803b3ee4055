#include <cmath>

#include "ctl/fields.hpp"
#include "ctl/moment.hpp"
#include "ctl/render.hpp"

namespace hotswapd::ctl {
namespace {

std::string millis_field(const Data& data, const char* key) {
  const auto value = number(data, key);
  return value ? length_text(Millis(std::llround(*value))) : std::string();
}

std::string with(std::string text, std::string_view more) {
  if (!more.empty()) text.append(text.empty() ? "" : ", ").append(more);
  return text;
}

void target(Page& page, const Data& data, WallTime now) {
  const std::string health = text(data, "health");
  std::string name = text(data, "role") + " " + text(data, "address");
  page.line("  " + padded(name, 40) + " " + page.painted(health, ink_of(health)));
  std::string probed = text(data, "probed");
  if (!probed.empty()) page.wrapped("    probes ", probed);
  const std::string verdict = text(data, "verdict");
  if (verdict.empty()) return;
  std::string last = verdict;
  if (const std::string kind = text(data, "class"); !kind.empty() && kind != "none") {
    last += " (" + kind + ")";
  }
  if (const std::string reason = text(data, "reason"); !reason.empty()) last += ": " + reason;
  if (const auto total = number(data, "total_ms")) last += ", " + milliseconds(*total);
  if (const auto tries = number(data, "attempts"); tries && *tries > 1) {
    last += ", " + text(data, "attempts") + " attempts";
  }
  page.wrapped("    last   ", last);
  for (const std::string& line : quality_lines(data, now))
    page.wrapped("    note   ", line, Ink::warning);
}

}  // namespace

std::string render_show(const Data& data, WallTime now, Style style) {
  Page page(style);
  const std::string status = text(data, "status");
  page.line(page.painted(text(data, "fqdn"), Ink::bold) + " in zone " + text(data, "zone") + ": " +
            page.painted(status, ink_of(status)));
  page.field("Why", text(data, "reason"));
  page.field("Since", moment(text(data, "since"), now));
  page.field("Serves", text(data, "serving") + " (" + serving_role(data) + ")");
  page.field("Primary", text(data, "primary"));
  page.field("Backups", joined(list(data, "backups"), ", "));
  if (!flag(data, "active", true)) page.field("Active", "no: not probed, not moved", Ink::warning);
  std::string forced = text(data, "forced");
  if (const std::string until = text(data, "forced_until"); !forced.empty() && !until.empty()) {
    forced += " until " + moment(until, now);
  }
  page.field("Forced", forced, Ink::warning);
  page.field("Drift", text(data, "drift"), Ink::warning);
  page.field("Last swap is", text(data, "proof"), ink_of(text(data, "proof")));

  page.heading("Record");
  if (const json::object* record = child(data, "record")) {
    page.field("In DNS", text(*record, "text"));
    page.field("Generation", text(*record, "generation"));
    page.field("Zone serial", text(*record, "serial"));
  }
  page.field("TTL", text(data, "ttl").empty() ? "" : text(data, "ttl") + " s");
  page.field("Provider", text(data, "provider"));

  page.heading("Policy");
  page.field("Mode", text(data, "mode"));
  page.field("Interval", with(millis_field(data, "interval_ms"),
                              millis_field(data, "recheck_ms").empty()
                                  ? ""
                                  : "recheck " + millis_field(data, "recheck_ms")));
  page.field("Down after",
             text(data, "fall").empty()
                 ? ""
                 : text(data, "fall") + (text(data, "fall") == "1" ? " bad round" : " bad rounds"));
  std::string recovery = flag(data, "auto_recover") ? "automatic" : "by hand";
  if (const std::string rounds = text(data, "recovery_delay"); !rounds.empty()) {
    recovery += ", good rounds needed: " + rounds;
  }
  if (data.contains("auto_recover")) page.field("Recovery", recovery);
  std::string budget = text(data, "swaps_last_hour");
  if (const std::string most = text(data, "max_swaps_per_hour"); !most.empty()) {
    page.field("Swaps", (budget.empty() ? "" : budget + " in the last hour, ") + "at most " + most +
                            " an hour");
  }

  page.heading("Targets");
  for (const json::value& entry : list(data, "targets")) {
    if (const json::object* found = entry.if_object()) target(page, *found, now);
  }
  std::string rounds = text(data, "rounds");
  if (const std::string more = text(data, "skipped"); !more.empty() && more != "0") {
    rounds = with(rounds, more + " slots skipped");
  }
  if (const std::string more = text(data, "inconclusive_rounds"); !more.empty() && more != "0") {
    rounds = with(rounds, more + " inconclusive");
  }
  page.field("Rounds", rounds);
  page.field("Last round", moment(text(data, "last_round"), now));
  return page.take();
}

}  // namespace hotswapd::ctl
