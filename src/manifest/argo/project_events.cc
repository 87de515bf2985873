#include "manifest/argo/project_events.h"

#include "manifest/argo/project.h"
#include "manifest/argo/project_words.h"

#include <string_view>

namespace serin::argo {

namespace {

std::string describe_step(const Object& rollout, int index) {
    const json::Value* step = rollout.find("/spec/strategy/canary/steps/" + std::to_string(index));
    const json::Object* object = json::object(step);
    if (!object || object->empty()) return {};
    const auto& member = *object->begin();
    std::string text(member.key().data(), member.key().size());
    if (const auto weight = json::integer(&member.value())) {
        return text + ": " + std::to_string(*weight);
    }
    if (const json::Value* duration = json::find(member.value(), "/duration")) {
        const auto words = json::text(duration);
        return text + ": " + (words ? std::string(*words) : json::print(*duration) + "s");
    }
    if (const auto name = json::text(json::find(member.value(), "/name"))) {
        return text + ": " + std::string(*name);
    }
    return text;
}

std::string describe_ending(Ending ending, const Plan& plan) {
    switch (ending) {
        case Ending::first:
            return "Initial deploy";
        case Ending::steps_done:
            return "Completed all " + std::to_string(plan.steps.size()) + " canary steps";
        case Ending::asked:
            return "Full promotion requested";
        case Ending::window:
            return "Rollback within window";
        case Ending::back_to_stable:
            return "Fast rollback";
        case Ending::flipped:
            return "Completed blue-green update";
    }
    return {};
}

}  // namespace

EventShown project_event(const Object& rollout, const Plan& plan, const Announce& announce) {
    using enum Announce::News;
    const std::string number = std::to_string(announce.number);
    const std::string group = std::string(rollout.name()) + "-" + announce.revision;
    switch (announce.news) {
        case updated:
            return {EventType::normal, "RolloutUpdated", "Rollout updated to revision " + number};
        case created:
            return {
                EventType::normal,
                "NewReplicaSetCreated",
                "Created ReplicaSet " + group + " (revision " + number + ")"};
        case not_completed:
            return {
                EventType::normal,
                "RolloutNotCompleted",
                "Rollout not completed, started update to revision " + number + " (" +
                    announce.revision + ")"};
        case step_completed: {
            const int index = announce.step.value_or(0);
            return {
                EventType::normal,
                "RolloutStepCompleted",
                "Rollout step " + std::to_string(index + 1) + "/" +
                    std::to_string(plan.steps.size()) + " completed (" +
                    describe_step(rollout, index) + ")"};
        }
        case hook_moved:
            return {EventType::normal, "StepPluginTransition", announce.detail};
        case steps_skipped:
            return {
                EventType::normal, "SkipSteps", "Rollback to an earlier revision skips all steps"};
        case held:
            return {
                EventType::normal,
                "RolloutPaused",
                announce.hold ? "Rollout is paused (" + std::string(word_of(*announce.hold)) + ")"
                              : std::string("Rollout is paused")};
        case resumed:
            return {EventType::normal, "RolloutResumed", "Rollout is resumed"};
        case aborted: {
            const std::string cause =
                announce.cause ? abort_text(*announce.cause, group) : std::string();
            return {
                EventType::warning,
                "RolloutAborted",
                "Rollout aborted update to revision " + number +
                    (cause.empty() ? "" : ": " + cause)};
        }
        case completed:
            return {
                EventType::normal,
                "RolloutCompleted",
                "Rollout completed update to revision " + number + " (" + announce.revision +
                    "): " + describe_ending(announce.ending.value_or(Ending::steps_done), plan)};
    }
    return {};
}

}  // namespace serin::argo
