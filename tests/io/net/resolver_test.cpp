// The resolver against name servers that answer, refuse, lie and say nothing.
#include "net/resolver.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>

#include "dns_peer.hpp"
#include "net/shard.hpp"
#include "net/task_group.hpp"

namespace hotswapd {
namespace {

using namespace testing;
using namespace std::chrono_literals;
namespace type = wire::type;
using wire::Rcode;

std::shared_ptr<const ResolverSettings> settings(std::vector<DnsEndpoint> servers) {
  ResolverSettings out;
  out.servers = std::move(servers);
  out.trouble.clear();
  return std::make_shared<const ResolverSettings>(std::move(out));
}

DnsEndpoint closed_port() {
  DnsPeer peer([](const Asked&) { return std::vector<Packet>(); });
  return peer.endpoint();
}

std::string summary(const Resolution& found) {
  std::string out;
  switch (found.state) {
    case NameState::addresses:
      break;
    case NameState::no_name:
      return "no name";
    case NameState::no_address:
      return "no address";
    case NameState::unusable:
      return "trouble: " + found.trouble;
  }
  for (const auto& address : found.addresses) out += (out.empty() ? "" : " ") + address;
  if (found.stale) out += " stale: " + found.trouble;
  return out;
}

// One loop with a resolver; ask() runs it until the answer is there.
class World {
 public:
  explicit World(std::vector<DnsEndpoint> servers) {
    resolver().configure(settings(std::move(servers)));
  }

  Resolver& resolver() { return Resolver::of(context_); }

  Resolution ask(const std::string& name, Millis timeout = 5000ms) {
    auto out = ask_many(1, name, timeout);
    return std::move(out.front());
  }

  std::vector<Resolution> ask_many(std::size_t count, const std::string& name,
                                   Millis timeout = 5000ms, bool each_its_own = false) {
    std::vector<Resolution> out(count);
    const auto began = Clock::now();
    for (std::size_t i = 0; i < count; ++i) {
      const std::string asked = each_its_own ? "n" + std::to_string(i) + "." + name : name;
      tasks_.spawn("ask", ask_into(resolver(), asked, timeout, out[i]));
    }
    context_.restart();
    while (tasks_.size() != 0 && context_.run_one() != 0) {
    }
    took_ = std::chrono::duration_cast<Millis>(Clock::now() - began);
    return out;
  }

  // Asks again and again, for what needs a TTL to run out, until it hears that or ten seconds
  // passed.
  std::string ask_until(const std::string& expected, const std::string& name,
                        Millis timeout = 5000ms) {
    const auto until = Clock::now() + 10s;
    std::string heard;
    while (Clock::now() < until) {
      heard = summary(ask(name, timeout));
      if (heard == expected) break;
      std::this_thread::sleep_for(10ms);
    }
    return heard;
  }

  // Lets lookups go on that nobody waits for; the loop ends by itself when there is none.
  void run_out() {
    context_.restart();
    context_.run();
    EXPECT_EQ(resolver().asking(), 0u);
    EXPECT_EQ(Poller::of(context_).watching(), 0u);
  }

  // Asks without waiting; run_until() the answer is there.
  void begin(const std::string& name, Resolution& into, Millis timeout = 8000ms) {
    tasks_.spawn("ask", ask_into(resolver(), name, timeout, into));
  }

  // Until it is so, or nobody asks any more.
  template <typename Condition>
  void run_until(Condition condition) {
    const auto began = Clock::now();
    context_.restart();
    while (!condition() && tasks_.size() != 0 && context_.run_one() != 0) {
    }
    took_ = std::chrono::duration_cast<Millis>(Clock::now() - began);
  }

  TaskGroup& tasks() { return tasks_; }
  asio::io_context& context() { return context_; }
  Millis took() const { return took_; }

  static awaitable<void> ask_into(Resolver& from, std::string name, Millis timeout,
                                  Resolution& out) {
    const TimePoint deadline = Clock::now() + timeout;
    out = co_await from.resolve(std::move(name), deadline);
  }

