#pragma once

#include "base/time.h"
#include "model/release.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// A trial of several versions side by side, for a time or until judges have spoken: what is wanted,
// what was seen, what is decided. Like a release, it is a value at every stage.

namespace serin {

struct TrialArmPlan {
    std::string name;
    int replicas = 1;
    bool has_service = false;
    friend bool operator==(const TrialArmPlan&, const TrialArmPlan&) = default;
};

struct TrialJudgePlan {
    std::string name;
    std::string run;  // Name of its run.
    bool is_required = false;
    friend bool operator==(const TrialJudgePlan&, const TrialJudgePlan&) = default;
};

struct TrialPlan {
    std::vector<TrialArmPlan> arms;
    std::vector<TrialJudgePlan> judges;
    std::optional<Duration> duration;  // Empty: until judges or a person end it.
    Duration progress_deadline = std::chrono::seconds(600);
    Duration retire_delay = std::chrono::seconds(30);
    bool is_terminated = false;  // A person or the release has ended it.
    friend bool operator==(const TrialPlan&, const TrialPlan&) = default;
};

enum class ArmPhase { none, progressing, running, successful, failed, error };

constexpr bool is_completed(ArmPhase phase) {
    return phase == ArmPhase::successful || phase == ArmPhase::failed || phase == ArmPhase::error;
}

struct ArmCounts {
    int current = 0;
    int updated = 0;
    int ready = 0;
    int available = 0;
    friend bool operator==(const ArmCounts&, const ArmCounts&) = default;
};

struct ArmState {
    std::string name;
    ArmPhase phase = ArmPhase::none;
    std::string message;
    ArmCounts counts;
    Instant changed_at;    // Of a count or the phase: the deadline counts from here.
    std::string revision;  // Empty until its replica group is there.
    std::string service;   // Empty without one.
    friend bool operator==(const ArmState&, const ArmState&) = default;
};

struct TrialRunState {
    std::string judge;
    RunNote run;
    friend bool operator==(const TrialRunState&, const TrialRunState&) = default;
};

struct TrialState {
    std::optional<RunPhase> phase;  // Empty before the first decision.
    std::string message;
    std::optional<Instant> available_at;  // All arms had all their replicas for the first time.
    std::vector<ArmState> arms;
    std::vector<TrialRunState> runs;
    friend bool operator==(const TrialState&, const TrialState&) = default;
};

// The replica group of an arm and what leads to it.
struct ArmSeen {
    std::string name;
    std::string revision;
    int desired = 0;
    ArmCounts counts;
    bool is_settled = true;  // The counts were taken since `desired` was set.
    std::optional<Instant> retire_at;
    std::string service;      // Name of its service; empty when there is none.
    bool is_exposed = false;  // A release's route sends, or may still send, requests to it.
    friend bool operator==(const ArmSeen&, const ArmSeen&) = default;
};

struct TrialRunSeen {
    std::string name;
    RunPhase phase = RunPhase::pending;
    std::string message;
    bool is_stopping = false;
    friend bool operator==(const TrialRunSeen&, const TrialRunSeen&) = default;
};

struct TrialSeen {
    Instant at;
    std::vector<ArmSeen> arms;  // Those whose replica group exists.
    std::vector<TrialRunSeen> runs;
    // Why an arm's group or service cannot be made, by arm; and why judges cannot begin.
    std::vector<std::pair<std::string, std::string>> arm_problems;
    std::string judge_problem;
    friend bool operator==(const TrialSeen&, const TrialSeen&) = default;
};

// Actions name end states.
struct CreateArm {  // Without replicas at first.
    std::string arm;
    friend bool operator==(const CreateArm&, const CreateArm&) = default;
};
struct ScaleArm {
    std::string arm;
    int replicas = 0;
    friend bool operator==(const ScaleArm&, const ScaleArm&) = default;
};
struct RetireArm {  // When its replicas may go; empty: they are needed.
    std::string arm;
    std::optional<Instant> at;
    friend bool operator==(const RetireArm&, const RetireArm&) = default;
};
struct CreateArmService {
    std::string arm;
    friend bool operator==(const CreateArmService&, const CreateArmService&) = default;
};
struct RemoveArmService {
    std::string arm;
    friend bool operator==(const RemoveArmService&, const RemoveArmService&) = default;
};
struct StartTrialRun {
    std::string judge;
    std::string run;
    friend bool operator==(const StartTrialRun&, const StartTrialRun&) = default;
};
struct StopTrialRun {
    std::string run;
    friend bool operator==(const StopTrialRun&, const StopTrialRun&) = default;
};

using TrialAction = std::variant<
    CreateArm,
    CreateArmService,
    ScaleArm,
    StartTrialRun,
    StopTrialRun,
    RetireArm,
    RemoveArmService>;

struct TrialDecision {
    TrialState next;
    std::vector<TrialAction> actions;  // In order; the first failure ends the turn.
    std::optional<Instant> wake_at;    // Empty: only an event can change the decision.
    friend bool operator==(const TrialDecision&, const TrialDecision&) = default;
};

}  // namespace serin
