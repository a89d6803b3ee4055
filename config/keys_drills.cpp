// The keys of AWS failover drills.
#include "config/key_table.hpp"

namespace hotswapd::config {
namespace {

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kDay = 24 * 60 * kMinute;

// What every drill knows, in front of its own keys.
std::vector<Key> with_common(std::string_view type, std::vector<Key> own) {
  std::vector<Key> keys{
      {"type", word({type}), "", "Kind of drill.", true},
      {"account", text(1, 64), "", "A key of `aws`.", true},
      {"require_ok", list(simple(Kind::host_name), 0, 1000), "",
       "Services that must be ok, and are measured."},
      {"abort_if_down", duration(1 * kSecond, kDay), "1m",
       "A measured service down for so long ends the drill."},
      {"recheck", duration(100, kDay), "",
       "Probe interval while it runs. Default: the service's `recheck`."},
      {"sns_topic_arn", text(1, 2048), "", "Topic that is told."},
  };
  for (auto& key : own) keys.push_back(std::move(key));
  return keys;
}

const ObjectSpec* support_case_keys() {
  static const ObjectSpec spec = make_object(
      "support_case", {
                          {"cc", list(simple(Kind::mailbox), 0, 10), "", "Who gets copies."},
                          {"severity", word({"low", "normal", "high", "urgent", "critical"}),
                           "urgent", "Of the case."},
                      });
  return &spec;
}

const ObjectSpec* direct_connect_keys() {
  static const ObjectSpec spec = make_object(
      "direct_connect",
      with_common(
          "direct_connect",
          {
              {"virtual_interface_id", text(1, 255), "", "The interface that is taken down.", true},
              {"bgp_peers", list(text(1, 255), 0, 64), "", "Empty: all."},
              {"duration", duration(kMinute, 4320 * kMinute, Unit::minutes), "10",
               "Minutes, 1 .. 4320; alarm-driven default 180."},
              {"vifs", list(text(1, 255), 1, 64), "", "The pool that must stay up."},
              {"min_available", integer(1, 64), "1", "How many of the pool must remain."},
              {"support_case", object(&support_case_keys), "", "Absent: none is opened."},
              {"on_alarm", flag(), "false", "Also started by a CloudWatch alarm."},
          }));
  return &spec;
}

const ObjectSpec* elasticache_keys() {
  static const ObjectSpec spec = make_object(
      "elasticache",
      with_common("elasticache", {
                                     {"replication_group_id", text(1, 255), "", "The group.", true},
                                     {"node_group_id", text(1, 255), "", "The shard.", true},
                                 }));
  return &spec;
}

const ObjectSpec* fis_keys() {
  static const ObjectSpec spec = make_object(
      "fis",
      with_common("fis",
                  {
                      {"experiment_template_id", text(1, 255), "", "The template.", true},
                      {"tags", map(text(0, 256)), "", "Tags of the experiment."},
                      {"require_stop_condition", flag(), "true", "Refuse a template without one."},
                  }));
  return &spec;
}

}  // namespace

const Type& drill_type() {
  static const Type type = one_of({{"direct_connect", &direct_connect_keys},
                                   {"elasticache", &elasticache_keys},
                                   {"fis", &fis_keys}});
  return type;
}

const ObjectSpec* drill_policy_keys() {
  static const ObjectSpec spec = make_object(
      "drill_policy",
      {
          {"enabled", flag(), "false", "Whether drills may run at all."},
          {"max_concurrent", integer(1, 64), "1", "Drills at one time."},
          {"settle_before", duration(0, kDay), "10m", "How long services must have been ok."},
          {"settle_after", duration(0, kDay), "2m", "How long they must be ok afterwards."},
          {"cool_down", duration(0, 30 * kDay), "1h", "Time between drills on one target."},
          {"max_per_day", integer(1, 1000), "", "Absent: no limit."},
          {"kill_switch", simple(Kind::path), "/etc/hotswapd/stop-drills",
           "While this file exists, no drill runs."},
          {"windows", list(simple(Kind::weekly), 0, 64), "",
           "When drills may run. Absent: always."},
      });
  return &spec;
}

}  // namespace hotswapd::config
