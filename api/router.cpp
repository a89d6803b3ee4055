#include "api/router.hpp"

#include <utility>

#include "api/problem.hpp"

namespace hotswapd {
namespace {

bool fits(std::string_view mount, std::string_view path) {
  if (mount == path) return true;
  if (!mount.ends_with('/')) return false;
  return path.starts_with(mount) || path == mount.substr(0, mount.size() - 1);
}

}  // namespace

void Router::mount(std::string path, HttpHandler& handler, Headers headers) {
  mounts_.push_back({std::move(path), &handler, headers});
}

const Router::Mount* Router::find(std::string_view path) const {
  const Mount* found = nullptr;
  for (const auto& mount : mounts_) {
    if (!fits(mount.path, path)) continue;
    if (found == nullptr || mount.path.size() > found->path.size()) found = &mount;
  }
  return found;
}

awaitable<HttpResponse> Router::handle(HttpRequest request) {
  const Mount* const mount = find(request.path);
  if (mount != nullptr && mount->headers == Headers::its_own)
    co_return co_await mount->handler->handle(std::move(request));
  HttpResponse response;
  if (mount != nullptr) {
    response = co_await mount->handler->handle(std::move(request));
  } else {
    response = problem(404, "not_found", "there is nothing at this path");
  }
  add_security_headers(response);
  co_return response;
}

}  // namespace hotswapd
