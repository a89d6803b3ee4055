// Which handler answers which path: the first step of every request.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/http_message.hpp"

namespace hotswapd {

// Lives on the server's thread. The handlers outlive it.
class Router final : public HttpHandler {
 public:
  // Whose answers they are: ours carry the headers that browsers obey (see problem.hpp), those of
  // an interface that others have fixed are left as they are.
  enum class Headers { ours, its_own };

  // `path` alone; one that ends in '/' stands for everything below it, and for itself without the
  // '/'. Of several that fit the longest answers. Any method: the handler knows which it has.
  void mount(std::string path, HttpHandler& handler, Headers headers = Headers::ours);

  awaitable<HttpResponse> handle(HttpRequest request) override;

 private:
  struct Mount {
    std::string path;
    HttpHandler* handler;
    Headers headers;
  };
  const Mount* find(std::string_view path) const;

  std::vector<Mount> mounts_;
};

}  // namespace hotswapd
