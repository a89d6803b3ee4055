// Any request to /api/v1: its route, its log-in, its Host and its body are read without a fault,
// and what becomes a command of it is one that there is, with nothing in it but what may be. The
// input: method, target, Authorization, Host, Content-Type and body with line feeds between them.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/authorization.hpp"
#include "api/host_check.hpp"
#include "api/v1_handler.hpp"
#include "check.hpp"
#include "core/text.hpp"

namespace {

using namespace hotswapd;

std::string_view next_part(std::string_view& input) {
  const auto end = input.find('\n');
  const auto part = input.substr(0, end);
  input = end == input.npos ? std::string_view() : input.substr(end + 1);
  return part;
}

void ask(const HttpRequest& request) {
  const auto match = match_v1(request.method, request.path);
  CHECK(match.fqdn.find_first_of(std::string_view("/\0\n", 3)) == std::string::npos);
  if (match.route == nullptr) return;
  CHECK(!match.allow.empty());
  const auto command = command_of(match, request, "fuzzer");
  if (!command) {
    CHECK(!command.error().text.empty());
    return;
  }
  CHECK(command->command == match.route->command);
  CHECK(std::string_view(command->body.at("command").as_string()) == match.route->command);
  CHECK(command->body.size() <= 4);
  if (!match.fqdn.empty())
    CHECK(std::string_view(command->body.at("fqdn").as_string()) == match.fqdn);
  if (const auto* reason = command->body.if_contains("reason"); reason && reason->is_string())
    CHECK(clean(std::string_view(reason->get_string())) == reason->get_string());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  HttpRequest request;
  request.method = std::string(next_part(input));
  const auto target = next_part(input);
  const auto mark = target.find('?');
  request.path = std::string(target.substr(0, mark));
  if (mark != target.npos) request.query = std::string(target.substr(mark + 1));
  const auto claim = parse_authorization(next_part(input));
  CHECK(claim.scheme == Authorization::Scheme::basic || claim.name.empty());
  const std::string host(next_part(input));
  const HostPolicy policy{"192.0.2.1", {"hotswap.example.net"}};
  if (is_ours(host, policy)) {
    const auto name = lower(host);
    CHECK(name.starts_with("192.0.2.1") || name.starts_with("localhost") ||
          name.starts_with("hotswap.example.net"));
  }
  says_json(next_part(input));
  request.body = std::string(input);
  ask(request);
  return 0;
}
