#include <algorithm>
#include <map>
#include <vector>

#include "ctl/fields.hpp"
#include "ctl/moment.hpp"
#include "ctl/render.hpp"

namespace hotswapd::ctl {
namespace {

struct Row {
  char mark = ' ';
  std::string name;
  std::string status;
  std::string serving;
  std::string role;
  std::string age;
  std::vector<std::string> notes;
};

// Names longer than this do not widen the table for everybody.
constexpr std::size_t widest_name = 34;
constexpr std::size_t widest_value = 40;

Row row_of(const Data& service, WallTime now) {
  Row row;
  row.name = text(service, "fqdn");
  row.status = text(service, "status");
  row.serving = text(service, "serving");
  if (row.serving.empty()) row.serving = "-";
  row.role = serving_role(service);
  row.age = age(text(service, "since"), now);
  const bool active = flag(service, "active", true);
  const std::string forced = text(service, "forced");
  const std::string drift = text(service, "drift");
  const std::string proof = text(service, "proof");
  if (!drift.empty()) row.notes.push_back("drift: somebody else wrote " + drift);
  if (!forced.empty()) row.notes.push_back("forced to " + forced + " by an operator");
  if (!active) row.notes.push_back("deactivated: it is not probed and not moved");
  if (!proof.empty() && proof != "proved") row.notes.push_back("the last swap is " + proof);
  if (const std::string slow = joined(list(service, "degraded"), ", "); !slow.empty())
    row.notes.push_back("degraded (answers slowly): " + slow);
  const bool calm = row.status == "ok" && row.notes.empty();
  if (const std::string reason = text(service, "reason"); !calm && !reason.empty()) {
    row.notes.insert(row.notes.begin(), reason);
  }
  if (!active) {
    row.mark = '-';
  } else if (row.status == "unk" && drift.empty()) {
    row.mark = '?';
  } else if (!calm) {
    row.mark = '!';
  }
  return row;
}

std::string summary(const std::vector<Row>& rows) {
  if (rows.empty()) return "No services are configured.";
  std::map<std::string, std::size_t> counts;
  for (const Row& row : rows) ++counts[row.status];
  std::string out = std::to_string(rows.size()) + (rows.size() == 1 ? " service: " : " services: ");
  bool first = true;
  for (const char* status : {"failover", "trouble", "unk", "ok"}) {
    if (counts[status] == 0) continue;
    if (!first) out += ", ";
    out += std::to_string(counts[status]) + " " + status;
    first = false;
  }
  return out;
}

Ink ink_of_row(const Row& row) {
  if (row.mark == '-') return Ink::dim;
  if (row.mark == '!' && row.status == "ok") return Ink::warning;
  return ink_of(row.status);
}

void table(Page& page, const std::vector<Row>& rows) {
  std::size_t name = 7;
  std::size_t serving = 6;
  std::size_t role = 4;
  for (const Row& row : rows) {
    if (columns(row.name) <= widest_name) name = std::max(name, columns(row.name));
    if (columns(row.serving) <= widest_value) serving = std::max(serving, columns(row.serving));
    role = std::max(role, columns(row.role));
  }
  page.line(page.painted("  " + padded("SERVICE", name) + "  " + padded("STATUS", 8) + "  " +
                             padded("SERVES", serving) + "  " + padded("ROLE", role) + "  FOR",
                         Ink::dim));
  for (const Row& row : rows) {
    const Ink ink = ink_of_row(row);
    std::string start = page.painted(std::string(1, row.mark), ink) + " ";
    if (columns(row.name) > name) {
      page.line(start + row.name);
      start = "  " + padded("", name);
    } else {
      start += padded(row.name, name);
    }
    std::string line = start + "  " + page.painted(padded(row.status, 8), ink) + "  " +
                       padded(row.serving, serving) + "  " + padded(row.role, role) + "  " +
                       row.age;
    line.erase(line.find_last_not_of(' ') + 1);
    page.line(line);
    for (const std::string& note : row.notes) page.wrapped("    ", note);
  }
}

}  // namespace

std::string serving_role(const Data& service) {
  const std::string serving = text(service, "serving");
  if (serving.empty()) return "-";
  if (serving == text(service, "primary")) return "primary";
  const json::array& backups = list(service, "backups");
  for (std::size_t i = 0; i < backups.size(); ++i) {
    if (serving == text_of(backups[i])) return "backup " + std::to_string(i + 1);
  }
  return "neither";
}

std::string render_status(const Data& data, WallTime now, Style style) {
  Page page(style);
  std::vector<Row> rows;
  for (const json::value& service : list(data, "services")) {
    if (const json::object* found = service.if_object()) rows.push_back(row_of(*found, now));
  }
  if (!rows.empty()) {
    table(page, rows);
    page.line();
  }
  page.wrapped("", summary(rows));
  if (const json::object* daemon = child(data, "daemon")) {
    if (!flag(*daemon, "ready", true)) {
      page.wrapped("", "The daemon is not ready: its first full round is not done yet.",
                   Ink::warning);
    }
    for (const json::value& alarm : list(*daemon, "alarms")) {
      const json::object* found = alarm.if_object();
      if (found == nullptr) continue;
      const std::string since = text(*found, "since");
      page.wrapped("ALARM " + text(*found, "id") + "  ",
                   text(*found, "text") +
                       (since.empty() ? std::string() : " (since " + moment(since, now) + ")"),
                   Ink::bad);
    }
  }
  return page.take();
}

}  // namespace hotswapd::ctl
