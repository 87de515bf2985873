#include "manifest/argo/project_words.h"

#include "manifest/argo/names.h"

#include <array>
#include <utility>

namespace serin::argo {

namespace {

template <class Value, std::size_t Count>
using Words = std::array<std::pair<Value, std::string_view>, Count>;

template <class Value, std::size_t Count>
std::string_view find_word(const Words<Value, Count>& words, Value value) {
    for (const auto& [key, word] : words) {
        if (key == value) return word;
    }
    return {};
}

template <class Value, std::size_t Count>
std::optional<Value> find_value(const Words<Value, Count>& words, std::string_view word) {
    for (const auto& [key, known] : words) {
        if (known == word) return key;
    }
    return std::nullopt;
}

constexpr Words<HoldKind, 4> holds{{
    {HoldKind::pause_step, "CanaryPauseStep"},
    {HoldKind::inconclusive, "InconclusiveAnalysisRun"},
    {HoldKind::before_flip, "BlueGreenPause"},
    {HoldKind::inconclusive_trial, "InconclusiveExperiment"},
}};

constexpr Words<RunKind, 4> run_kinds{{
    {RunKind::background, run_kind_background},
    {RunKind::step, run_kind_step},
    {RunKind::before_flip, run_kind_before_flip},
    {RunKind::after_flip, run_kind_after_flip},
}};

constexpr Words<RunPhase, 6> phases{{
    {RunPhase::pending, "Pending"},
    {RunPhase::running, "Running"},
    {RunPhase::successful, "Successful"},
    {RunPhase::failed, "Failed"},
    {RunPhase::error, "Error"},
    {RunPhase::inconclusive, "Inconclusive"},
}};

constexpr Words<Progress::Kind, 10> reasons{{
    {Progress::Kind::created, "NewReplicaSetCreated"},
    {Progress::Kind::found, "FoundNewReplicaSet"},
    {Progress::Kind::advancing, "ReplicaSetUpdated"},
    {Progress::Kind::arrived, "NewReplicaSetAvailable"},
    {Progress::Kind::lost_replicas, "ReplicaSetNotAvailable"},
    {Progress::Kind::held, "RolloutPaused"},
    {Progress::Kind::resumed, "RolloutResumed"},
    {Progress::Kind::retried, "RolloutRetry"},
    {Progress::Kind::timed_out, "ProgressDeadlineExceeded"},
    {Progress::Kind::aborted, "RolloutAborted"},
}};

constexpr Words<AbortCause::Kind, 13> causes{{
    {AbortCause::Kind::asked, "asked"},
    {AbortCause::Kind::step_run_failed, "stepRunFailed"},
    {AbortCause::Kind::step_run_error, "stepRunError"},
    {AbortCause::Kind::background_run_failed, "backgroundRunFailed"},
    {AbortCause::Kind::background_run_error, "backgroundRunError"},
    {AbortCause::Kind::deadline, "deadline"},
    {AbortCause::Kind::hook_failed, "hookFailed"},
    {AbortCause::Kind::before_run_failed, "preRunFailed"},
    {AbortCause::Kind::before_run_error, "preRunError"},
    {AbortCause::Kind::after_run_failed, "postRunFailed"},
    {AbortCause::Kind::after_run_error, "postRunError"},
    {AbortCause::Kind::trial_failed, "experimentFailed"},
    {AbortCause::Kind::trial_error, "experimentError"},
}};

}  // namespace

std::string_view word_of(HoldKind kind) {
    return find_word(holds, kind);
}
std::optional<HoldKind> hold_of(std::string_view word) {
    return find_value(holds, word);
}

std::string_view word_of(RunPhase phase) {
    return find_word(phases, phase);
}
RunPhase run_phase_of(std::string_view word) {
    return find_value(phases, word).value_or(RunPhase::pending);
}

std::string_view run_word_of(RunKind kind) {
    return find_word(run_kinds, kind);
}
RunKind run_kind_of(std::string_view word) {
    return find_value(run_kinds, word).value_or(RunKind::background);
}

std::string_view reason_of(Progress::Kind kind) {
    return find_word(reasons, kind);
}
Progress::Kind progress_of(std::string_view reason) {
    return find_value(reasons, reason).value_or(Progress::Kind::none);
}

std::string_view word_of(AbortCause::Kind kind) {
    return find_word(causes, kind);
}
std::optional<AbortCause::Kind> abort_of(std::string_view word) {
    return find_value(causes, word);
}

}  // namespace serin::argo
