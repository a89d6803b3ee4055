// /api/v1: the commands of the control socket over HTTP, and the events as a stream.
#pragma once

#include <string>

#include "api/access.hpp"
#include "api/control_handler.hpp"
#include "api/event_feed.hpp"
#include "api/v1_routes.hpp"

namespace hotswapd {

// Lives on the server's thread, as all that it is given; that outlives it.
class V1Handler final : public HttpHandler {
 public:
  V1Handler(asio::any_io_executor executor, Access& access, ControlHandler& commands,
            EventFeed& events);

  awaitable<HttpResponse> handle(HttpRequest request) override;

 private:
  awaitable<HttpResponse> run(ControlRequest command);
  HttpResponse stream(const HttpRequest& request);

  asio::any_io_executor executor_;
  Access& access_;
  ControlHandler& commands_;
  EventFeed& events_;
};

// The command that a request asks for, or what is wrong with the request. Pure.
Fallible<ControlRequest> command_of(const V1Match& match, const HttpRequest& request,
                                    std::string who);
// A write says that it is JSON: no form of a page of somebody else can.
bool says_json(std::string_view content_type);

}  // namespace hotswapd
