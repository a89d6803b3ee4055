// A note of the model as the operator's log line and as the JSON of its history row.
#pragma once

#include <string>

#include "core/log.hpp"
#include "monitor/service_model.hpp"

namespace hotswapd {

// "HS1102 status service=www.example.com ok -> failover: ..."; every id is explained in
// docs/operations.md.
void log_note(Logger& log, const RecordKey& service, const Note& note);

std::string note_detail(const Note& note);         // {"text": "..."}
std::string note_text(const std::string& detail);  // the way back; empty when it cannot be read

}  // namespace hotswapd
