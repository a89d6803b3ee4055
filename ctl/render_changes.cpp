#include "ctl/fields.hpp"
#include "ctl/render.hpp"

namespace hotswapd::ctl {
namespace {

void services(Page& page, const json::array& names, char sign, Ink ink, const char* verb) {
  for (const json::value& name : names) {
    page.line(page.painted(std::string("  ") + sign + " " + text_of(name), ink) + "  " + verb);
  }
}

}  // namespace

std::string render_changes(const Data& data, bool done, Style style) {
  Page page(style);
  const json::array& added = list(data, "added");
  const json::array& removed = list(data, "removed");
  const json::array& changed = list(data, "changed");
  const json::array& global = list(data, "global");
  const json::array& restart = list(data, "restart_needed");
  const bool nothing =
      added.empty() && removed.empty() && changed.empty() && global.empty() && restart.empty();
  if (nothing) {
    page.line(done ? "Reloaded: nothing has changed." : "A reload would change nothing.");
  } else {
    page.line(done ? "Reloaded:" : "A reload would make these changes:");
  }
  services(page, added, '+', Ink::good, "added");
  services(page, removed, '-', Ink::bad, "removed");
  for (const json::value& entry : changed) {
    const json::object* found = entry.if_object();
    if (found == nullptr) continue;
    page.wrapped(page.painted("  ~ " + text(*found, "fqdn"), Ink::warning) + "  ",
                 joined(list(*found, "fields"), ", "));
  }
  if (!global.empty()) page.wrapped("  sections changed: ", joined(global, ", "));
  if (const std::string same = text(data, "unchanged"); !same.empty() && !nothing) {
    page.line("  services unchanged: " + same);
  }
  if (!restart.empty()) {
    page.wrapped("A restart is needed for: ", joined(restart, ", "), Ink::warning);
  }
  for (const json::value& line : list(data, "warnings")) {
    page.line(page.painted("warning: ", Ink::warning) + text_of(line));
  }
  return page.take();
}

}  // namespace hotswapd::ctl
