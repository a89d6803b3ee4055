#include "dns/dyn_publication.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <utility>

#include "core/text.hpp"
#include "net/sleep.hpp"

namespace hotswapd {
namespace {

using dyn_api::Answer;
using dyn_api::Verdict;

constexpr Millis to_publish{3'500};  // what is left for it: of the call's ten seconds, at our pace
constexpr Millis first_task_pause{100};
constexpr Millis longest_task_pause{1'000};

const DynSession::Rules in_this_session{true, false};

// Of an answer that is no success where one was needed.
Error declined(const Answer& answer) {
  const bool slow = answer.verdict == Verdict::not_allowed || answer.verdict == Verdict::no_zone;
  return {slow ? errc::refused : errc::unavailable, "the API says: " + answer.text};
}

// Of an error while nothing was published.
ApplyResult not_done(const Error& error) {
  const bool slow = error.code == errc::refused || error.code == errc::invalid_argument ||
                    error.code == errc::conflict;
  return {slow ? SwapOutcome::refused : SwapOutcome::failed, error.text, error.hint};
}

Fallible<std::string> mark_name_of(const RecordKey& key) {
  const auto name = wire::Name::from_text(key.fqdn);
  const auto mark = name ? mark_name(*name) : std::nullopt;
  if (!mark)
    return Error{errc::invalid_argument, clean(key.fqdn) + " is no name that can be swapped"};
  return lower(mark->text());
}

std::string notes_of(const std::vector<std::shared_ptr<DynChange>>& changes) {
  constexpr std::size_t longest = 200;
  std::string out = "hotswapd:";
  for (const auto& change : changes) {
    const auto& plan = change->plan;
    const auto line = " " + plan.key.fqdn + " " + to_string(plan.want) +
                      " gen=" + std::to_string(plan.generation) + " id=" + plan.op + ";";
    if (out.size() + line.size() > longest) return out + " ...";
    out += line;
  }
  out.pop_back();
  return out;
}

}  // namespace

// What is staged belongs to nobody any more: not to be seen by a read, nor published with the next.
awaitable<Fallible<void>> DynZones::clean_up(std::string zone, TimePoint deadline) {
  const DynSession::Rules rules{true, true};
  auto request = dyn_api::discard_changes(zone);
  const auto answer = co_await session_.call(std::move(request), rules, deadline);
  if (!answer) co_return answer.error();
  if (answer->verdict != Verdict::success) co_return declined(*answer);
  staged_.erase(zone);
  co_return Fallible<void>();
}

awaitable<Fallible<DynZones::Look>> DynZones::look(RecordKey key, bool may_log_in,
                                                   TimePoint deadline) {
  const DynSession::Rules rules{true, may_log_in};
  Look out;
  auto ask = dyn_api::ask_node(key);
  const auto node = co_await session_.call(std::move(ask), rules, deadline);
  if (!node) co_return node.error();
  if (node->verdict == Verdict::success) {
    auto read = dyn_api::read_node(node->data);
    if (!read) co_return read.error();
    out.node = std::move(*read);
  } else if (node->verdict != Verdict::not_found) {
    co_return declined(*node);
  }
  if (!with_mark_) co_return out;
  const auto mark_at = mark_name_of(key);
  if (!mark_at) co_return mark_at.error();
  auto ask_mark = dyn_api::ask_mark(key, *mark_at);
  const auto texts = co_await session_.call(std::move(ask_mark), rules, deadline);
  if (!texts) co_return texts.error();
  out.texts.kind = "TXT";
  if (texts->verdict == Verdict::success) {
    auto read = dyn_api::read_texts(texts->data);
    if (!read) co_return read.error();
    out.texts = std::move(*read);
  } else if (texts->verdict != Verdict::not_found) {
    co_return declined(*texts);
  }
  auto mark = dyn_api::mark_in(out.texts, key.fqdn);
  if (!mark) co_return mark.error();
  out.mark = std::move(*mark);
  co_return out;
}

awaitable<Fallible<LiveRecord>> DynZones::read(RecordKey key, TimePoint deadline) {
  if (const auto staged = staged_.find(key.zone); staged != staged_.end()) {
    if (staged->second == session_.number()) {
      const auto cleaned = co_await clean_up(key.zone, deadline);
      if (!cleaned) co_return cleaned.error();
    }
    staged_.erase(key.zone);
  }
  const auto seen = co_await look(key, true, deadline);
  if (!seen) co_return seen.error();
  auto set = seen->node.set(key.fqdn);
  if (!set) co_return set.error();
  co_return live_record(std::move(*set), seen->mark, std::nullopt);
}

// In this session alone; done, or an error.
awaitable<Fallible<void>> DynZones::perform(dyn_api::Request request, TimePoint deadline) {
  const bool deletes = request.method == "DELETE";
  const DynSession::Rules rules{request.method != "POST", false};
  const auto answer = co_await session_.call(std::move(request), rules, deadline);
  if (!answer) co_return answer.error();
  const bool gone = deletes && answer->verdict == Verdict::not_found;
  if (answer->verdict != Verdict::success && !gone) co_return declined(*answer);
  co_return Fallible<void>();
}

awaitable<Fallible<void>> DynZones::put(dyn_api::Target target, dyn_api::Records there,
                                        TimePoint deadline) {
  auto whole = dyn_api::replace_set(target);
  const auto answer = co_await session_.call(std::move(whole), in_this_session, deadline);
  if (!answer) co_return answer.error();
  if (answer->verdict == Verdict::success) co_return Fallible<void>();
  if (answer->verdict != Verdict::form && answer->verdict != Verdict::not_found)
    co_return declined(*answer);
  auto requests = dyn_api::edits(target, there);
  if (!requests) co_return requests.error();
  for (auto& request : *requests) {
    auto next = std::move(request);
    const auto done = co_await perform(std::move(next), deadline);
    if (!done) co_return done.error();
  }
  co_return Fallible<void>();
}

awaitable<Fallible<void>> DynZones::stage(SwapPlan plan, Look seen, TimePoint deadline) {
  auto target = dyn_api::target_of(plan);
  for (const auto& records : seen.node.kinds) {
    if (records.kind == target.want.kind) continue;
    auto request = dyn_api::delete_kind(plan.key.zone, plan.key.fqdn, records.kind);
    const auto deleted = co_await perform(std::move(request), deadline);
    if (!deleted) co_return deleted.error();
  }
  const auto* same_kind = seen.node.of(target.want.kind);
  dyn_api::Records there;
  if (same_kind != nullptr) there = *same_kind;
  const auto done = co_await put(std::move(target), std::move(there), deadline);
  if (!done || !with_mark_) co_return done;
  const auto mark_at = mark_name_of(plan.key);
  if (!mark_at) co_return mark_at.error();
  auto mark = dyn_api::mark_target(plan, *mark_at);
  auto texts = std::move(seen.texts);
  const auto marked = co_await put(std::move(mark), std::move(texts), deadline);
  co_return marked;
}

// A publication is complete when its task is.
awaitable<ApplyResult> DynZones::follow(std::string task, std::string published,
                                        TimePoint deadline) {
  auto pause = first_task_pause;
  while (Clock::now() + pause < deadline) {
    auto poll = dyn_api::poll_task(task);
    const auto answer = co_await session_.call(std::move(poll), in_this_session, deadline);
    if (!answer)
      co_return ApplyResult(SwapOutcome::unknown, published + "; " + answer.error().text);
    if (answer->verdict == Verdict::not_found)  // it is over and forgotten
      co_return ApplyResult(SwapOutcome::applied, published);
    if (answer->verdict != Verdict::success)
      co_return ApplyResult(SwapOutcome::unknown, published + "; " + declined(*answer).text);
    const auto state = dyn_api::task_state(answer->data);
    if (state == dyn_api::TaskState::complete)
      co_return ApplyResult(SwapOutcome::applied, published);
    if (state == dyn_api::TaskState::failed)
      co_return ApplyResult(SwapOutcome::unknown, "the publication's task " + task + " failed");
    const auto executor = session_.executor();
    co_await sleep_for(executor, pause);
    if (co_await being_stopped()) break;
    pause = std::min(pause * 2, longest_task_pause);
  }
  co_return ApplyResult(SwapOutcome::unknown,
                        "the publication's task " + task + " had not ended in time");
}

awaitable<ApplyResult> DynZones::publish(std::string zone, std::string notes, TimePoint deadline) {
  auto request = dyn_api::publish(zone, notes);
  // Once more is harmless in this session: either it is published by now, or it is by that.
  const auto answer = co_await session_.call(std::move(request), in_this_session, deadline);
  if (!answer) {
    const auto& error = answer.error();
    if (error.code == errc::unknown_fate)
      co_return ApplyResult(SwapOutcome::unknown, "publication: " + error.text, error.hint);
    co_return not_done(error);
  }
  if (answer->verdict != Verdict::success) co_return not_done(declined(*answer));
  staged_.erase(zone);
  const auto* serial = dyn_api::member(answer->data, "serial");
  const auto number = serial == nullptr ? std::string() : dyn_api::id_of(*serial);
  auto published = "the API has published " + zone;
  if (!number.empty()) published += ", serial " + number;
  const auto* task = dyn_api::member(answer->data, "task_id");
  auto id = task == nullptr ? std::string() : dyn_api::id_of(*task);
  if (id.empty()) co_return ApplyResult(SwapOutcome::applied, published);
  auto end = co_await follow(std::move(id), std::move(published), deadline);
  co_return end;
}

awaitable<void> DynZones::change(std::string zone, std::vector<std::shared_ptr<DynChange>> changes,
                                 TimePoint deadline) {
  // Each turn begins anew: a change that goes wrong takes with it what the others have staged.
  const auto most_turns = changes.size() + 2;
  for (std::size_t turn = 0; turn < most_turns && !changes.empty(); ++turn) {
    const auto cleaned = co_await clean_up(zone, deadline);
    if (!cleaned) {
      for (const auto& change : changes) change->result = not_done(cleaned.error());
      co_return;
    }
    auto session = session_.number();
    std::vector<std::shared_ptr<DynChange>> ready;
    bool anew = false;
    for (const auto& change : changes) {
      if (change->given_up) continue;
      const auto key = change->plan.key;
      const bool first = ready.empty();
      if (!first && Clock::now() + to_publish >= deadline) break;
      auto seen = co_await look(key, first, deadline);
      if (first) session = session_.number();
      if (session != session_.number() || (!first && !session_.alive())) {
        anew = true;  // what the others staged has gone with their session
        break;
      }
      if (!seen) {
        change->result = not_done(seen.error());
        continue;
      }
      change->result = dyn_api::compare(change->plan, seen->node, seen->mark, with_mark_);
      if (change->result) continue;
      staged_[zone] = session_.number();
      auto plan = change->plan;
      auto look_taken = std::move(*seen);
      const auto staged = co_await stage(std::move(plan), std::move(look_taken), deadline);
      if (!staged) {
        if (session_.alive()) change->result = not_done(staged.error());
        anew = true;
        break;
      }
      ready.push_back(change);
    }
    if (!anew && !ready.empty()) {
      auto notes = notes_of(ready);
      const auto end = co_await publish(zone, std::move(notes), deadline);
      for (const auto& change : ready) change->result = end;
    }
    std::erase_if(
        changes, [](const auto& change) { return change->result.has_value() || change->given_up; });
    if (!anew) co_return;  // there was no time for those that are left
  }
  for (const auto& change : changes)
    change->result = ApplyResult{SwapOutcome::failed, "the API forgets its sessions", {}};
}

}  // namespace hotswapd
