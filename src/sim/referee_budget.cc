#include "base/time.h"
#include "control/manager.h"
#include "sim/referee.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

// What the referee says of budgets: what was told as spent stays spent, an exhausted one takes the
// candidate back, and its users leave as soon as the data plane lets them.

namespace serin::sim {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// From the request that spends the last until the weight is gone.
constexpr Duration reaction_max = seconds(5);
// While and after the controllers were hindered: they try again after a while.
constexpr Duration hindered_max = minutes(3);
// What nobody was told is found when everything is looked at again, and not before.
constexpr Duration unheard_max = control::ManagerSettings{}.resync + hindered_max;

std::int64_t count_in(const json::Value& measurement, std::string_view fact) {
    std::int64_t count = -1;
    const auto text = json::text(json::find(measurement, "/metadata/" + std::string(fact)));
    if (text) std::from_chars(text->data(), text->data() + text->size(), count);
    return count;
}

// The newest measurement of the budget.
const json::Value* measurement_in(const Object& run) {
    const json::Array* results = json::array(run.find("/status/metricResults"));
    if (results == nullptr) return nullptr;
    for (const json::Value& result : *results) {
        if (json::text(json::find(result, "/name")) != guard_name) continue;
        const json::Array* all = json::array(json::find(result, "/measurements"));
        if (all != nullptr && !all->empty()) return &all->back();
    }
    return nullptr;
}

}  // namespace

// Until when what is done now may take, for what goes wrong at this moment.
Instant Referee::hindered_until(bool is_hindered) const {
    const Instant now = stage_.loop.now();
    if (stage_.current(What::events_lost) != nullptr) return now + unheard_max;
    return is_hindered ? now + hindered_max : Instant();
}

// What hinders controllers now, beside events that are lost.
bool Referee::is_hindered() const {
    constexpr std::array kinds{
        What::writes_conflict,
        What::writes_fail,
        What::answers_lost,
        What::events_late,
        What::watches_end,
        What::route_refuses,
    };
    return !are_controllers_up_ ||
           std::ranges::any_of(kinds, [&](What what) { return stage_.current(what) != nullptr; });
}

// The program that moves traffic does not do as it is told, or takes its time.
bool Referee::is_router_ill() const {
    return stage_.scenario.has_router_plugin && (stage_.current(What::plugin_errors) != nullptr ||
                                                 stage_.current(What::plugin_slow) != nullptr);
}

// What one run told does not come back. The one that follows it tells first what it found when it
// began to measure, which may be written when the former one, about to end, has told of more.
void Referee::check_told(const Budget::Telling& told, Instant measured_since) {
    std::int64_t requests = 0;
    std::int64_t failed = 0;
    for (const Budget::Telling& former : budget_.tellings) {
        if (former.run != told.run && former.at >= measured_since) continue;
        requests = std::max(requests, former.requests);
        failed = std::max(failed, former.failed);
    }
    if (!breaks(Check::budget_left, told.requests < requests || told.failed < failed)) return;
    accuse(
        Check::budget_left,
        fmt::format(
            "after {} requests and {} failed ones, {} and {} are told as spent",
            requests,
            failed,
            told.requests,
            told.failed));
}

// What its runs say last may come when another version was asked for and this one again, which is
// another release: it says nothing of what that one may spend.
void Referee::give_up_budget() {
    for (const Budget::Telling& told : budget_.tellings) given_up_.insert(told.run);
    budget_ = {};
}

void Referee::read_budget(const Object& run) {
    if (!stage_.scenario.guard || run.label(hash_label).value_or("") != view_.candidate) return;
    const json::Value* measurement = measurement_in(run);
    if (measurement == nullptr || given_up_.contains(std::string(run.uid()))) return;
    const std::int64_t requests = count_in(*measurement, "canaryRequests");
    const std::int64_t failed = count_in(*measurement, "canaryFailed");
    if (requests < 0 || failed < 0) return;
    const bool is_other = budget_.candidate != view_.candidate || budget_.stable != view_.stable;
    // A new attempt after an exhausted one has all of it again.
    const bool is_anew = budget_.is_spent_told && budget_.run != run.uid();
    if (budget_.candidate != view_.candidate) give_up_budget();
    if (is_other || is_anew) {
        budget_ = {.candidate = view_.candidate, .stable = view_.stable};
    }
    const Budget::Telling told{
        .run = std::string(run.uid()),
        .at = stage_.loop.now(),
        .requests = requests,
        .failed = failed};
    if (run.uid() == budget_.run || !run.boolean("/spec/terminate")) {
        const auto since =
            parse_time(json::text(json::find(*measurement, "/startedAt")).value_or(""));
        check_told(told, since.value_or(told.at));
    }
    budget_.tellings.push_back(told);
    budget_.run = run.uid();
    budget_.requests = requests;
    budget_.failed = failed;
    budget_.told = users_.told(view_.candidate);
    const bool is_over = json::text(json::find(*measurement, "/phase")) == "Failed";
    budget_.is_spent_told = budget_.is_spent_told || is_over;
    budget_.is_attended = are_controllers_up_ && !run.boolean("/spec/terminate") &&
                          run.text("/status/phase") == "Running";
    if (is_over && view_.candidate != view_.stable) note_exhausted();
}

