#include "monitor/note_log.hpp"

#include <array>
#include <boost/json.hpp>
#include <string_view>

namespace hotswapd {
namespace {

struct Line {
  std::string_view kind;
  std::string_view id;
  LogLevel level;
  std::string_view words;
};

constexpr std::array lines{
    Line{"address", "HS1101", LogLevel::warning, "address changed"},
    Line{"status", "HS1102", LogLevel::warning, "status changed"},
    Line{"adopted", "HS1103", LogLevel::info, "record adopted"},
    Line{"configured", "HS1104", LogLevel::info, "configuration changed"},
    Line{"drift", "HS1110", LogLevel::error, "drift"},
    Line{"drift_ended", "HS1111", LogLevel::info, "drift ended"},
    Line{"degraded", "HS1130", LogLevel::warning, "degraded"},
    Line{"degraded_ended", "HS1131", LogLevel::info, "degraded no more"},
    Line{"certificate", "HS1132", LogLevel::warning, "certificate near its end"},
    Line{"swap", "HS1204", LogLevel::warning, "swap read back"},
    Line{"move", "HS1205", LogLevel::warning, "record moved by an operator or the configuration"},
    Line{"record", "HS1206", LogLevel::info, "record written"},
    Line{"swap_abandoned", "HS1207", LogLevel::error, "swap abandoned"},
    Line{"left_behind", "HS1221", LogLevel::error, "swap left behind"},
    Line{"proved", "HS1208", LogLevel::info, "swap proved"},
    Line{"not_proved", "HS1209", LogLevel::error, "swap applied, not proved"},
    Line{"swap_hindered", "HS1211", LogLevel::warning, "swap not done yet"},
    Line{"swap_limit", "HS1210", LogLevel::error, "swap limit reached"},
    Line{"command", "HS1301", LogLevel::info, "operator command"},
};

}  // namespace

void log_note(Logger& log, const RecordKey& service, const Note& note) {
  for (const auto& line : lines) {
    if (line.kind != note.kind) continue;
    log.log(line.level, line.id,
            std::string(line.words) + " service=" + service.fqdn + " " + note.text);
    return;
  }
}

std::string note_detail(const Note& note) {
  return boost::json::serialize(boost::json::object{{"text", note.text}});
}

std::string note_text(const std::string& detail) {
  boost::system::error_code ec;
  const auto value = boost::json::parse(detail, ec);
  if (ec || !value.is_object()) return {};
  const auto* text = value.as_object().if_contains("text");
  return text != nullptr && text->is_string() ? std::string(text->as_string()) : std::string();
}

}  // namespace hotswapd
