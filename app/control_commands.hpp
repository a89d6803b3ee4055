// The commands of the control socket: what hotswapctl asks, answered from the monitor and the
// store.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <vector>

#include "api/control_handler.hpp"
#include "monitor/monitor.hpp"

namespace hotswapd {

// What the commands need of the daemon. Lives on shard 0.
struct ControlBackend {
  Monitor& monitor;
  StateStore& store;
  asio::any_io_executor executor;
  Clocks clocks;
  std::function<boost::json::object()> daemon_view;
  std::function<void(ControlResponder)> reload;
  std::function<void(std::string file, std::string text, ControlResponder)> plan;
  std::function<void(ControlResponder)> check;
};

// As everybody who follows events gets it.
boost::json::object event_view(const WatchEvent& event);

class ControlCommands final : public ControlHandler {
 public:
  explicit ControlCommands(ControlBackend backend);
  void handle(ControlRequest request, ControlResponder responder) override;

  void publish(const boost::json::object& event);  // to everybody who watches

 private:
  void status(const ControlResponder& responder);
  void tell_present(const ControlResponder& responder);
  void history(const ControlRequest& request, const std::string& fqdn,
               const ControlResponder& responder);
  void explain_stored(RecordKey key, boost::json::object view, const ControlResponder& responder);
  void act(const ControlRequest& request, const std::string& fqdn, CommandKind kind,
           const ControlResponder& responder);

  ControlBackend backend_;
  std::vector<ControlResponder> watchers_;
};

}  // namespace hotswapd
