#pragma once

#include "base/time.h"
#include "model/observation.h"
#include "model/release.h"
#include "model/split.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

// What the engine wants done, as data: printed, compared, simulated or stored before it happens.

namespace serin {

// An action names an end state, never a change: doing it twice equals doing it once.
struct CreateRevision {
    std::string revision;
    int number = 1;
    friend bool operator==(const CreateRevision&, const CreateRevision&) = default;
};

struct Renumber {
    std::string revision;
    int number = 1;
    friend bool operator==(const Renumber&, const Renumber&) = default;
};

struct Scale {
    std::string revision;
    int replicas = 0;
    int sized_for = 0;
    friend bool operator==(const Scale&, const Scale&) = default;
};

struct SetSplit {
    Split split;
    friend bool operator==(const SetSplit&, const SetSplit&) = default;
};

// All side routes that there are to be; by name.
struct SetSideRoutes {
    std::vector<SideRoute> routes;
    friend bool operator==(const SetSideRoutes&, const SetSideRoutes&) = default;
};

enum class ServiceRole { stable, candidate };

struct PointService {
    ServiceRole service = ServiceRole::stable;
    std::string revision;
    friend bool operator==(const PointService&, const PointService&) = default;
};

struct StartRun {
    RunKind kind = RunKind::background;
    std::optional<int> step;
    std::string name;
    std::string revision;
    friend bool operator==(const StartRun&, const StartRun&) = default;
};

struct StopRun {
    std::string name;
    bool is_trial = false;
    friend bool operator==(const StopRun&, const StopRun&) = default;
};

struct RemoveRun {
    std::string name;
    bool is_trial = false;
    friend bool operator==(const RemoveRun&, const RemoveRun&) = default;
};

// When the revision's replicas may go; empty: they are needed.
struct SetRetireAt {
    std::string revision;
    std::optional<Instant> at;
    friend bool operator==(const SetRetireAt&, const SetRetireAt&) = default;
};

struct RemoveRevision {
    std::string revision;
    friend bool operator==(const RemoveRevision&, const RemoveRevision&) = default;
};

struct ReplaceReplica {
    std::string name;
    friend bool operator==(const ReplaceReplica&, const ReplaceReplica&) = default;
};

// Why a candidate became the stable revision.
enum class Ending { first, steps_done, asked, window, back_to_stable, flipped };

// The workload that has the template keeps so many replicas of its own.
struct ScaleSource {
    int replicas = 0;
    friend bool operator==(const ScaleSource&, const ScaleSource&) = default;
};

// A hook is asked to do its part; the same question again is the same call.
struct CallHook {
    std::string revision;
    int step = 0;
    HookOperation operation = HookOperation::run;
    int execution = 1;
    Instant started;  // Of the note.
    std::string memory;
    friend bool operator==(const CallHook&, const CallHook&) = default;
};

// News for people; nothing depends on its arrival.
struct Announce {
    enum class News {
        updated,        // A revision is wanted that was not.
        created,        // Its replica group exists.
        not_completed,  // A release began.
        step_completed,
        hook_moved,
        steps_skipped,
        held,
        resumed,
        aborted,
        completed,
    };
    News news = News::updated;
    std::string revision;
    int number = 0;
    std::optional<int> step;          // Of step_completed.
    std::optional<HoldKind> hold;     // Of held; empty: a person holds.
    std::string detail;               // Of hook_moved.
    std::optional<Ending> ending;     // Of completed.
    std::optional<AbortCause> cause;  // Of aborted.
    friend bool operator==(const Announce&, const Announce&) = default;
};

using Action = std::variant<
    Announce,
    CreateRevision,
    Renumber,
    SetSplit,
    SetSideRoutes,
    PointService,
    Scale,
    StartRun,
    StopRun,
    SetRetireAt,
    ReplaceReplica,
    ScaleSource,
    CallHook,
    RemoveRun,
    RemoveRevision>;

// Why the engine decided something.
struct Cause {
    std::string rule;    // One word with underscores, stable over versions: "step_completed".
    std::string reason;  // For people and evidence, never parsed.
    std::string run;     // The judge's run whose numbers tell, or empty.
    friend bool operator==(const Cause&, const Cause&) = default;
};

struct Decision {
    ReleaseState next;
    std::vector<Action> actions;     // In order; the first failure ends the turn.
    std::vector<Cause> causes;       // Empty: nothing was decided, only seen.
    std::optional<Instant> wake_at;  // Empty: only an event can change the decision.
    friend bool operator==(const Decision&, const Decision&) = default;
};

// What was decided, in words: the reasons of all causes.
std::string reason_of(const Decision& decision);

}  // namespace serin
