#include "engine/decide.h"

#include "engine/stages.h"

#include <chrono>
#include <iterator>
#include <utility>

namespace serin::engine {

namespace {

constexpr Duration look_again = std::chrono::seconds(20);

Decision finish(Turn turn) {
    Decision decision{
        .next = std::move(turn.next),
        .actions = std::move(turn.urgent),
        .causes = std::move(turn.causes),
        .wake_at = turn.wake_at,
    };
    for (std::vector<Action>* part :
         {&turn.news, &turn.first, &turn.growing, &turn.routing, &turn.judging, &turn.shrinking}) {
        std::move(part->begin(), part->end(), std::back_inserter(decision.actions));
    }
    return decision;
}

// From here on a decision is the same whatever led to it.
Decision carry_on(Turn turn) {
    keep_runs(turn);
    place_traffic(turn);
    size_revisions(turn);
    retire_others(turn);
    hand_over(turn);
    replace_stale_replicas(turn);
    forget_history(turn);
    note_progress(turn);
    return finish(std::move(turn));
}

// A manifest that cannot be followed stops everything but going back: what serves goes on serving,
// and a candidate that people or judges reject leaves as if the manifest were still the former one.
Decision go_back_only(Release release, Observation seen) {
    const bool is_under_way =
        !release.state.stable.empty() && release.state.candidate != release.state.stable;
    if (is_under_way) {
        seen.wanted = release.state.candidate;
        release.plan.steps_digest = release.state.steps_digest;
    }
    Turn turn(release, seen);
    turn.next.problem = seen.problems.front();
    turn.next.waiting_for = "the manifest to be corrected";
    if (turn.next.problem != turn.before.problem) turn.because("problem", turn.next.problem);
    turn.wake(seen.at + look_again);
    if (is_under_way) {
        if (turn.next.is_aborted) follow_commands(turn);
        follow_verdicts(turn);
        if (turn.next.is_aborted) {
            follow_hooks(turn);
            return carry_on(std::move(turn));
        }
    }
    return finish(std::move(turn));
}

}  // namespace

Decision decide(const Release& release, const Observation& seen) {
    if (!seen.problems.empty()) return go_back_only(release, seen);

    Turn turn(release, seen);
    forget_unreached_stable(turn);
    follow_manifest(turn);
    follow_commands(turn);
    // Verdicts come before steps: a bad candidate must not get one step further.
    follow_verdicts(turn);
    follow_hooks(turn);
    follow_deadline(turn);
    advance(turn);
    return carry_on(std::move(turn));
}

}  // namespace serin::engine
