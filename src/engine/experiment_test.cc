#include "engine/experiment.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace serin;
using namespace serin::engine;
using namespace std::chrono_literals;

namespace {

constexpr Instant t0{1'000'000s};

// The least world an experiment needs: groups obey, and replicas are there when they may be.
struct World {
    TrialPlan plan;
    TrialState state;
    TrialSeen seen{.at = t0};
    bool has_replicas = true;

    explicit World(TrialPlan of) : plan(std::move(of)) {}

    TrialDecision decide() {
        const TrialDecision decision = decide_experiment(plan, state, seen);
        // A decision that is lost is made again.
        CHECK(decide_experiment(plan, state, seen) == decision);
        state = decision.next;
        for (const TrialAction& action : decision.actions)
            std::visit([&](const auto& one) { act(one); }, action);
        return decision;
    }
    // Until nothing is done any more.
    void settle() {
        for (int i = 0; i < 20; ++i) {
            const TrialState before = state;
            if (decide().actions.empty() && state == before) return;
        }
        FAIL("does not settle");
    }
    void at(Duration since_start) {
        seen.at = t0 + since_start;
        settle();
    }
    ArmSeen& arm(const std::string& name) {
        const auto found = std::ranges::find(seen.arms, name, &ArmSeen::name);
        REQUIRE(found != seen.arms.end());
        return *found;
    }
    void finish(const std::string& run, RunPhase phase, const std::string& message = "") {
        const auto found = std::ranges::find(seen.runs, run, &TrialRunSeen::name);
        REQUIRE(found != seen.runs.end());
        found->phase = phase;
        found->message = message;
        settle();
    }
    ArmPhase phase_of(const std::string& name) const {
        return std::ranges::find(state.arms, name, &ArmState::name)->phase;
    }

    void act(const CreateArm& action) {
        seen.arms.push_back({.name = action.arm, .revision = "hash-" + action.arm});
    }
    void act(const ScaleArm& action) {
        ArmSeen& it = arm(action.arm);
        it.desired = action.replicas;
        const int there = has_replicas ? action.replicas : 0;
        it.counts = {.current = there, .updated = there, .ready = there, .available = there};
    }
    void act(const RetireArm& action) { arm(action.arm).retire_at = action.at; }
    void act(const CreateArmService& action) { arm(action.arm).service = "svc-" + action.arm; }
    void act(const RemoveArmService& action) { arm(action.arm).service.clear(); }
    void act(const StartTrialRun& action) {
        seen.runs.push_back({.name = action.run, .phase = RunPhase::running});
    }
    void act(const StopTrialRun& action) {
        const auto found = std::ranges::find(seen.runs, action.run, &TrialRunSeen::name);
        found->is_stopping = true;
        found->phase = RunPhase::successful;
    }
};

TrialPlan two_arms() {
    return {
        .arms = {{.name = "a", .replicas = 2}, {.name = "b", .replicas = 1, .has_service = true}}};
}

TrialPlan judged(bool is_required) {
    TrialPlan plan = two_arms();
    plan.judges = {{.name = "j", .run = "x-j", .is_required = is_required}};
    return plan;
}

}  // namespace

TEST_CASE("an experiment runs when all its arms have their replicas") {
    World world(two_arms());
    world.has_replicas = false;
    world.settle();
    CHECK(world.state.phase == RunPhase::pending);
    CHECK(world.phase_of("a") == ArmPhase::progressing);
    CHECK_FALSE(world.state.available_at);
    CHECK(world.arm("b").service == "svc-b");
    world.arm("a").counts.available = 2;
    world.arm("b").counts.available = 1;
    world.at(5s);
    CHECK(world.state.phase == RunPhase::running);
    CHECK(world.state.available_at == t0 + 5s);
}

TEST_CASE("without judges the duration ends it, counted from when all was there") {
    TrialPlan plan = two_arms();
    plan.duration = 60s;
    World world(plan);
    world.settle();
    CHECK(world.state.phase == RunPhase::running);
    world.at(59s);
    CHECK(world.state.phase == RunPhase::running);
    CHECK(world.decide().wake_at == t0 + 60s);
    world.at(60s);
    CHECK(world.state.phase == RunPhase::successful);
    CHECK(world.phase_of("a") == ArmPhase::successful);
}

TEST_CASE("replicas go after the retire delay, and the service after the replicas") {
    TrialPlan plan = two_arms();
    plan.duration = 60s;
    World world(plan);
    world.settle();
    world.at(60s);
    CHECK(world.arm("a").desired == 2);
    CHECK(world.arm("a").retire_at == t0 + 90s);
    world.at(89s);
    CHECK(world.arm("b").desired == 1);
    CHECK(world.arm("b").service == "svc-b");
    world.at(90s);
    CHECK(world.arm("a").desired == 0);
    CHECK(world.arm("b").desired == 0);
    CHECK(world.arm("b").service.empty());
}

