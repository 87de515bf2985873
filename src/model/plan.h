#pragma once

#include "base/time.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

// What is wanted of a release: the steps from the stable revision to the candidate and the policies
// around them, as data. Every API is lowered into this; payloads the engine need not understand
// (what a judge measures, which headers match) stay in the document and are named by step index.

namespace serin {

// The candidate is to carry this much of the weight.
struct Expose {
    int weight = 0;
    friend bool operator==(const Expose&, const Expose&) = default;
};

// The candidate's size, apart from its weight: a count, or as if it carried `weight`. With neither
// the size follows the weight again.
struct Provision {
    std::optional<int> replicas;
    std::optional<int> weight;
    friend bool operator==(const Provision&, const Provision&) = default;
};

// Time for the world to show what it thinks of the candidate.
struct Pause {
    std::optional<Duration> duration;  // Empty: until a person resumes.
    friend bool operator==(const Pause&, const Pause&) = default;
};

// A run of measurements has to succeed.
struct Judge {
    friend bool operator==(const Judge&, const Judge&) = default;
};

// Something outside does its part, and says when it is done.
struct Hook {
    std::string name;
    bool is_disabled = false;  // Not asked: the step is done at once.
    friend bool operator==(const Hook&, const Hook&) = default;
};

// From here on requests that match go to the candidate whatever its weight, or copies of them whose
// answers nobody sees. Routes are known by name: a later step with the same name replaces the
// former.
struct SetSideRoute {
    std::string name;
    int step = 0;          // Of the first step that says exactly this.
    bool removes = false;  // The route of this name ends instead.
    friend bool operator==(const SetSideRoute&, const SetSideRoute&) = default;
};

// A weight for one arm of a trial, beside the candidate's.
struct TrialShare {
    std::string arm;
    int weight = 0;
    friend bool operator==(const TrialShare&, const TrialShare&) = default;
};

// Versions side by side, made for this step alone (model/experiment.h); the trial has to succeed.
struct Trial {
    std::vector<TrialShare> shares;
    friend bool operator==(const Trial&, const Trial&) = default;
};

using Step = std::variant<Expose, Provision, Pause, Judge, Hook, SetSideRoute, Trial>;

// A number of replicas, or a percentage of them.
struct Amount {
    int value = 0;
    bool is_percent = false;
    friend bool operator==(const Amount&, const Amount&) = default;
};

// Policies that exist only where a router splits the traffic. Without one, the share of the
// candidate is its share of the replicas.
struct Routing {
    int replicas_min = 0;  // A revision that carries anything has at least so many.
    Duration retire_delay = std::chrono::seconds(30);
    std::optional<int> retire_limit;  // So many old revisions keep running during the delay.
    // How long an aborted candidate keeps running; zero: no delay. Empty: 30 seconds.
    std::optional<Duration> abort_retire_delay;
    // The stable side keeps only what carries its weight, instead of its full size.
    bool scales_stable = false;
    // Of two services now one and now the other is the stable one: at a promotion they swap roles,
    // and neither leads elsewhere.
    bool alternates = false;
    friend bool operator==(const Routing&, const Routing&) = default;
};

// All traffic moves at once, by the service of users selecting another revision, instead of by
// weights. The candidate is complete and may be looked at through a service of its own beforehand;
// the former revision stays at hand afterwards. Such a plan has no steps.
struct Flip {
    std::optional<int> preview_replicas;  // Before what precedes the flip has passed; empty: all.
    bool is_automatic = true;             // Else a person has to say so.
    Duration wait{};                      // Of an automatic flip, once its judge is content.
    bool has_judge_before = false;
    bool has_judge_after = false;          // Of the candidate with all traffic.
    std::optional<Duration> retire_delay;  // Empty: 30 seconds.
    std::optional<int> retire_limit;       // So many old revisions run on during the delay.
    std::optional<Duration> abort_keep;    // Of an aborted candidate. Empty: 30 seconds.
    bool keeps_aborted = false;            // It never goes.
    friend bool operator==(const Flip&, const Flip&) = default;
};

// What becomes of the workload that a release takes its template from, and that may serve already.
enum class Handover {
    keep,           // It stays as it is.
    when_healthy,   // Its replicas go once the release has all of its own.
    progressively,  // One of its replicas goes for each of the release's that came.
};

struct Plan {
    std::vector<Step> steps;
    std::string steps_digest;  // Differs when the steps differ.
    int weight_max = 100;      // The weight of all traffic.
    std::optional<Routing> routing;
    std::optional<Flip> flip;
    // With a flip: the service of users, and the one to look at the candidate through.
    bool has_stable_service = false;
    bool has_candidate_service = false;

    // From this step on a judge runs beside the steps.
    std::optional<int> judge_from;
    int succeeded_runs_kept = 5;
    int failed_runs_kept = 5;

    Amount surge{25, true};
    Amount unavailable{25, true};
    Duration ready_for{};  // A replica is available when ready for this long.
    // So many of the candidate's replicas suffice to go on; empty: all that are wanted.
    std::optional<Amount> enough;
    // Old replicas end before the first new one starts: two versions never run together, and
    // nothing serves in between.
    bool recreates = false;
    Handover handover = Handover::keep;

    Duration progress_deadline = std::chrono::seconds(600);
    bool aborts_at_deadline = false;
    int revisions_kept = 10;
    // Going back at most so many revisions needs no steps.
    std::optional<int> rollback_window;

    bool is_held = false;  // A person holds the release as a whole.
    // A change of the wanted count is followed while held, every revision in its share.
    bool scales_while_held = false;
    std::optional<Instant> restart_at;  // Replicas older than this are to be replaced.

    friend bool operator==(const Plan&, const Plan&) = default;
};

}  // namespace serin