 private:
  asio::io_context context_{1};
  TaskGroup tasks_{context_.get_executor(), [](const std::string& task, const std::string& what) {
                     ADD_FAILURE() << task << " ended by an exception: " << what;
                   }};
  Millis took_{};
};

std::string server(const DnsPeer& peer) {
  return "name server " + peer.endpoint().text();
}

TEST(Resolver, AddressesOfBothFamiliesInAFixedOrder) {
  DnsPeer peer([](const Asked& asked) {
    AnswerMaker answer(asked);
    const auto name = asked.text();
    if (asked.type == type::a)
      answer.address(name, "192.0.2.20", 60).address(name, "192.0.2.3", 60);
    if (asked.type == type::aaaa) answer.address(name, "2001:db8::1", 60);
    return std::vector<Packet>{answer.packet()};
  });
  World world({peer.endpoint()});
  EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.3 192.0.2.20 2001:db8::1");
  EXPECT_EQ(peer.asked(), 2);
  EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.3 192.0.2.20 2001:db8::1");
  EXPECT_EQ(peer.asked(), 2) << "kept for its TTL";
  world.run_out();
}

TEST(Resolver, ManyWhoAskTheSameShareOneLookup) {
  DnsPeer peer([](const Asked& asked) { return addresses(asked, "192.0.2.1", ""); });
  World world({peer.endpoint()});
  for (const auto& found : world.ask_many(500, "www.example.net"))
    EXPECT_EQ(summary(found), "192.0.2.1");
  EXPECT_EQ(peer.asked(), 2);
}

TEST(Resolver, ManyNamesTakeTurns) {
  DnsPeer peer([](const Asked& asked) { return addresses(asked, "192.0.2.1", ""); });
  World world({peer.endpoint()});
  for (const auto& found : world.ask_many(1000, "example.net", 20'000ms, true))
    EXPECT_EQ(summary(found), "192.0.2.1");
  EXPECT_EQ(world.resolver().figures().lookups, 1000u);
  world.run_out();
}

bool is_found(const Resolution& one) {
  return one.state == NameState::addresses;
}

TEST(Resolver, SilentNamesDoNotHoldUpTheOthers) {
  DnsPeer peer([](const Asked& a) {
    if (a.text().starts_with("dead")) return std::vector<Packet>();
    return addresses(a, "192.0.2.1", "");
  });
  World world({peer.endpoint()});
  std::vector<Resolution> dead(400);
  std::vector<Resolution> live(4);
  const auto all_live = [&] { return std::all_of(live.begin(), live.end(), is_found); };
  for (std::size_t i = 0; i < dead.size(); ++i)
    world.begin("dead" + std::to_string(i) + ".example.net", dead[i]);
  for (std::size_t i = 0; i < live.size(); ++i)
    world.begin("live" + std::to_string(i) + ".example.net", live[i]);
  world.run_until(all_live);
  EXPECT_TRUE(all_live());
  EXPECT_LT(world.took(), 4000ms) << "the dead ones took half a second each, not six";

  // Now it is known which are dead: a name that is not waits for none of them, though they hold
  // every place.
  live.assign(live.size(), {});
  for (std::size_t i = 0; i < live.size(); ++i)
    world.begin("more" + std::to_string(i) + ".example.net", live[i]);
  world.run_until(all_live);
  EXPECT_TRUE(all_live());
  EXPECT_LT(world.took(), 400ms);

  world.tasks().request_stop();
  world.resolver().stop();
  world.run_out();
}

TEST(Resolver, ALookupThatGaveWayIsBegunAgain) {
  std::map<std::string, int> times;  // by the thread of the peer alone
  DnsPeer peer([&times](const Asked& a) {
    if (a.text().starts_with("dead")) return std::vector<Packet>();
    if (a.text().starts_with("slow") && ++times[std::to_string(a.type)] < 2)
      return std::vector<Packet>();
    return addresses(a, "192.0.2.1", "");
  });
  World world({peer.endpoint()});
  Resolution slow;
  Resolution live;
  std::vector<Resolution> dead(127);
  for (std::size_t i = 0; i < dead.size(); ++i) {
    if (i == 32) world.begin("slow.example.net", slow);  // those before it stay
    world.begin("dead" + std::to_string(i) + ".example.net", dead[i]);
  }
  world.begin("live.example.net", live);
  world.run_until([&] { return is_found(slow) && is_found(live); });
  EXPECT_EQ(summary(live), "192.0.2.1");
  EXPECT_EQ(summary(slow), "192.0.2.1");
  EXPECT_GE(world.resolver().figures().put_off, 1u);
  world.tasks().request_stop();
  world.resolver().stop();
  world.run_out();
}

// Two silent servers before the one that answers: a lookup takes longer than half a second, and is
// not broken off for ever however many wait.
TEST(Resolver, ManyNamesReachTheLastServer) {
  DnsPeer silent([](const Asked&) { return std::vector<Packet>(); });
  DnsPeer silent_too([](const Asked&) { return std::vector<Packet>(); });
  DnsPeer well([](const Asked& a) { return addresses(a, "192.0.2.1", ""); });
  World world({silent.endpoint(), silent_too.endpoint(), well.endpoint()});
  for (const auto& found : world.ask_many(1500, "example.net", 10'000ms, true))
    EXPECT_EQ(summary(found), "192.0.2.1");
  EXPECT_LT(world.took(), 5000ms);
}

TEST(Resolver, OneIllNameDoesNotChangeWhoIsAskedFirst) {
  std::atomic<bool> good_came = false;
  DnsPeer first([&](const Asked& a) {
    if (a.text().starts_with("good")) {
      good_came = true;
      return addresses(a, "192.0.2.1", "");
    }
    return good_came ? nothing_but(a, Rcode::servfail) : std::vector<Packet>();
  });
  DnsPeer second([](const Asked& a) { return nothing_but(a, Rcode::servfail); });
  World world({first.endpoint(), second.endpoint()});
  Resolution bad;
  Resolution good;
  world.begin("bad.example.net", bad);
  world.begin("good.example.net", good);
  world.run_until([&] { return !bad.trouble.empty(); });
  EXPECT_EQ(summary(good), "192.0.2.1");
  EXPECT_NE(bad.trouble.find("answers SERVFAIL"), std::string::npos) << bad.trouble;
  const int before = second.asked();
  EXPECT_EQ(summary(world.ask("good-too.example.net")), "192.0.2.1");
  EXPECT_EQ(second.asked(), before);
}

TEST(Resolver, WhatTheNameServerSaysOfTheName) {
  struct Row {
    const char* what;
    DnsPeer::Script script;
    std::string expected;  // "SERVER" stands for the peer
  };
  const std::string name = "www.example.net";
  const std::vector<Row> rows{
      {"NXDOMAIN", [](const Asked& a) { return nothing_but(a, Rcode::nxdomain); }, "no name"},
      {"no records", [](const Asked& a) { return nothing_but(a, Rcode::noerror); }, "no address"},
      {"no records with a SOA",
       [&](const Asked& a) {
         return std::vector<Packet>{AnswerMaker(a).authority("example.net", type::soa).packet()};
       },
       "no address"},
      {"a referral",
       [&](const Asked& a) {
         return std::vector<Packet>{AnswerMaker(a).authority("example.net", type::ns).packet()};
       },
       "trouble: SERVER only refers to other name servers"},
      {"lame: no recursion, no authority",
       [&](const Asked& a) {
         return std::vector<Packet>{AnswerMaker(a).flags(0, wire::Header::ra).packet()};
       },
       "trouble: SERVER does not resolve names for us (recursion is not offered)"},
      {"authoritative, without recursion",
       [&](const Asked& a) {
         return std::vector<Packet>{
             AnswerMaker(a, Rcode::nxdomain).flags(wire::Header::aa, wire::Header::ra).packet()};
       },
       "no name"},
      {"a chain",
       [&](const Asked& a) {
         AnswerMaker answer(a);
         answer.alias(name, "a.example.org", 60).alias("a.example.org", "B.example.org", 60);
         if (a.type == type::a) answer.address("b.example.org", "192.0.2.7", 60);
         return std::vector<Packet>{answer.packet()};
       },
       "192.0.2.7"},
      {"a chain in the wrong order",
       [&](const Asked& a) {
         AnswerMaker answer(a);
         if (a.type == type::a) answer.address("b.example.org", "192.0.2.7", 60);
         answer.alias("a.example.org", "b.example.org", 60).alias(name, "a.example.org", 60);
         return std::vector<Packet>{answer.packet()};
       },
       "192.0.2.7"},
      {"a loop",
       [&](const Asked& a) {
         return std::vector<Packet>{AnswerMaker(a)
                                        .alias(name, "a.example.org", 60)
                                        .alias("a.example.org", name, 60)
                                        .packet()};
       },
       "trouble: SERVER gives a loop of CNAME records"},
      {"an alias to nowhere",
       [&](const Asked& a) {
         return std::vector<Packet>{
             AnswerMaker(a, Rcode::nxdomain).alias(name, "gone.example.org", 60).packet()};
       },
       "no name"},
      {"an address of another name",
       [&](const Asked& a) {
         AnswerMaker answer(a);
         if (a.type == type::a) answer.address("other.example.net", "192.0.2.66", 60);
         return std::vector<Packet>{answer.packet()};
       },
       "no address"},
      {"addresses that nobody has",
       [&](const Asked& a) {
         AnswerMaker answer(a);
         if (a.type == type::a)
           answer.address(name, "0.0.0.0", 60)
               .address(name, "224.0.0.1", 60)
               .address(name, "255.255.255.255", 60);
         if (a.type == type::aaaa)
           answer.address(name, "::", 60)
               .address(name, "ff02::1", 60)
               .address(name, "::ffff:127.0.0.1", 60);
         return std::vector<Packet>{answer.packet()};
       },
       "no address"},
      {"IPv6 alone", [](const Asked& a) { return addresses(a, "", "2001:db8::7"); }, "2001:db8::7"},
      {"garbage behind the question",
       [](const Asked& a) {
         auto packet = AnswerMaker(a).packet();
         packet[7] = std::byte{9};
         return std::vector<Packet>{packet};
       },
       "trouble: SERVER gives a malformed answer"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    DnsPeer peer(row.script);
    World world({peer.endpoint()});
    auto expected = row.expected;
    if (const auto at = expected.find("SERVER"); at != std::string::npos)
      expected.replace(at, 6, server(peer));
    EXPECT_EQ(summary(world.ask(name)), expected);
    world.run_out();
  }
}

TEST(Resolver, ServfailMovesOnToTheNextServer) {
  DnsPeer ill([](const Asked& a) { return nothing_but(a, Rcode::servfail); });
  DnsPeer well([](const Asked& a) { return addresses(a, "192.0.2.1", ""); });
  World world({ill.endpoint(), well.endpoint()});
  EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.1");
  EXPECT_LT(world.took(), 700ms);
  const int before = ill.asked();
  EXPECT_EQ(summary(world.ask("other.example.net")), "192.0.2.1");
  EXPECT_EQ(ill.asked(), before) << "the one that answered last is asked first";
}

TEST(Resolver, AServerThatRefusesOrIsSilentGivesWayToTheNext) {
  DnsPeer silent([](const Asked&) { return std::vector<Packet>(); });
  DnsPeer well([](const Asked& a) { return addresses(a, "192.0.2.1", ""); });
  World refused({closed_port(), well.endpoint()});
  EXPECT_EQ(summary(refused.ask("www.example.net")), "192.0.2.1");
  EXPECT_LT(refused.took(), 700ms);
  World slow({silent.endpoint(), well.endpoint()});
  EXPECT_EQ(summary(slow.ask("www.example.net")), "192.0.2.1");
  EXPECT_LT(slow.took(), 2500ms);
}

// What a server sends that answers with nothing but a header.
Packet bare_header(const Asked& asked, Rcode rcode) {
  Packet packet(asked.packet.begin(), asked.packet.begin() + wire::header_size);
  packet[2] |= std::byte{0x80};
  packet[3] = static_cast<std::byte>(rcode);
  std::fill(packet.begin() + 4, packet.end(), std::byte{0});
  return packet;
}

bool has_edns(const Asked& asked) {
  return asked.packet[11] != std::byte{0};
}

TEST(Resolver, AServerWithoutEdnsIsAskedWithoutIt) {
  for (const auto rcode : {Rcode::formerr, Rcode::notimp}) {
    for (const bool bare : {false, true}) {
      SCOPED_TRACE(std::string(wire::to_string(rcode)) + (bare ? ", bare" : ", with question"));
      DnsPeer peer([rcode, bare](const Asked& a) {
        if (!has_edns(a)) return addresses(a, "192.0.2.1", "2001:db8::1");
        return bare ? std::vector<Packet>{bare_header(a, rcode)} : nothing_but(a, rcode);
      });
      World world({peer.endpoint()});
      EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.1 2001:db8::1");
      EXPECT_LT(world.took(), 700ms);
      EXPECT_EQ(peer.asked(), 4) << "each family with it and without";
      world.run_out();
    }
  }
}

TEST(Resolver, ABareRefusalIsOne) {
  for (const auto rcode : {Rcode::formerr, Rcode::servfail, Rcode::notimp, Rcode::refused}) {
    SCOPED_TRACE(wire::to_string(rcode));
    DnsPeer ill([rcode](const Asked& a) { return std::vector<Packet>{bare_header(a, rcode)}; });
    DnsPeer well([](const Asked& a) { return addresses(a, "192.0.2.1", ""); });
    World two({ill.endpoint(), well.endpoint()});
    EXPECT_EQ(summary(two.ask("www.example.net")), "192.0.2.1");
    EXPECT_LT(two.took(), 700ms);
    World one({ill.endpoint()});
    EXPECT_EQ(summary(one.ask("www.example.net")),
              "trouble: " + server(ill) + " answers " + wire::to_string(rcode));
    EXPECT_LT(one.took(), 700ms);
    one.run_out();
  }
}

// An id is guessed sooner than a name that is spelled at random: a bare header says nothing of the
// name, and one with another id nothing at all.
TEST(Resolver, ABareHeaderIsNoAnswer) {
  DnsPeer peer([](const Asked& a) {
    auto other = a;
    other.packet[0] ^= std::byte{1};
    std::vector<Packet> out{bare_header(a, Rcode::nxdomain), bare_header(a, Rcode::noerror),
                            bare_header(other, Rcode::servfail)};
    for (auto& real : addresses(a, "192.0.2.1", "")) out.push_back(std::move(real));
    return out;
  });
  World world({peer.endpoint()});
  EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.1");
  EXPECT_EQ(world.resolver().figures().foreign, 6u);
}

TEST(Resolver, AnIllServerIsOurTrouble) {
  DnsPeer servfail([](const Asked& a) { return nothing_but(a, Rcode::servfail); });
  World one({servfail.endpoint()});
  EXPECT_EQ(summary(one.ask("www.example.net")),
            "trouble: " + server(servfail) + " answers SERVFAIL");
  const int before = servfail.asked();
  EXPECT_EQ(summary(one.ask("www.example.net")),
            "trouble: " + server(servfail) + " answers SERVFAIL");
  EXPECT_EQ(servfail.asked(), before) << "not asked again within a second";

  const auto closed = closed_port();
  World two({closed});
  EXPECT_EQ(
      summary(two.ask("www.example.net")),
      "trouble: name server " + closed.text() + " refuses the connection (nothing listens there)");

  World none({});
  EXPECT_EQ(none.ask("www.example.net").state, NameState::unusable);
}

TEST(Resolver, SilenceEndsAtTheDeadline) {
  DnsPeer silent([](const Asked&) { return std::vector<Packet>(); });
  World world({silent.endpoint()});
  EXPECT_EQ(summary(world.ask("www.example.net", 300ms)),
            "trouble: no answer of a name server in time");
  EXPECT_GE(world.took(), 300ms);
  EXPECT_LT(world.took(), 600ms);
  world.resolver().stop();
  world.run_out();
}

TEST(Resolver, ALookupEndsByItself) {
  DnsPeer silent([](const Asked&) { return std::vector<Packet>(); });
  World world({silent.endpoint()});
  EXPECT_EQ(summary(world.ask("www.example.net", 20'000ms)),
            "trouble: " + server(silent) + " does not answer");
  EXPECT_LT(world.took(), ResolverLookup::longest + 500ms);
  world.run_out();
}

TEST(Resolver, TheLastGoodAnswerIsUsedWhileTheServerIsIll) {
  DnsPeer peer([](const Asked& a) { return addresses(a, "192.0.2.1", "", 0); });
  World world({peer.endpoint()});
  EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.1");  // a TTL of 0 counts as a second

  peer.set([](const Asked& a) { return nothing_but(a, Rcode::servfail); });
  const std::string ill = "192.0.2.1 stale: " + server(peer) + " answers SERVFAIL";
  EXPECT_EQ(world.ask_until(ill, "www.example.net"), ill);

  peer.set([](const Asked&) { return std::vector<Packet>(); });
  const std::string silent = "192.0.2.1 stale: no answer of a name server in time";
  EXPECT_EQ(world.ask_until(silent, "www.example.net", 800ms), silent);
  EXPECT_GE(world.took(), 390ms);
  EXPECT_LT(world.took(), 700ms) << "half of the time is left for the probe";
  world.resolver().stop();

  peer.set([](const Asked& a) { return nothing_but(a, Rcode::nxdomain); });
  EXPECT_EQ(summary(world.ask("www.example.net")), "no name");
  EXPECT_GE(world.resolver().figures().stale, 2u);
}

TEST(Resolver, TruncatedAnswersComeByTcp) {
  DnsPeer peer([](const Asked& a) {
    if (!a.tcp) return std::vector<Packet>{AnswerMaker(a).flags(wire::Header::tc).packet()};
    return addresses(a, "192.0.2.1", "2001:db8::1");
  });
  World world({peer.endpoint()});
  EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.1 2001:db8::1");
  EXPECT_EQ(peer.by_tcp(), 2);
  world.run_out();
}

TEST(Resolver, HugeAnswersAreBounded) {
  DnsPeer peer([](const Asked& a) {
    if (!a.tcp) return std::vector<Packet>{AnswerMaker(a).flags(wire::Header::tc).packet()};
    AnswerMaker answer(a);
    if (a.type == type::a) {
      for (int i = 0; i < 1500; ++i)
        answer.address(a.text(), "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256),
                       60);
    }
    return std::vector<Packet>{answer.packet()};
  });
  World world({peer.endpoint()});
  const auto found = world.ask("www.example.net");
  EXPECT_EQ(found.addresses.size(), most_addresses);
  EXPECT_EQ(found.addresses.front(), "10.0.0.0");
}

TEST(Resolver, ForgeriesAreIgnored) {
  DnsPeer peer([](const Asked& a) {
    std::vector<Packet> out;
    const auto forged = [&](AnswerMaker& maker) {
      maker.address(a.text(), "203.0.113.66", 60);
      return maker.packet();
    };
    AnswerMaker wrong_id(a);
    wrong_id.id(static_cast<std::uint16_t>(a.id + 1));
    out.push_back(forged(wrong_id));
    Asked elsewhere = a;
    elsewhere.name = *wire::Name::from_text("other.example.net");
    AnswerMaker wrong_name(elsewhere);
    out.push_back(forged(wrong_name));
    Asked other_type = a;
    other_type.type = type::txt;
    AnswerMaker wrong_type(other_type);
    out.push_back(forged(wrong_type));
    AnswerMaker question(a);
    question.flags(0, wire::Header::qr);
    out.push_back(forged(question));
    out.push_back({});                             // empty: no end of the connection
    out.push_back(Packet(5, std::byte{0xff}));     // too short
    out.push_back(Packet(1400, std::byte{0xc0}));  // pointers
    for (auto& real : addresses(a, "192.0.2.1", "")) out.push_back(std::move(real));
    return out;
  });
  World world({peer.endpoint()});
  EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.1");
  EXPECT_GE(world.resolver().figures().foreign, 7u);
  EXPECT_LT(world.took(), 700ms);
}

// All of it is right, but where it comes from.
TEST(Resolver, AnAnswerFromAnotherPortIsIgnored) {
  const int elsewhere = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(elsewhere, 0);
  std::atomic<int> forged{0};
  DnsPeer peer([&](const Asked& a) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(a.port);
    for (const auto& forgery : addresses(a, "203.0.113.66", "")) {
      if (::sendto(elsewhere, forgery.data(), forgery.size(), 0, reinterpret_cast<sockaddr*>(&to),
                   sizeof to) == static_cast<ssize_t>(forgery.size()))
        ++forged;
    }
    return addresses(a, "192.0.2.1", "");
  });
  World world({peer.endpoint()});
  EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.1");
  EXPECT_EQ(forged, 2);
  world.run_out();
  ::close(elsewhere);
}

TEST(Resolver, TheWrongCaseIsAskedAgainByTcp) {
  DnsPeer peer([](const Asked& a) {
    Asked lowered = a;
    lowered.name = a.name.lowered();
    return addresses(lowered, a.tcp ? "192.0.2.1" : "203.0.113.66", "");
  });
  World world({peer.endpoint()});
  EXPECT_EQ(summary(world.ask("a-rather-long-name-to-be-sure.example.net")), "192.0.2.1");
  EXPECT_EQ(peer.by_tcp(), 2);
}

TEST(Resolver, EveryQuestionLooksDifferent) {
  std::mutex mutex;
  std::vector<std::string> names;
  std::vector<std::uint16_t> ids;
  DnsPeer peer([&](const Asked& a) {
    const std::lock_guard lock(mutex);
    names.push_back(a.name.text());
    ids.push_back(a.id);
    return addresses(a, "192.0.2.1", "", 0);
  });
  World world({peer.endpoint()});
  for (int i = 0; i < 8; ++i)
    world.ask("a-rather-long-name-to-be-sure-" + std::to_string(i) + ".net");
  const std::lock_guard lock(mutex);
  ASSERT_EQ(ids.size(), 16u);
  std::sort(ids.begin(), ids.end());
  EXPECT_GE(std::unique(ids.begin(), ids.end()) - ids.begin(), 14);
  EXPECT_NE(names[0], names[1]) << "A and AAAA are spelled differently";
}

TEST(Resolver, OneFamilyIsEnoughWhenTheOtherIsNotAnswered) {
  DnsPeer peer([](const Asked& a) {
    if (a.type == type::aaaa) return std::vector<Packet>();
    return addresses(a, "192.0.2.1", "");
  });
  World world({peer.endpoint()});
  EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.1");
  EXPECT_LT(world.took(), 700ms);
}

TEST(Resolver, NoAddressNeedsBothFamiliesToSaySo) {
  DnsPeer peer([](const Asked& a) {
    return nothing_but(a, a.type == type::aaaa ? Rcode::servfail : Rcode::noerror);
  });
  World world({peer.endpoint()});
  EXPECT_EQ(world.ask("www.example.net").state, NameState::unusable);
}

// Some load balancers say NXDOMAIN of AAAA for a name that has an A (RFC 4074 4.2), and at once,
// because it is in the cache of the resolver, while the A is still looked for.
TEST(Resolver, NoNameOfOneFamilyWaitsForTheOther) {
  for (const auto denied : {type::a, type::aaaa}) {
    SCOPED_TRACE(denied);
    std::atomic<int> others = 0;
    const auto answer = [&others, denied](const Asked& a) {
      if (a.type == denied) return nothing_but(a, Rcode::nxdomain);
      // Answered when it is asked for the second time, 0.8 s later.
      return ++others < 2 ? std::vector<Packet>() : addresses(a, "192.0.2.1", "2001:db8::1");
    };
    DnsPeer peer(answer);
    World world({peer.endpoint()});
    EXPECT_EQ(summary(world.ask("www.example.net")),
              denied == type::a ? "2001:db8::1" : "192.0.2.1");
    world.run_out();
  }
}

TEST(Resolver, NoNameNeedsBothFamiliesToSaySo) {
  struct Row {
    const char* what;
    std::vector<Packet> (*other)(const Asked&);
    const char* expected;  // "SERVER" stands for the peer
  };
  const Row rows[] = {
      {"SERVFAIL", [](const Asked& a) { return nothing_but(a, Rcode::servfail); },
       "trouble: SERVER answers SERVFAIL"},
      {"REFUSED", [](const Asked& a) { return nothing_but(a, Rcode::refused); },
       "trouble: SERVER answers REFUSED"},
      {"silence", [](const Asked&) { return std::vector<Packet>(); },
       "trouble: no answer of a name server in time"},
      {"no records", [](const Asked& a) { return nothing_but(a, Rcode::noerror); }, "no name"},
      {"NXDOMAIN", [](const Asked& a) { return nothing_but(a, Rcode::nxdomain); }, "no name"},
  };
  for (const auto denied : {type::a, type::aaaa}) {
    for (const auto& row : rows) {
      SCOPED_TRACE(std::string(row.what) + " beside NXDOMAIN of type " + std::to_string(denied));
      DnsPeer peer([&row, denied](const Asked& a) {
        return a.type == denied ? nothing_but(a, Rcode::nxdomain) : row.other(a);
      });
      World world({peer.endpoint()});
      std::string expected = row.expected;
      if (const auto at = expected.find("SERVER"); at != std::string::npos)
        expected.replace(at, 6, server(peer));
      EXPECT_EQ(summary(world.ask("www.example.net", 1000ms)), expected);
      world.resolver().stop();
      world.run_out();
    }
  }
}

TEST(Resolver, TheHostsFileComesFirst) {
  World world({});
  ResolverSettings with_hosts;
  with_hosts.hosts = read_hosts("192.0.2.5 db.example.net db # the old one\n::1 localhost\n");
  world.resolver().configure(std::make_shared<const ResolverSettings>(with_hosts));
  EXPECT_EQ(summary(world.ask("db.example.net")), "192.0.2.5");
  EXPECT_EQ(summary(world.ask("localhost")), "::1");
}

TEST(Resolver, OtherServersAreAskedAfterAReload) {
  DnsPeer before([](const Asked& a) { return addresses(a, "192.0.2.1", "", 3600); });
  DnsPeer after([](const Asked& a) { return addresses(a, "192.0.2.2", "", 3600); });
  World world({before.endpoint()});
  EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.1");
  world.resolver().configure(settings({after.endpoint()}));
  EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.2");
  world.resolver().configure(settings({closed_port()}));
  EXPECT_TRUE(world.ask("www.example.net").stale) << "the last good answer outlives a reload";
}

TEST(Resolver, ALookupUnderWayIsNotJoinedAfterAReload) {
  DnsPeer silent([](const Asked&) { return std::vector<Packet>(); });
  DnsPeer well([](const Asked& a) { return addresses(a, "192.0.2.2", ""); });
  World world({silent.endpoint()});
  EXPECT_EQ(world.ask("www.example.net", 100ms).state, NameState::unusable);
  world.resolver().configure(settings({well.endpoint()}));
  EXPECT_EQ(summary(world.ask("www.example.net")), "192.0.2.2");
  EXPECT_EQ(world.resolver().asking(), 0u);
  world.resolver().stop();
  world.run_out();
}

TEST(Resolver, AStoppedTaskLeavesAtOnce) {
  DnsPeer silent([](const Asked&) { return std::vector<Packet>(); });
  World world({silent.endpoint()});
  Resolution out;
  world.tasks().spawn("ask", World::ask_into(world.resolver(), "www.example.net", 20'000ms, out));
  world.context().poll();
  world.tasks().request_stop();
  world.resolver().stop();
  const auto began = Clock::now();
  world.run_out();
  EXPECT_LT(Clock::now() - began, 500ms);
  EXPECT_EQ(out.trouble, "stopped");
}

TEST(Resolver, ALoopThatIsDestroyedTakesItsLookupsAlong) {
  DnsPeer silent([](const Asked&) { return std::vector<Packet>(); });
  Resolution out;
  {
    World world({silent.endpoint()});
    world.tasks().spawn("ask", World::ask_into(world.resolver(), "www.example.net", 20'000ms, out));
    world.context().poll();
    EXPECT_EQ(world.resolver().asking(), 1u);
  }
}

TEST(Resolver, AShardStopsAtOnce) {
  DnsPeer silent([](const Asked&) { return std::vector<Packet>(); });
  Shard shard("probes-0",
              [](const std::string&, const std::string& what) { ADD_FAILURE() << what; });
  Resolver::of(shard.context()).configure(settings({silent.endpoint()}));
  Resolution out;
  std::promise<void> gave_up;
  const auto ask = [](Resolver& from, Resolution& into,
                      std::promise<void>& done) -> awaitable<void> {
    std::string name = "a.example.net";
    const TimePoint deadline = Clock::now() + 50ms;
    into = co_await from.resolve(std::move(name), deadline);
    done.set_value();
  };
  shard.tasks().spawn("ask", ask(Resolver::of(shard.context()), out, gave_up));
  shard.start();
  ASSERT_EQ(gave_up.get_future().wait_for(10s), std::future_status::ready);
  // Nobody waits for the lookup any more, and it goes on.
  const auto began = Clock::now();
  shard.stop();
  EXPECT_LT(Clock::now() - began, 500ms);
}

TEST(Resolver, NoDescriptorLeftIsOurTrouble) {
  DnsPeer peer([](const Asked& a) { return addresses(a, "192.0.2.1", ""); });
  World world({peer.endpoint()});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto found = world.ask_many(300, "example.net", 5000ms, true);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  for (const auto& one : found)
    EXPECT_NE(summary(one).find("no file descriptor left"), std::string::npos) << summary(one);
}

}  // namespace
}  // namespace hotswapd