TEST_CASE("an arm that requests may reach keeps its replicas") {
    TrialPlan plan = two_arms();
    plan.duration = 60s;
    plan.retire_delay = 0s;
    World world(plan);
    world.settle();
    world.arm("b").is_exposed = true;
    world.at(60s);
    CHECK(world.state.phase == RunPhase::successful);
    CHECK(world.arm("a").desired == 0);
    CHECK(world.arm("b").desired == 1);
    CHECK(world.decide().wake_at == t0 + 70s);
    world.arm("b").is_exposed = false;
    world.at(61s);
    CHECK(world.arm("b").desired == 0);
}

TEST_CASE("an arm without progress fails the experiment with Argo's words") {
    World world(two_arms());
    world.has_replicas = false;
    world.settle();
    world.arm("a").counts.available = 1;
    world.at(100s);
    CHECK(world.decide().wake_at <= t0 + 601s);
    world.at(601s);
    CHECK(world.state.phase == RunPhase::failed);
    CHECK(world.state.message == "Template 'b' exceeded its progressDeadlineSeconds (600)");
    // A count moved the other arm's deadline.
    CHECK(world.phase_of("a") == ArmPhase::progressing);
}

TEST_CASE("what cannot be made is an error") {
    World world(two_arms());
    world.seen.arm_problems = {{"a", "replica set \"x-a\" belongs to somebody else"}};
    world.settle();
    CHECK(world.state.phase == RunPhase::error);
    CHECK(world.phase_of("a") == ArmPhase::error);
    CHECK(world.state.message.contains("belongs to somebody else"));
}

TEST_CASE("judges that cannot begin are an error before anything runs") {
    World world(judged(true));
    world.seen.judge_problem = "analysis 'j': not found";
    world.settle();
    CHECK(world.state.phase == RunPhase::error);
    CHECK(world.seen.arms.size() <= 2);
    for (const ArmSeen& arm : world.seen.arms) CHECK(arm.desired == 0);
}

TEST_CASE("judges begin when all replicas are there, and each of their ends counts") {
    struct Row {
        RunPhase judge;
        bool is_required;
        RunPhase expected;
    };
    for (const Row& row : std::initializer_list<Row>{
             {RunPhase::successful, true, RunPhase::successful},
             {RunPhase::successful, false, RunPhase::running},
             {RunPhase::failed, true, RunPhase::failed},
             {RunPhase::failed, false, RunPhase::failed},
             {RunPhase::error, false, RunPhase::error},
             {RunPhase::inconclusive, false, RunPhase::inconclusive}}) {
        World world(judged(row.is_required));
        world.has_replicas = false;
        world.settle();
        CHECK(world.seen.runs.empty());
        world.arm("a").counts.available = 2;
        world.arm("b").counts.available = 1;
        world.at(5s);
        REQUIRE(world.seen.runs.size() == 1);
        world.finish("x-j", row.judge, "numbers");
        CHECK(world.state.phase == row.expected);
        if (row.expected != RunPhase::successful && row.expected != RunPhase::running)
            CHECK(world.state.message == "numbers");
    }
}

TEST_CASE("a judge that fails stops the others") {
    TrialPlan plan = judged(false);
    plan.judges.push_back({.name = "k", .run = "x-k"});
    World world(plan);
    world.settle();
    world.finish("x-j", RunPhase::failed);
    CHECK(world.state.phase == RunPhase::failed);
    CHECK(world.seen.runs.at(1).is_stopping);
}

TEST_CASE("at the end of the duration only required judges are waited for") {
    for (const bool is_required : {false, true}) {
        TrialPlan plan = judged(is_required);
        plan.duration = 60s;
        World world(plan);
        world.settle();
        world.at(60s);
        CHECK(world.state.phase == (is_required ? RunPhase::running : RunPhase::successful));
        if (!is_required) {
            CHECK(world.seen.runs.at(0).is_stopping);
            continue;
        }
        world.finish("x-j", RunPhase::successful);
        CHECK(world.state.phase == RunPhase::successful);
    }
}

TEST_CASE("a person ends it: arms are successful and judges stop") {
    World world(judged(true));
    world.settle();
    world.plan.is_terminated = true;
    world.at(5s);
    CHECK(world.state.phase == RunPhase::successful);
    CHECK(world.phase_of("b") == ArmPhase::successful);
    CHECK(world.seen.runs.at(0).is_stopping);
    world.at(60s);
    CHECK(world.arm("a").desired == 0);
}

TEST_CASE("a retry begins anew with judges of its own") {
    World world(judged(true));
    world.settle();
    world.finish("x-j", RunPhase::failed);
    world.at(60s);
    CHECK(world.arm("a").desired == 0);
    world.state = {};
    world.at(70s);
    CHECK(world.state.phase == RunPhase::running);
    CHECK_FALSE(world.arm("a").retire_at);
    REQUIRE(world.seen.runs.size() == 2);
    CHECK(world.seen.runs.at(1).name == "x-j.1");
    world.finish("x-j.1", RunPhase::successful);
    CHECK(world.state.phase == RunPhase::successful);
}

TEST_CASE("an experiment that is over stays what it is") {
    World world(judged(true));
    world.settle();
    world.finish("x-j", RunPhase::successful);
    const TrialState over = world.state;
    world.arm("a").counts.available = 0;
    world.seen.judge_problem = "gone";
    world.settle();
    CHECK(world.state.phase == over.phase);
    CHECK(world.state.message == over.message);
}
