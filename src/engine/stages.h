#pragma once

#include "engine/turn.h"

// The stages of a decision, in their order.

namespace serin::engine {

// A stable revision that never served and cannot gives way to the one that does, or to the first
// that can.
void forget_unreached_stable(Turn& turn);
// The revision that the manifest describes becomes the candidate; other steps start from the first.
void follow_manifest(Turn& turn);
// What people changed in the state: abort, retry, resume, promote.
void follow_commands(Turn& turn);
// A failed judge aborts, one that cannot tell holds.
void follow_verdicts(Turn& turn);
// Hooks are asked, and asked to stop; one that failed aborts.
void follow_hooks(Turn& turn);
// A candidate that makes no progress is marked, or aborted.
void follow_deadline(Turn& turn);
// The candidate becomes stable, or the current step ends, or it begins to hold.
void advance(Turn& turn);
// Judges that are due are started, others ended.
void keep_runs(Turn& turn);
// Weights and services.
void place_traffic(Turn& turn);
// Routes beside the weights.
void place_side_routes(Turn& turn);
// Sizes of stable and candidate.
void size_revisions(Turn& turn);
// Sizes where old replicas end before new ones start, and where a person holds the release but its
// size is still followed.
void size_by_recreating(Turn& turn);
void size_while_held(Turn& turn);
// Replicas of the workload that the template is taken from.
void hand_over(Turn& turn);
// Older revisions, replicas older than a restart, and what is kept of history.
void retire_others(Turn& turn);
void replace_stale_replicas(Turn& turn);
void forget_history(Turn& turn);
// Counts, progress, and what is waited for.
void note_progress(Turn& turn);

// Shared by stages: the current step's hook is done.
bool is_hook_done(const Turn& turn);
// Takes the candidate back.
void abort_release(Turn& turn, AbortCause cause, std::string run = {});
// The candidate is the stable revision from now on.
void promote(Turn& turn, Ending ending);
void scale(Turn& turn, const RevisionSeen& revision, int replicas);
// When the stable revision or the candidate may go; empty: it is needed.
void set_retire_at(Turn& turn, const RevisionSeen& revision, std::optional<Instant> at);
// What the plan wants of the candidate now.
int candidate_size_wanted(const Turn& turn);
// What the plan wants of a stable side that a router leads to, and what it still carries.
int stable_size_wanted(const Turn& turn);
// Where the stable side was made smaller, an aborted candidate leaves step by step: the weight of
// the next one. Elsewhere zero.
int weight_to_return_to(const Turn& turn);
// The weight that the steps ask for now; the size of both sides follows it.
int weight_of_step(const Turn& turn);
// Replicas that carry `weight`, and no fewer than the plan wants at least.
int replicas_carrying(const Turn& turn, int weight);
// The provision in effect; null when the size follows the weight.
const Provision* provision_of_step(const Turn& turn);
// The candidate's and the stable side's replicas are as the plan wants them.
bool is_sized(const Turn& turn);
// A person holds the release, or a judge could not tell, and no traffic hangs on replicas that
// should come or go.
bool do_sizes_rest(const Turn& turn);
// The most weight that the steps allow now, capacity aside.
int weight_allowed(const Turn& turn);
// The most weight that the candidate's service may get; empty while unknown.
std::optional<int> exposure_seen(const Turn& turn);
// The data plane was seen to do what is written, and that is `weight`.
bool is_weight_confirmed(const Turn& turn, int weight);
// Neither by weight nor by side routes is anything seen to reach the candidate's service.
bool is_unexposed(const Turn& turn);
// The side routes of the plan up to now are seen, or there is nobody to send anything to.
bool are_side_routes_placed(const Turn& turn);
// Nothing but this revision is known to have available replicas, and some are wanted.
bool is_last_copy(const Turn& turn, const RevisionSeen& revision);
// The candidate needs so many replicas to carry `weight`; so many of them suffice to get it.
int replicas_needed(const Turn& turn, int weight);
int replicas_sufficing(const Turn& turn, int weight);
// A release that is scaled up asks for replicas before they can be there. What the candidate's
// carried of `weight` at the former size they carry on: users are not moved because of a wish.
bool carries_as_before(const Turn& turn, int weight);
// The size at which the stable side carries everybody. While a release that was scaled up waits for
// replicas it is the former one: an abort must not wait for a cluster that has no room for more.
int stable_size(const Turn& turn);

}  // namespace serin::engine
