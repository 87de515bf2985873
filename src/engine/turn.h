#pragma once

#include "engine/replicas.h"
#include "model/decision.h"

#include <optional>
#include <string>
#include <vector>

// One decision in the making: what was known, and what has been decided so far. The stages of
// `decide` read the one and add to the other, each building on the state the former left.

namespace serin::engine {

struct Turn {
    Turn(const Release& release, const Observation& observation);

    const std::string& name;
    const Plan& plan;
    const ReleaseState& before;
    const Observation& seen;
    const RevisionSeen* candidate = nullptr;  // The revision wanted; null until it is seen.
    const RevisionSeen* stable = nullptr;
    std::vector<const RevisionSeen*> others;  // Highest number first.
    Slack slack;

    ReleaseState next;
    std::vector<Action> urgent;  // Traffic that goes away comes before all else.
    std::vector<Action> news;
    std::vector<Action> first;  // Revisions.
    std::vector<Action> growing;
    std::vector<Action> routing;
    std::vector<Action> judging;
    std::vector<Action> shrinking;
    std::vector<Cause> causes;
    std::optional<Instant> wake_at;
    // The services swapped their roles in this turn: what was seen of them tells of the former.
    bool is_swapped = false;
    bool is_retried = false;
    bool is_created = false;
    bool is_changed = false;  // Another candidate or other steps.

    // Finds stable and others anew after next.stable changed.
    void sort_revisions();
    const RevisionSeen* find(const std::string& revision) const;
    // The first revision whose counts are not of its present size; null when all can be relied on.
    const RevisionSeen* unsettled() const;
    int number() const;  // Of the candidate, also before it is seen.

    void because(std::string rule, std::string reason, std::string run = {});
    void announce(Announce announcement);
    void wake(Instant at);
    void wait_for(std::string what);  // The first to say so is heard.

    bool is_promoted() const { return !next.stable.empty() && next.stable == next.candidate; }
    // Scaling and steps rest: a person holds, or a judge could not tell.
    bool is_halted() const;
    bool has_hold(HoldKind kind) const;
    // The rest of the steps need not be gone through.
    bool is_within_window() const;
    const Step* current_step() const;  // Null without steps, and after the last.
    bool is_past_steps() const;        // All done, or none there.
};

// Instants of a state are whole seconds.
Instant whole_seconds(Instant at);

}  // namespace serin::engine
