#include "engine/decide.h"
#include "engine/invariants.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

// Experiments as steps of a release.

using namespace serin;
using namespace std::chrono_literals;

namespace {

constexpr Instant t0{1'000'000s};

RevisionSeen revision(std::string id, int number, int replicas) {
    return {
        .id = id,
        .group = "shop-" + id,
        .number = number,
        .created = t0 + std::chrono::seconds(number),
        .desired = replicas,
        .current = replicas,
        .ready = replicas,
        .available = replicas,
        .sized_for = 10};
}

SplitSeen settled(Split split) {
    return {.written = split, .in_force = split, .is_settled = true};
}

// From v1 to v2 at 10 %, at a trial whose arm gets 20 %.
struct Scene {
    Scene() {
        release.name = "shop";
        release.plan.steps = {Expose{10}, Trial{{{"a", 20}}}, Expose{50}};
        release.plan.steps_digest = "steps";
        release.plan.routing = Routing{};
        release.plan.has_stable_service = true;
        release.plan.has_candidate_service = true;
        release.state.candidate = "v2";
        release.state.stable = "v1";
        release.state.steps_digest = "steps";
        release.state.step = 1;
        seen.at = t0 + 1h;
        seen.replicas = 10;
        seen.wanted = "v2";
        seen.revisions = {revision("v1", 1, 10), revision("v2", 2, 1)};
        seen.split = settled({.candidate = 10});
        seen.stable_service = {"v1", true};
        seen.candidate_service = {"v2", true};
    }
    void start_trial(RunPhase phase, const std::string& message = "") {
        release.state.trial = RunNote{.name = "shop-v2-2-1"};
        seen.runs = {
            {.name = "shop-v2-2-1",
             .kind = RunKind::trial,
             .revision = "v2",
             .step = 1,
             .phase = phase,
             .message = message,
             .arms = {{"a", "shop-v2-2-1-a", "ab", 4, 4}}}};
    }
    Decision decide() const {
        const Decision decision = engine::decide(release, seen);
        CHECK(engine::broken_invariants(release, seen, decision).empty());
        return decision;
    }

    Release release;
    Observation seen;
};

template <class Kind>
std::vector<Kind> all(const Decision& decision) {
    std::vector<Kind> found;
    for (const Action& action : decision.actions) {
        if (const auto* it = std::get_if<Kind>(&action)) found.push_back(*it);
    }
    return found;
}

}  // namespace

TEST_CASE("a trial step makes its experiment, named as Argo names it") {
    const Scene scene;
    const Decision decision = scene.decide();
    REQUIRE(all<StartRun>(decision).size() == 1);
    CHECK(all<StartRun>(decision).front().kind == RunKind::trial);
    CHECK(all<StartRun>(decision).front().name == "shop-v2-2-1");
    CHECK(decision.next.trial->name == "shop-v2-2-1");
    CHECK(decision.next.step == 1);
    CHECK(decision.next.waiting_for == "experiment shop-v2-2-1");
}

TEST_CASE("an arm gets its weight while the trial runs, as far as its replicas carry it") {
    Scene scene;
    scene.start_trial(RunPhase::pending);
    CHECK(all<SetSplit>(scene.decide()).empty());
    scene.start_trial(RunPhase::running);
    const Split whole{.candidate = 10, .total = 100, .others = {{"shop-v2-2-1-a", 20}}};
    REQUIRE(all<SetSplit>(scene.decide()).size() == 1);
    CHECK(all<SetSplit>(scene.decide()).front().split == whole);
    scene.seen.split = settled(whole);
    CHECK(all<SetSplit>(scene.decide()).empty());

    scene.seen.runs.front().arms.front().available = 1;
    CHECK(all<SetSplit>(scene.decide()).front().split.others.front().weight == 5);
    scene.seen.runs.front().arms.front().available = 0;
    CHECK(all<SetSplit>(scene.decide()).front().split.others.empty());
}

TEST_CASE("an arm that has ended before its trial keeps its weight, and never gets one again") {
    struct Row {
        int written;
        int available;
        int weight;
    };
    for (const Row& row :
         std::initializer_list<Row>{{20, 4, 20}, {20, 2, 10}, {10, 4, 10}, {0, 4, 0}}) {
        CAPTURE(row.written);
        CAPTURE(row.available);
        Scene scene;
        scene.start_trial(RunPhase::running);
        scene.seen.runs.front().arms.front().available = row.available;
        Split split{.candidate = 10, .total = 100, .others = {}};
        if (row.written > 0) split.others = {{"shop-v2-2-1-a", row.written}};
        scene.seen.split = settled(split);
        scene.seen.runs.front().arms.front().has_ended = true;
        const Decision decision = scene.decide();
        const auto& arms = decision.next.exposure->arms;
        CHECK((arms.empty() ? 0 : arms.front().weight) == row.weight);
        CHECK(all<SetSplit>(decision).empty() == (row.weight == row.written));
    }
}

TEST_CASE("how the trial ends is how the step ends") {
    struct Row {
        RunPhase phase;
        int step;
        bool is_aborted;
        bool is_held;
    };
    for (const Row& row : std::initializer_list<Row>{
             {RunPhase::running, 1, false, false},
             {RunPhase::successful, 2, false, false},
             {RunPhase::failed, 0, true, false},
             {RunPhase::error, 0, true, false},
             {RunPhase::inconclusive, 1, false, true}}) {
        Scene scene;
        scene.start_trial(row.phase, "numbers");
        scene.seen.split =
            settled({.candidate = 10, .total = 100, .others = {{"shop-v2-2-1-a", 20}}});
        const Decision decision = scene.decide();
        CHECK(decision.next.step == row.step);
        CHECK(decision.next.is_aborted == row.is_aborted);
        CHECK(decision.next.holds.empty() != row.is_held);
        if (row.phase == RunPhase::running) continue;
        // Whatever comes next, the arm gets nothing any more.
        REQUIRE_FALSE(all<SetSplit>(decision).empty());
        CHECK(all<SetSplit>(decision).front().split.others.empty());
    }
}

TEST_CASE("an abort, a full promotion and another step end the trial") {
    for (const int how : {0, 1, 2}) {
        Scene scene;
        scene.start_trial(RunPhase::running);
        if (how == 0) scene.release.state.is_aborted = true;
        if (how == 1) scene.release.state.skips_steps = true;
        if (how == 2) scene.release.state.step = 2;
        const Decision decision = scene.decide();
        REQUIRE(all<StopRun>(decision).size() == 1);
        CHECK(all<StopRun>(decision).front() == StopRun{"shop-v2-2-1", true});
    }
}

TEST_CASE("a person who resumes after a trial that could not tell asks for another one") {
    Scene scene;
    scene.start_trial(RunPhase::inconclusive);
    scene.release.state = scene.decide().next;
    scene.release.state.trial->phase = RunPhase::pending;  // As read back: only the name is kept.
    REQUIRE_FALSE(scene.release.state.holds.empty());
    scene.release.state.holds.clear();
    const Decision decision = scene.decide();
    REQUIRE(all<StartRun>(decision).size() == 1);
    CHECK(all<StartRun>(decision).front().name == "shop-v2-2-1-1");
}
