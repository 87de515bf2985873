#pragma once

#include "model/experiment.h"
#include "ports/event_loop.h"
#include "ports/event_recorder.h"
#include "ports/object_store.h"
#include "ports/reconciler.h"
#include "ports/traffic.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::control {

// Runs Experiments, those people write and those a Rollout's steps make: one turn observes, decides
// (engine/experiment.h), writes the status and acts. The status is the only state.
class ExperimentController : public Reconciler {
public:
    // All outlive the controller.
    ExperimentController(const Clock& clock, ObjectStore& store, TrafficRouter& router);

    std::string_view name() const override { return "experiment"; }
    std::vector<Trigger> triggers() const override;
    void attach(RequestTurn request) override { request_ = std::move(request); }
    Result<CallAgain> reconcile(const ObjectKey& key) override;

private:
    struct World;
    using ArmProblems = std::map<std::string, std::string>;

    Result<CallAgain> turn(const Object& experiment);
    Result<World> observe(const Object& experiment, const TrialPlan& plan, Instant now);
    Result<> see_arm(World& world, const TrialArmPlan& plan);
    void see_exposure(World& world) const;
    void check_judges(World& world, const TrialState& state) const;
    Result<Object> make_run(
        const World& world,
        const TrialState& state,
        const std::string& judge,
        const std::string& run) const;

    Result<> carry_out(const World& world, const TrialDecision& decision);
    Result<> act(const World& world, const TrialDecision& decision, const CreateArm& action);
    Result<> act(const World& world, const TrialDecision& decision, const CreateArmService& action);
    Result<> act(const World& world, const TrialDecision& decision, const ScaleArm& action);
    Result<> act(const World& world, const TrialDecision& decision, const RetireArm& action);
    Result<> act(const World& world, const TrialDecision& decision, const RemoveArmService& action);
    Result<> act(const World& world, const TrialDecision& decision, const StartTrialRun& action);
    Result<> act(const World& world, const TrialDecision& decision, const StopTrialRun& action);
    Result<> make(const World& world, const std::string& arm, Object object, std::string_view what);
    void announce(const Object& experiment, const TrialState& before, const TrialState& after);
    void tell(
        const Object& experiment,
        EventType type,
        const std::string& reason,
        const std::string& message);

    const Clock& clock_;
    ObjectStore& store_;
    TrafficRouter& router_;
    EventRecorder events_;
    RequestTurn request_;
    // By experiment's uid: what could not be made, and since when rights are missing.
    std::map<std::string, ArmProblems> refused_;
    std::map<std::string, Instant> denied_since_;
};

}  // namespace serin::control
