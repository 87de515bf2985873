#pragma once

#include "control/release_observe.h"
#include "model/decision.h"
#include "ports/object_store.h"
#include "ports/plugin_runner.h"
#include "ports/reconciler.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace serin::control {

// Questions to the plugins of steps that are under way, and answers that no turn has taken yet. It
// is all in memory: after a restart of the program the engine asks again, under the same number.
class HookCalls {
public:
    // Both outlive it.
    HookCalls(ObjectStore& store, PluginRunner& runner) : store_(store), runner_(runner) {}

    void attach(RequestTurn request) { request_ = std::move(request); }

    // Asks, unless the same question is under way or answered. Older ones of the release end.
    void ask(const ReleaseWorld& world, const CallHook& question);
    // Of this release, until the next question.
    std::vector<HookAnswer> answers(const ObjectKey& rollout) const;
    void forget(const ObjectKey& rollout) { asked_.erase(rollout); }

private:
    struct Asked {
        CallHook question;
        std::unique_ptr<PluginRunner::Call> call;
        std::optional<HookAnswer> answer;
    };

    Result<PluginCall> make_call(const ReleaseWorld& world, const CallHook& question) const;
    void take(
        const ObjectKey& rollout, const CallHook& question, const Result<json::Object>& answer);

    ObjectStore& store_;
    PluginRunner& runner_;
    RequestTurn request_;
    std::map<ObjectKey, Asked> asked_;
};

// The plugin's registration, looked up in the namespace argo-rollouts and then in `ns`.
Result<Object> find_plugin_config(const ObjectStore& store, std::string_view ns);

// What keeps steps with plugins from being followed, with the paths of their fields.
std::vector<std::string> find_hook_problems(const ObjectStore& store, const ReleaseWorld& world);
// Marks the steps whose plugin is registered as disabled.
void mark_disabled_hooks(const ObjectStore& store, ReleaseWorld& world);

}  // namespace serin::control
