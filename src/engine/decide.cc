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

// A manifest that cannot be followed stops everything but going back: what serves goes on serving.
Decision report_problem(Turn turn) {
    turn.next.problem = turn.seen.problems.front();
    turn.next.waiting_for = "the manifest to be corrected";
    if (turn.next.problem != turn.before.problem) turn.because("problem", turn.next.problem);
    turn.wake(turn.seen.at + look_again);
    return finish(std::move(turn));
}

}  // namespace

Decision decide(const Release& release, const Observation& seen) {
    Turn turn(release, seen);
    if (!seen.problems.empty() && !release.state.is_aborted) return report_problem(std::move(turn));

    follow_manifest(turn);
    follow_commands(turn);
    // Verdicts come before steps: a bad candidate must not get one step further.
    follow_verdicts(turn);
    follow_deadline(turn);
    advance(turn);
    keep_runs(turn);
    place_traffic(turn);
    size_revisions(turn);
    retire_others(turn);
    replace_stale_replicas(turn);
    forget_history(turn);
    note_progress(turn);
    return finish(std::move(turn));
}

}  // namespace serin::engine
