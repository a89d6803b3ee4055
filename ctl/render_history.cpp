#include "ctl/fields.hpp"
#include "ctl/moment.hpp"
#include "ctl/render.hpp"

namespace hotswapd::ctl {

std::string render_history(const Data& data, Style style) {
  Page page(style);
  const json::array& entries = list(data, "entries");
  if (entries.empty()) page.line("Nothing has happened to this service yet.");
  for (const json::value& entry : entries) {
    const json::object* found = entry.if_object();
    if (found == nullptr) continue;
    const std::string at = padded(moment(text(*found, "at")), 20);
    page.wrapped(at + "  " + padded(text(*found, "kind"), 10) + "  ", text(*found, "text"));
  }
  return page.take();
}

std::string render_event(const Data& event, Style style) {
  Page page(style);
  std::string first = moment(text(event, "at")) + "  " + text(event, "kind") + "  ";
  if (const std::string fqdn = text(event, "fqdn"); !fqdn.empty()) first += fqdn + "  ";
  // An event is one line, however long: what watches it may be a pipe.
  page.line(first + text(event, "text"));
  return page.take();
}

std::string render_refusal(const Data& envelope, Style style) {
  Page page(style);
  std::string sentence = text(envelope, "error");
  if (sentence.empty()) sentence = "the daemon refused without saying why";
  page.line(page.painted("hotswapctl: ", Ink::bold) + sentence);
  for (const json::value& line : list(envelope, "errors")) page.line(text_of(line));
  return page.take();
}

}  // namespace hotswapd::ctl