void Referee::note_exhausted() {
    if (budget_.exhausted_at) return;
    budget_.exhausted_at = stage_.loop.now();
    budget_.settle_until = stage_.loop.now() + reaction_max;
    budget_.at_exhaustion = users_.all(budget_.candidate);
    stage_.tell("the budget is exhausted");
}

// The weight has nowhere to go yet, or somebody else sees to it.
bool Referee::is_return_hindered() const {
    const auto stable = view_.revisions.find(budget_.stable);
    const int replicas = replicas_min();
    if (stable != view_.revisions.end()) {
        // Replicas that are ready, but not for long enough yet, take nothing back either.
        const auto set = stage_.store.get(stage_.key(types::replica_set(), stable->second.group));
        const auto available = set ? set->integer("/status/availableReplicas") : 0;
        if (available + unavailable_max(replicas) < view_.replicas) return true;
    }
    return is_excused() || is_hindered() || is_router_ill() || stage_.scenario.scales_stable ||
           stage_.current(What::plane_down) != nullptr || stable == view_.revisions.end() ||
           stable->second.pods.ready + unavailable_max(replicas) < view_.replicas;
}

// Each turn of the world: whether the last of the budget is spent, and what follows.
void Referee::check_budget() {
    // One that is made again under its name has another budget, and so has another candidate, also
    // one that was it before.
    if (!view_.exists || view_.candidate != budget_.candidate) give_up_budget();
    if (!stage_.scenario.guard || budget_.is_settled) return;
    // A person who pushed this candidate past what it spends has done so for as long as it is the
    // candidate: that another version is asked for takes nothing of it back.
    budget_.is_pushed = budget_.is_pushed || people_.has_pushed();
    // Nor is there anything to take back once it is promoted.
    const bool is_gone = !view_.exists || view_.candidate != budget_.candidate ||
                         view_.stable != budget_.stable || view_.candidate == view_.stable ||
                         budget_.is_pushed;
    if (is_gone) return;
    const GuardShape& guard = *stage_.scenario.guard;
    if (budget_.is_attended && are_controllers_up_) {
        const Users::Answers told = users_.told(budget_.candidate);
        const std::int64_t requests = budget_.requests + told.requests - budget_.told.requests;
        const std::int64_t failed = budget_.failed + told.failed - budget_.told.failed;
        if ((guard.requests > 0 && requests >= guard.requests) ||
            (guard.failed > 0 && failed >= guard.failed)) {
            note_exhausted();
        }
    }
    if (!budget_.exhausted_at) return;
    const Instant now = stage_.loop.now();
    budget_.settle_until = std::max(budget_.settle_until, hindered_until(is_hindered()));
    if (!budget_.is_taken_back) {
        if (!view_.is_aborted && now <= budget_.settle_until) return;
        budget_.is_taken_back = true;
        if (breaks(Check::abort_of_exhausted, !view_.is_aborted)) {
            accuse(
                Check::abort_of_exhausted,
                "the budget of " + budget_.candidate + " is spent and it is not taken back");
        }
        budget_.settle_until = std::max(budget_.settle_until, now + reaction_max);
    }
    if (!view_.is_aborted) return;  // Retried.
    const auto revision = view_.revisions.find(budget_.candidate);
    const bool has_share = revision != view_.revisions.end() && revision->second.share > 0;
    budget_.settle_until = std::max(budget_.settle_until, hindered_until(is_return_hindered()));
    const Instant until = budget_.settle_until + plane_.turn_max(*budget_.exhausted_at);
    if (has_share && now <= until) return;
    budget_.is_settled = true;
    if (breaks(Check::budget_overrun, has_share)) {
        accuse(
            Check::budget_overrun,
            fmt::format(
                "{} requests after the last of the budget, the candidate still gets some",
                users_.all(budget_.candidate).requests - budget_.at_exhaustion.requests));
    }
}

// What is known of a budget that was spent but not told survives a crash only if it was written.
void Referee::note_controllers(bool are_up) {
    are_controllers_up_ = are_up;
    if (are_up) {
        budget_.settle_until = std::max(budget_.settle_until, stage_.loop.now() + hindered_max);
        return;
    }
    budget_.is_attended = false;
    if (!budget_.is_spent_told) budget_.exhausted_at.reset();
}

}  // namespace serin::sim
