#pragma once

#include "control/hook_calls.h"
#include "control/release_observe.h"
#include "model/decision.h"
#include "ports/event_recorder.h"
#include "ports/object_store.h"
#include "ports/traffic.h"

namespace serin::control {

// Carries out decided actions on the objects around one Rollout. Each names an end state, so
// repeating one does no harm. The references outlive it.
class ReleaseActor {
public:
    ReleaseActor(
        ObjectStore& store,
        TrafficRouter& router,
        EventRecorder& events,
        HookCalls* hooks,  // Null where releases have no steps.
        const ReleaseWorld& world)
        : store_(store), router_(router), events_(events), hooks_(hooks), world_(world) {}

    // In order; the first failure ends it.
    Result<> carry_out(const std::vector<Action>& actions);

private:
    Result<> act(const Announce& action);
    Result<> act(const CreateRevision& action);
    Result<> act(const Renumber& action);
    Result<> act(const SetSplit& action);
    Result<> act(const SetSideRoutes& action);
    Result<> act(const PointService& action);
    Result<> act(const Scale& action);
    Result<> act(const StartRun& action);
    Result<> act(const StopRun& action);
    Result<> act(const SetRetireAt& action);
    Result<> act(const ReplaceReplica& action);
    Result<> act(const ScaleSource& action);
    Result<> act(const CallHook& action);
    Result<> act(const RemoveRun& action);
    Result<> act(const RemoveRevision& action);

    std::string group_name(const std::string& revision) const;
    Result<> patch(const ResourceType& type, const std::string& name, const json::Value& change);
    Result<> remove(const ResourceType& type, const std::string& name);
    Result<> show_number(int number);
    Result<bool> is_there_already(const Object& wanted);

    ObjectStore& store_;
    TrafficRouter& router_;
    EventRecorder& events_;
    HookCalls* hooks_;
    const ReleaseWorld& world_;
};

// Notes at a ReplicaSet that is known by the status alone what template it was made from: the
// status says so only until the manifest is changed.
Result<> remember_template(ObjectStore& store, const ReleaseWorld& world);

}  // namespace serin::control
