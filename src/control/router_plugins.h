#pragma once

#include "control/release_observe.h"
#include "manifest/argo/lowered_memory.h"
#include "ports/event_loop.h"
#include "ports/event_recorder.h"
#include "ports/object_store.h"
#include "ports/plugin_exposure.h"
#include "ports/plugin_runner.h"
#include "ports/reconciler.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace serin::control {

// Carries out the exposures of releases whose router is a plugin. For each wish the program is told
// the weights, then which side routes end, then those that are there, and at last it is asked
// whether all of that is in force: only a yes makes the weights count. A new wish ends a question
// to an old one. An error is followed by the same question, after 1 s at first and up to 10 s in
// the end; a new wish is told at once. What is in force is asked again once a minute; a router that
// has forgotten is told anew. After a restart of Serin the asking begins again.
//
// Keys are those of Rollouts.
class RouterPlugins : public Reconciler {
public:
    // All outlive it.
    RouterPlugins(EventLoop& loop, ObjectStore& store, PluginRunner& runner);

    std::string_view name() const override { return "router-plugin"; }
    std::vector<Trigger> triggers() const override;
    void attach(RequestTurn request) override { request_ = std::move(request); }
    Result<CallAgain> reconcile(const ObjectKey& key) override;

private:
    // What is under way for one release.
    struct Work {
        std::int64_t number = 0;             // Of the wish.
        std::string about;                   // Services and configuration it is for.
        std::deque<json::Object> questions;  // The first is asked next, or is being asked.
        std::unique_ptr<PluginRunner::Call> call;
        std::optional<Result<json::Object>> answer;
        int denials = 0;  // In a row: "not in force".
        Instant not_before;
        Duration retry_after{0};  // After the last error; 0: there was none since an answer.
    };

    Result<CallAgain> follow(const Object& rollout, const RouteTarget& target);
    Result<Object> exposure_of(const Object& rollout, const RouteTarget& target);
    Result<> forget(const Object& rollout);
    Result<> take(
        const Object& rollout, const RouteTarget& target, Work& work, PluginExposure& exposure);
    Result<> tell(const Object& rollout, const PluginExposure& exposure);
    void fail_for_now(const Object& rollout, Work& work, PluginExposure& exposure, std::string why);
    void ask(const Object& rollout, const RouteTarget& target, Work& work);

    EventLoop& loop_;
    ObjectStore& store_;
    PluginRunner& runner_;
    EventRecorder events_;
    RequestTurn request_;
    std::map<ObjectKey, Work> works_;
    argo::LoweredMemory lowered_;
};

// Why the router of a release cannot be asked; nothing when it can, or is built in.
std::optional<std::string> find_router_problem(const ObjectStore& store, const ReleaseWorld& world);

}  // namespace serin::control
