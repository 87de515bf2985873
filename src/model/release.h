#pragma once

#include "base/time.h"
#include "model/plan.h"

#include <optional>
#include <string>
#include <vector>

// Where a release stands: all that must survive a restart. It is read from the status of the
// object that describes the release and written back there, so people and programs may edit it
// between two turns: that is how commands arrive. Instants are whole seconds, as statuses hold
// them.

namespace serin {

enum class HoldKind {
    pause_step,    // The current step says so.
    inconclusive,  // A judge could not tell.
    before_flip,   // The plan waits before all traffic moves.
    inconclusive_trial,
};

// Why a release does not go on. A hold that disappears while `is_holding` still stands was lifted
// by a person.
struct Hold {
    HoldKind kind = HoldKind::pause_step;
    Instant since;
    friend bool operator==(const Hold&, const Hold&) = default;
};

enum class RunPhase { pending, running, successful, failed, error, inconclusive };

constexpr bool is_completed(RunPhase phase) {
    return phase != RunPhase::pending && phase != RunPhase::running;
}

// A judge's run, as last seen.
struct RunNote {
    std::string name;
    RunPhase phase = RunPhase::pending;
    std::string message;
    friend bool operator==(const RunNote&, const RunNote&) = default;
};

// Why a candidate was taken back.
struct AbortCause {
    enum class Kind {
        asked,  // By a person.
        step_run_failed,
        step_run_error,
        background_run_failed,
        background_run_error,
        deadline,
        hook_failed,
        before_run_failed,  // Of a flip.
        before_run_error,
        after_run_failed,
        after_run_error,
        trial_failed,
        trial_error,
    };
    Kind kind = Kind::asked;
    std::string detail;  // What the run says, for people.
    friend bool operator==(const AbortCause&, const AbortCause&) = default;
};

enum class HookOperation {
    run,
    terminate,  // The rest of the steps is skipped: no more is needed.
    abort,      // The candidate goes back: what was run was for nothing.
};

enum class HookPhase { running, successful, failed, error };

// What a hook was asked to do and how it stands.
struct HookNote {
    int step = 0;  // From 0.
    std::string name;
    HookOperation operation = HookOperation::run;
    HookPhase phase = HookPhase::running;
    std::string message;
    Instant started;
    Instant updated;
    std::optional<Instant> finished;
    std::optional<Duration> again_after;  // Since `updated`.
    int executions = 0;                   // Answers that came.
    bool is_disabled = false;
    std::string memory;  // Whatever the hook wants to be reminded of.
    friend bool operator==(const HookNote&, const HookNote&) = default;
};

// What an arm of a trial gets.
struct ArmExposureNote {
    std::string service;
    std::string revision;
    int weight = 0;
    friend bool operator==(const ArmExposureNote&, const ArmExposureNote&) = default;
};

// The exposure that was decided last.
struct ExposureNote {
    int candidate_weight = 0;
    std::string candidate;  // Revisions.
    std::string stable;
    bool is_verified = false;  // Seen in force.
    std::vector<ArmExposureNote> arms;
    friend bool operator==(const ExposureNote&, const ExposureNote&) = default;
};

// Where a release stands that moves all traffic at once.
struct FlipNote {
    std::string serving;  // Revisions that the services selected, as last seen.
    std::string previewed;
    bool is_cleared = false;  // All that precedes the flip has passed; replicas may still lack.
    bool is_known = false;    // The candidate was stable before and is running still: no checks.
    std::vector<std::string> former;  // Revisions that were stable and may still be running.
    std::optional<RunNote> before_run;
    std::optional<RunNote> after_run;
    friend bool operator==(const FlipNote&, const FlipNote&) = default;
};

// How the move to the candidate goes, for the deadline and for people.
struct Progress {
    enum class Kind {
        none,
        created,  // The candidate was made just now.
        found,    // It was there already.
        advancing,
        arrived,        // Everything wanted is there.
        lost_replicas,  // It was, and is not any more.
        held,
        resumed,
        retried,
        timed_out,
        aborted,
    };
    Kind kind = Kind::none;
    Instant at;  // Of the last progress; the deadline counts from here.
    friend bool operator==(const Progress&, const Progress&) = default;
};

struct Counts {
    int current = 0;  // Of all revisions.
    int updated = 0;  // Of the candidate.
    int ready = 0;
    int available = 0;
    friend bool operator==(const Counts&, const Counts&) = default;
};

struct ReleaseState {
    std::string candidate;  // Revision the steps move to; empty before the first.
    std::string stable;     // Revision that has proved itself; empty before the first.
    std::string steps_digest;
    std::optional<int> step;  // From 0; the number of steps when all are done. Empty: no steps.

    bool is_aborted = false;
    std::optional<Instant> aborted_at;
    std::optional<AbortCause> abort_cause;
    std::vector<Hold> holds;
    bool is_holding = false;   // The engine itself set a hold.
    bool skips_steps = false;  // A person wants the candidate promoted without further steps.

    std::optional<ExposureNote> exposure;
    // With services that alternate: the first of the two is the stable one.
    bool is_first_stable = false;
    std::optional<FlipNote> flip;
    std::optional<RunNote> step_run;
    std::optional<RunNote> background_run;
    std::vector<HookNote> hooks;
    std::optional<RunNote> trial;  // Of the current step.
    Progress progress;
    Counts counts;
    std::optional<Instant> restarted_at;

    // What the release waits for, in words; empty when for nothing. Never parsed.
    std::string waiting_for;
    // Why the manifest cannot be followed; empty when it can.
    std::string problem;

    friend bool operator==(const ReleaseState&, const ReleaseState&) = default;
};

struct Release {
    std::string name;
    Plan plan;
    ReleaseState state;
};

}  // namespace serin
