#include "engine/turn.h"

#include "base/check.h"

#include <algorithm>
#include <utility>

namespace serin::engine {

Turn::Turn(const Release& release, const Observation& observation)
    : name(release.name),
      plan(release.plan),
      before(release.state),
      seen(observation),
      slack(slack_of(release.plan, observation.replicas)),
      next(release.state) {
    next.waiting_for.clear();
    next.problem.clear();
    if (!plan.flip) next.flip.reset();
    if (plan.flip && !next.flip) next.flip.emplace();
    sort_revisions();
}

void Turn::sort_revisions() {
    candidate = find(seen.wanted);
    stable = next.stable.empty() ? nullptr : find(next.stable);
    others.clear();
    for (const RevisionSeen& revision : seen.revisions) {
        if (&revision != candidate && &revision != stable) others.push_back(&revision);
    }
    std::stable_sort(others.begin(), others.end(), [](const auto* left, const auto* right) {
        return std::pair(right->number, right->id) < std::pair(left->number, left->id);
    });
}

const RevisionSeen* Turn::find(const std::string& revision) const {
    for (const RevisionSeen& one : seen.revisions) {
        if (one.id == revision) return &one;
    }
    return nullptr;
}

const RevisionSeen* Turn::unsettled() const {
    const auto found = std::ranges::find(seen.revisions, false, &RevisionSeen::is_settled);
    return found == seen.revisions.end() ? nullptr : &*found;
}

int Turn::number() const {
    int highest = 0;
    for (const RevisionSeen& one : seen.revisions) {
        if (&one != candidate) highest = std::max(highest, one.number);
    }
    return candidate && candidate->number > highest ? candidate->number : highest + 1;
}

void Turn::because(std::string rule, std::string reason, std::string run) {
    SERIN_CHECK(!rule.empty());
    SERIN_CHECK(!reason.empty());
    causes.push_back({std::move(rule), std::move(reason), std::move(run)});
}

void Turn::announce(Announce announcement) {
    announcement.revision = next.candidate;
    announcement.number = number();
    news.emplace_back(std::move(announcement));
}

void Turn::wake(Instant at) {
    if (!wake_at || at < *wake_at) wake_at = at;
}

void Turn::wait_for(std::string what) {
    if (next.waiting_for.empty()) next.waiting_for = std::move(what);
}

bool Turn::is_halted() const {
    return plan.is_held || has_hold(HoldKind::inconclusive);
}

bool Turn::has_hold(HoldKind kind) const {
    return std::ranges::any_of(next.holds, [&](const Hold& hold) { return hold.kind == kind; });
}

bool Turn::is_within_window() const {
    if (!plan.rollback_window || !candidate || !stable || candidate == stable) return false;
    if (candidate->created >= stable->created) return false;
    const auto between = std::ranges::count_if(seen.revisions, [&](const RevisionSeen& one) {
        return candidate->created < one.created && one.created < stable->created;
    });
    return between < *plan.rollback_window;
}

const Step* Turn::current_step() const {
    if (!next.step) return nullptr;
    const auto index = static_cast<std::size_t>(*next.step);
    return index < plan.steps.size() ? &plan.steps[index] : nullptr;
}

bool Turn::is_past_steps() const {
    return current_step() == nullptr;
}

Instant whole_seconds(Instant at) {
    return std::chrono::floor<std::chrono::seconds>(at);
}

}  // namespace serin::engine
