// The reading of each part of the file into its struct. Parts that others refer to are read first.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/reader.hpp"
#include "config/schema.hpp"

namespace hotswapd::config {

// What references are checked against: names that stand in the file, right or wrong, so that one
// error does not breed others.
struct Names {
  std::set<std::string, std::less<>> providers;
  std::set<std::string, std::less<>> contacts;
  std::set<std::string, std::less<>> accounts;
};

// A name server that the file gives no addresses for. Whether it needs some is known when all is
// read.
struct UnaddressedServer {
  const Node* at = nullptr;
  std::string path;
  std::string provider;
  std::string zone;  // empty: of `default_ns`
  std::string host;
};
using UnaddressedServers = std::vector<UnaddressedServer>;

void read_file(Object& root, Config& config);

void read_api(Object& o, ApiConfig& api);
void read_provider(Object& o, std::string_view name, const Names& names, ProviderConfig& provider,
                   UnaddressedServers& servers);
EmbeddedProviderConfig read_embedded(Object& o, ProviderConfig& provider,
                                     UnaddressedServers& servers);
// A name server inside its zone of which no resolver could learn the address makes the zone lame.
void check_name_servers(Reader& reader, const UnaddressedServers& servers, const Config& config);
void read_services(Object& root, const Names& names, Config& config);
void read_drills(Object& root, const Names& names, Config& config);

// One monitor, over the defaults that are in `monitor`. `main` is false for what a backup does
// differently.
// True when the interval is known.
bool read_monitor(Object& o, bool main, MonitorSpec& monitor);

// "1 attempt", "3 attempts"
std::string counted(long long count, const char* singular);

}  // namespace hotswapd::config
