// The provider route53 as a program of its own, for tests against a stand-in for AWS. What is said
// to it stands in provider_lines.hpp; the rest of the chain of keys comes from the environment.
//
//   route53_call --zone ID --region REGION [--endpoint URL] [--service-endpoint NAME=URL]...
//                [--key-id ID --secret SECRET] [--profile NAME] [--role ARN] [--external-id TEXT]
//                [--account-id ID] [--name-server ADDR:PORT]... [--clock SECONDS]
#include <boost/asio/io_context.hpp>
#include <string>

#include "aws/account.hpp"
#include "dns/route53.hpp"
#include "net/curl_pool.hpp"
#include "net/tls_contexts.hpp"
#include "tests/e2e/provider_lines.hpp"

int main(int argc, char** argv) {
  using namespace hotswapd;
  Route53Options options;
  aws::AccountOptions account_options;
  Seconds clock{0};
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string word = argv[i];
    const std::string value = argv[i + 1];
    if (word == "--zone") options.zone_id = value;
    if (word == "--region") account_options.region = value;
    if (word == "--endpoint") account_options.endpoint_url = value;
    if (word == "--service-endpoint")
      account_options.endpoints[value.substr(0, value.find('='))] =
          value.substr(value.find('=') + 1);
    if (word == "--key-id") account_options.access_key_id = value;
    if (word == "--secret") account_options.secret_access_key = Secret(value);
    if (word == "--profile") account_options.profile = value;
    if (word == "--role") account_options.role_arn = value;
    if (word == "--external-id") account_options.external_id = value;
    if (word == "--account-id") account_options.account_id = value;
    if (word == "--clock") clock = Seconds(std::stol(value));
    if (word == "--name-server") options.name_servers.push_back(DnsEndpoint::parse(value).value());
  }
  asio::io_context context(1);
  TlsContexts tls;
  CurlPool pool(context, tls, {});
  aws::Account::Surroundings around;
  around.executor = context.get_executor();
  around.send = pool.sender();
  around.direct = pool.sender();
  around.wall_clock = [clock] {
    return std::chrono::floor<Millis>(std::chrono::system_clock::now()) + clock;
  };
  around.environment = aws::process_environment();
  aws::Account account(std::move(around), std::move(account_options));
  Route53Provider::Surroundings surroundings;
  surroundings.call = [&account](aws::Operation operation, TimePoint deadline) {
    return account.call(std::move(operation), deadline);
  };
  surroundings.lookup = [](std::string host,
                           TimePoint) -> awaitable<Fallible<std::vector<std::string>>> {
    co_return Error{errc::unavailable, "nobody resolves " + host + " here"};
  };
  Route53Provider provider(std::move(surroundings), std::move(options));
  return provider_lines::run(context, provider);
}
