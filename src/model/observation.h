#pragma once

#include "base/time.h"
#include "model/release.h"
#include "model/split.h"

#include <optional>
#include <string>
#include <vector>

// The world around one release at an instant, as a value. Kept with the evidence, it makes a
// decision reproducible.

namespace serin {

struct RevisionSeen {
    std::string id;
    std::string group;  // The object that holds its replicas.
    int number = 0;     // Grows with every revision; going back to an old one renumbers it.
    Instant created;
    int desired = 0;
    int current = 0;  // Where old ones must end first, also those on their way out.
    int ready = 0;
    int available = 0;
    // Whether the counts were taken since `desired` was last set. Else they may be of replicas that
    // were asked to go in between: nothing that needs replicas may be built on them.
    bool is_settled = true;
    std::optional<int> sized_for;  // Replicas of the release when `desired` was set.
    Duration ready_for{};          // As set for this revision; see Plan.
    std::optional<Instant> retire_at;
    friend bool operator==(const RevisionSeen&, const RevisionSeen&) = default;
};

enum class RunKind { background, step, before_flip, after_flip, trial };

// An arm of a trial that has a service.
struct TrialArmSeen {
    std::string name;
    std::string service;
    std::string revision;
    int replicas = 0;  // Wanted.
    int available = 0;
    bool has_ended = false;  // Its replicas go as soon as no request can reach them.
    friend bool operator==(const TrialArmSeen&, const TrialArmSeen&) = default;
};

struct RunSeen {
    std::string name;
    RunKind kind = RunKind::background;
    std::string revision;
    std::optional<int> step;  // Of a step's run.
    RunPhase phase = RunPhase::pending;
    std::string message;
    bool is_stopping = false;  // It was told to end.
    Instant created;
    std::vector<TrialArmSeen> arms;  // Of a trial.
    friend bool operator==(const RunSeen&, const RunSeen&) = default;
};

// Which revision a service sends its requests to.
struct ServiceSeen {
    std::string revision;     // Empty: whatever else it selects.
    bool is_adopted = false;  // Serin has set it before.
    // Revisions that may get requests through it, as the data plane was last seen to do it. Empty
    // when no data plane tells about this service: then what it selects is believed.
    std::optional<std::vector<std::string>> in_force;
    bool is_settled = true;  // in_force is of its latest version.
    friend bool operator==(const ServiceSeen&, const ServiceSeen&) = default;
};

// A replica older than a restart that a person asked for.
struct StaleReplica {
    std::string name;
    std::string revision;
    friend bool operator==(const StaleReplica&, const StaleReplica&) = default;
};

// A hook's answer to the question with this number.
struct HookAnswer {
    int step = 0;
    HookOperation operation = HookOperation::run;
    Instant started;  // Of the note it is about.
    int execution = 0;
    HookPhase phase = HookPhase::error;
    std::string message;
    std::optional<Duration> again_after;
    std::string memory;  // Empty: as before.
    friend bool operator==(const HookAnswer&, const HookAnswer&) = default;
};

struct Observation {
    Instant at;
    int replicas = 1;    // Wanted in all.
    std::string wanted;  // The revision that the manifest describes.
    int collisions = 0;  // Ids for it that somebody else's group has already.
    std::vector<RevisionSeen> revisions;
    std::optional<SplitSeen> split;  // Empty without a router, and when it could not be read.
    ServiceSeen stable_service;
    ServiceSeen candidate_service;
    // Replicas that the workload which has the template is to have; empty without one, and where
    // it has none of its own.
    std::optional<int> source_replicas;
    std::vector<RunSeen> runs;
    std::vector<HookAnswer> hook_answers;
    std::vector<StaleReplica> stale_replicas;  // In the order to replace them.
    // Why the manifest cannot be followed as the world is: "service "shop" not found".
    std::vector<std::string> problems;
    friend bool operator==(const Observation&, const Observation&) = default;
};

}  // namespace serin
