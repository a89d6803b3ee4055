// The key table as a JSON Schema (draft 7), for editors: the same keys, types and ranges that the
// reader obeys.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "config/key_table.hpp"

namespace hotswapd {

// The whole schema, as config/hotswapd.schema.json holds it.
std::string json_schema();

namespace config {
// What one value of the type must be. References point into the definitions of the whole schema.
boost::json::value schema_of(const Type& type);
// The whole schema before it is written out.
boost::json::value schema_value();
}  // namespace config

}  // namespace hotswapd
