#include <algorithm>

#include "config/read.hpp"
#include "core/text.hpp"

namespace hotswapd::config {
namespace {

bool web(Protocol protocol) {
  return protocol == Protocol::http || protocol == Protocol::https;
}

// HTTP and HTTPS are one kind: the same keys mean something.
bool same_kind(Protocol a, Protocol b) {
  return a == b || (web(a) && web(b));
}

bool token(std::string_view text) {
  static constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Empty when the header may be sent.
std::string header_problem(std::string_view name, std::string_view value) {
  if (!token(name)) return "has a header whose name is not made of letters, digits and -";
  for (const std::string_view own : {"host", "content-length", "transfer-encoding"}) {
    if (iequals(name, own)) {
      return "may not set " + std::string(name) +
             (own == "host" ? "; use the key `host`" : ", which is ours to set");
    }
  }
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    const auto b = static_cast<unsigned char>(c);
    return (b < 0x20 && c != '\t') || b == 0x7f;
  });
  if (control) return "has control characters (CR, LF or NUL) in the value of " + std::string(name);
  return "";
}

using Headers = std::vector<std::pair<std::string, std::string>>;

void header_lines(Object& o, const Node& node, Headers& out) {
  Type type = any_text(0, 16 * 1024);
  const Path path = o.path("header");
  const auto text = o.reader().expand(node, path);
  if (!text) return;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.empty()) continue;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) {
      return o.error("header", "has a line without a colon; give \"Name: value\" lines, or a map");
    }
    const auto name = line.substr(0, colon);
    const auto value = trim(line.substr(colon + 1));
    if (const auto problem = header_problem(name, value); !problem.empty())
      return o.error("header", problem);
    out.emplace_back(name, value);
  }
}

void header_map(Object& o, const Node& node, Headers& out) {
  const Type type = text(0, 16 * 1024);
  const Path path = o.path("header");
  each_pair(o.reader(), node, path, [&](std::string_view name, const Node& key, const Node& value) {
    const Path where{&path, name, -1};
    const auto content = o.reader().scalar(type, value, where);
    if (!content) return;
    if (const auto problem = header_problem(name, content->text); !problem.empty()) {
      return o.reader().error(key, where, problem);
    }
    out.emplace_back(name, trim(content->text));
  });
}

void read_headers(Object& o, Headers& out) {
  const Node* node = o.raw("header");
  if (node == nullptr) return;
  out.clear();
  if (node->kind == NodeKind::mapping) {
    header_map(o, *node, out);
  } else if (node->kind == NodeKind::scalar) {
    header_lines(o, *node, out);
  } else {
    o.error("header", "is " + describe(*node) + "; give \"Name: value\" lines, or a map");
  }
  std::size_t bytes = 0;
  for (const auto& [name, value] : out) bytes += name.size() + value.size() + 4;
  if (bytes > 8 * 1024) o.error("header", "is longer than 8 KiB in all");
}

void read_status(Object& o, std::vector<StatusRange>& out) {
  const Node* node = o.raw("status");
  if (node == nullptr) return;
  Type type;
  type.kind = Kind::status;
  const Path path = o.path("status");
  const auto add = [&](const Node& item, const Path& where) {
    if (const auto value = o.reader().scalar(type, item, where)) {
      out.push_back({static_cast<int>(value->number), static_cast<int>(value->second)});
    }
  };
  out.clear();
  if (node->kind != NodeKind::sequence) return add(*node, path);
  const Source& source = o.reader().source();
  long index = 0;
  for (const Node* item = source.first_child(*node); item != nullptr;
       item = source.next_sibling(*item)) {
    add(source.resolve(*item), {&path, {}, index++});
  }
  if (index == 0 || index > 64)
    o.error("status", "has " + std::to_string(index) + " items; give 1 to 64");
}

void read_path(Object& o, std::string& out) {
  if (!o.take("path", out) || out.empty()) return;
  const bool fine =
      std::all_of(out.begin(), out.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
  if (!fine)
    return o.error("path",
                   "may hold printable ASCII only, no blank and no #; percent-encode the rest");
  if (out.front() != '/') out.insert(out.begin(), '/');
}

void read_host(Object& o, std::string& out) {
  if (!o.take("host", out)) return;
  const bool fine = std::all_of(out.begin(), out.end(), [](char c) {
    return c > 0x20 && c < 0x7f && std::string_view("/\\@?#\"<>").find(c) == std::string_view::npos;
  });
  if (!fine) o.error("host", "is no Host value; give a name such as www.example.com");
}

// Keys that say nothing with this protocol: most likely not what was meant.
void warn_useless(Object& o, Protocol protocol) {
  const std::string suffix = std::string(" has no effect with ") + to_string(protocol);
  const auto warn = [&](std::string_view key) {
    if (o.has(key)) o.warning(key, std::string(key) + suffix);
  };
  if (!web(protocol)) {
    for (const std::string_view key : {"path", "host", "header", "status", "redirects", "tls"})
      warn(key);
    if (protocol != Protocol::smtp) warn("expected");
  }
  if (protocol == Protocol::ping) warn("port");
}

void warn_never_degraded(Object& o, const MonitorSpec& monitor) {
  if (!monitor.degraded_above || *monitor.degraded_above < monitor.timeout) return;
  o.warning(o.has("degraded") ? "degraded" : "timeout",
            "a latency above " + duration_text(monitor.degraded_above->count()) +
                " is never seen: an attempt fails at the timeout of " +
                duration_text(monitor.timeout.count()));
}

}  // namespace

bool read_monitor(Object& o, bool main, MonitorSpec& monitor) {
  const Protocol inherited = monitor.protocol;
  const bool known = o.take("protocol", monitor.protocol);
  if (known && !main && !same_kind(inherited, monitor.protocol)) {
    MonitorSpec fresh;
    fresh.protocol = monitor.protocol;
    fresh.interval = monitor.interval;
    fresh.retries = monitor.retries;
    fresh.timeout = monitor.timeout;
    fresh.degraded_above = monitor.degraded_above;
    monitor = std::move(fresh);
  }
  const bool interval = !main || o.take("interval", monitor.interval);
  o.take("retries", monitor.retries);
  o.take("timeout", monitor.timeout);
  o.take("port", monitor.port);
  read_path(o, monitor.path);
  read_host(o, monitor.host);
  read_headers(o, monitor.headers);
  o.take("expected", monitor.expected);
  read_status(o, monitor.status);
  o.take("redirects", monitor.redirects);
  o.object("tls", [&](Object& tls) {
    tls.take("verify", monitor.tls.verify);
    tls.take_path("ca_file", monitor.tls.ca_file);
    tls.take("warn_expiry", monitor.tls.warn_expiry);
  });
  o.object("degraded",
           [&](Object& degraded) { degraded.take("latency_above", monitor.degraded_above); });
  if (o.has("degraded") || o.has("timeout")) warn_never_degraded(o, monitor);
  if (known || !main) warn_useless(o, monitor.protocol);
  return interval;
}

}  // namespace hotswapd::config
