#include "control/release_news.h"

#include "manifest/argo/project_words.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>

namespace serin::control {

namespace {

using Note = std::optional<RunNote>;

void tell_run(
    EventRecorder& events,
    const Object& rollout,
    std::string_view kind,
    const Note& before,
    const Note& next) {
    if (!next) return;
    const bool is_same = before && before->name == next->name;
    if (is_same && before->phase == next->phase) return;
    const std::string_view phase = argo::word_of(next->phase);
    const bool is_bad = next->phase == RunPhase::failed || next->phase == RunPhase::error;
    events.record(
        rollout,
        is_bad ? EventType::warning : EventType::normal,
        fmt::format("AnalysisRun{}", phase),
        fmt::format(
            "{} Analysis Run '{}' Status New: '{}' Previous: '{}'",
            kind,
            next->name,
            phase,
            is_same ? argo::word_of(before->phase) : "NoPreviousStatus"));
}

}  // namespace

void tell_news(
    EventRecorder& events,
    const Object& rollout,
    const ReleaseState& before,
    const ReleaseState& next) {
    if (before.candidate.empty() && !next.candidate.empty()) {
        events.record(
            rollout,
            EventType::normal,
            "RolloutAddedToInformer",
            fmt::format("Rollout resource added to informer: {}/{}", rollout.ns(), rollout.name()));
    }
    tell_run(events, rollout, "Step", before.step_run, next.step_run);
    tell_run(events, rollout, "Background", before.background_run, next.background_run);
    const FlipNote none;
    const FlipNote& was = before.flip ? *before.flip : none;
    const FlipNote& is = next.flip ? *next.flip : none;
    tell_run(events, rollout, "PrePromotion", was.before_run, is.before_run);
    tell_run(events, rollout, "PostPromotion", was.after_run, is.after_run);
}

void tell_deletion(EventRecorder& events, const ObjectKey& rollout) {
    events.record(
        Object(*rollout.type, rollout.ns, rollout.name),
        EventType::normal,
        "RolloutDeleted",
        fmt::format("Rollout {}/{} is deleted", rollout.ns, rollout.name));
}

}  // namespace serin::control
