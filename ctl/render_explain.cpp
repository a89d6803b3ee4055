#include "ctl/fields.hpp"
#include "ctl/moment.hpp"
#include "ctl/render.hpp"

namespace hotswapd::ctl {
namespace {

void target(Page& page, const Data& data, WallTime now) {
  const std::string health = text(data, "health");
  std::string state = page.painted(health.empty() ? "unknown" : health, ink_of(health));
  if (const json::object* streak = child(data, "streak")) {
    const std::string towards = text(*streak, "towards");
    if (!towards.empty()) {
      state += ", " + text(*streak, "have") + " of " + text(*streak, "need") + " rounds towards " +
               towards;
    }
  }
  const std::string verdict = text(data, "verdict");
  if (verdict.empty()) state += ", not probed in this round";
  page.line("  " + text(data, "role") + " " + text(data, "address") + ": " + state);
  for (const std::string& line : quality_lines(data, now))
    page.wrapped("    note: ", line, Ink::warning);
  std::size_t index = 0;
  for (const json::value& entry : list(data, "attempts")) {
    if (const json::object* found = entry.if_object()) render_attempt(page, *found, ++index);
  }
}

void guards(Page& page, const json::array& entries) {
  if (entries.empty()) return;
  page.heading("Guards");
  for (const json::value& entry : entries) {
    const json::object* found = entry.if_object();
    if (found == nullptr) continue;
    const bool holds = flag(*found, "holds");
    page.wrapped(
        std::string(holds ? "  HOLDS  " : "  clear  ") + padded(text(*found, "name"), 16) + " ",
        text(*found, "text"), holds ? Ink::warning : Ink::plain);
  }
}

void proof(Page& page, const json::array& servers) {
  if (servers.empty()) return;
  page.line("  Proof, asked of each name server:");
  for (const json::value& entry : servers) {
    const json::object* found = entry.if_object();
    if (found == nullptr) continue;
    const bool proved = flag(*found, "proved");
    std::string what = text(*found, "detail");
    if (const std::string serial = text(*found, "serial"); !serial.empty() && serial != "0") {
      what += (what.empty() ? "serial " : ", serial ") + serial;
    }
    page.wrapped(std::string(proved ? "    yes  " : "    NO   ") + text(*found, "server") + "  ",
                 what, proved ? Ink::good : Ink::bad);
  }
}

void swap(Page& page, const Data& data, WallTime now) {
  const std::string state = text(data, "state");
  page.heading("Last swap: " + state);
  page.field("From", text(data, "from"));
  page.field("To", text(data, "to"));
  page.field("Why", text(data, "reason"));
  page.field("Opened", moment(text(data, "opened")));
  page.field("Operation", text(data, "op") + (text(data, "generation").empty()
                                                  ? ""
                                                  : ", generation " + text(data, "generation")));
  for (const json::value& entry : list(data, "evidence")) {
    if (const json::object* found = entry.if_object()) target(page, *found, now);
  }
  for (const json::value& entry : list(data, "steps")) {
    const json::object* found = entry.if_object();
    if (found == nullptr) continue;
    page.wrapped(
        "  " + time_of_day(text(*found, "at")) + "  " + padded(text(*found, "step"), 10) + " ",
        text(*found, "text"));
  }
  proof(page, list(data, "proof"));
}

}  // namespace

std::string render_explain(const Data& data, WallTime now, Style style) {
  Page page(style);
  const std::string status = text(data, "status");
  page.line(page.painted(text(data, "fqdn"), Ink::bold) + " in zone " + text(data, "zone") + ": " +
            page.painted(status, ink_of(status)));
  page.field("Serves", text(data, "serving"));
  page.field("Why", text(data, "reason"));
  page.field("Waiting for", text(data, "waiting_for"));

  if (const json::object* decision = child(data, "decision")) {
    const std::string rule = text(*decision, "rule");
    page.heading("Last decision: " + text(*decision, "action") +
                 (rule.empty() ? "" : " (rule " + rule + ")"));
    page.field("At", moment(text(*decision, "at"), now));
    page.field("Because", text(*decision, "text"));
  }

  const json::array& targets = list(data, "targets");
  if (const json::object* round = child(data, "round")) {
    page.heading("Evidence: round " + text(*round, "number"));
    page.field("Began", moment(text(*round, "started"), now));
    page.field("Ended", moment(text(*round, "finished"), now));
  } else if (!targets.empty()) {
    page.heading("Evidence: no round is complete yet");
  }
  for (const json::value& entry : targets) {
    if (const json::object* found = entry.if_object()) target(page, *found, now);
  }
  guards(page, list(data, "guards"));
  if (const json::object* found = child(data, "swap")) swap(page, *found, now);
  return page.take();
}

}  // namespace hotswapd::ctl
