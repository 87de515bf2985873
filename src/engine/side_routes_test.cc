#include "engine/decide.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

using namespace serin;
using namespace std::chrono_literals;

namespace {

using Routes = std::vector<SideRoute>;

RevisionSeen revision(std::string id, int number, int replicas) {
    return {
        .id = id,
        .group = "shop-" + id,
        .number = number,
        .created = Instant{} + std::chrono::seconds(number),
        .desired = replicas,
        .current = replicas,
        .ready = replicas,
        .available = replicas,
        .sized_for = 10,
    };
}

// v2 has two pods and no weight; insiders are to be sent there.
struct Scene {
    Scene() {
        release.name = "shop";
        release.plan.steps = {
            Provision{.replicas = 2}, SetSideRoute{.name = "insiders", .step = 1}, Pause{}};
        release.plan.steps_digest = "steps";
        release.plan.routing = Routing{};
        release.plan.has_stable_service = true;
        release.plan.has_candidate_service = true;
        release.state.candidate = "v2";
        release.state.stable = "v1";
        release.state.steps_digest = "steps";
        release.state.step = 1;
        seen.at = Instant{} + 1h;
        seen.replicas = 10;
        seen.wanted = "v2";
        seen.revisions = {revision("v1", 1, 10), revision("v2", 2, 2)};
        seen.split = SplitSeen{.in_force = Split{}, .is_settled = true};
        seen.stable_service = {"v1", true};
        seen.candidate_service = {"v2", true};
    }

    Decision decide() const { return engine::decide(release, seen); }

    // The routes asked for; empty when nothing is asked.
    std::optional<Routes> routes() const {
        const Decision decision = decide();
        for (const Action& action : decision.actions) {
            if (const auto* set = std::get_if<SetSideRoutes>(&action)) return set->routes;
        }
        return std::nullopt;
    }

    Release release;
    Observation seen;
};

const Routes insiders{{"insiders", 1}};

}  // namespace

TEST_CASE("a side route is set when its step comes and confirmed before the next") {
    Scene scene;
    CHECK(scene.routes() == insiders);
    CHECK(scene.decide().next.step == 1);
    scene.seen.split->side_routes = insiders;
    scene.seen.split->is_settled = false;
    CHECK(scene.decide().next.step == 1);
    CHECK(scene.decide().next.waiting_for == "the data plane to confirm route insiders");
    scene.seen.split->is_settled = true;
    CHECK(scene.decide().next.step == 2);
    CHECK_FALSE(scene.routes());
}

TEST_CASE("a side route leads to pods that are there, through the service that selects them") {
    Scene scene;
    SUBCASE("no pods") {
        scene.seen.revisions[1].available = 0;
    }
    SUBCASE("pods of another size") {
        scene.seen.revisions[1].is_settled = false;
    }
    SUBCASE("a service that leads elsewhere") {
        scene.seen.candidate_service.revision = "v1";
    }
    CHECK_FALSE(scene.routes());
    CHECK(scene.decide().next.step == 1);
}

TEST_CASE("where a step wants no pods there is nobody to send to, and nothing to wait for") {
    Scene scene;
    scene.release.plan.steps[0] = Provision{.replicas = 0};
    scene.seen.revisions[1] = revision("v2", 2, 0);
    CHECK_FALSE(scene.routes());
    CHECK(scene.decide().next.step == 2);
}

TEST_CASE("side routes last over later steps, are replaced by name and end by a step") {
    Scene scene;
    scene.release.plan.steps = {
        Provision{.replicas = 2},
        SetSideRoute{.name = "insiders", .step = 1},
        SetSideRoute{.name = "shadow", .step = 2},
        SetSideRoute{.name = "insiders", .step = 3},
        SetSideRoute{.name = "shadow", .step = 4, .removes = true},
        Pause{}};
    const auto at = [&](int step) {
        scene.release.state.step = step;
        return scene.routes();
    };
    CHECK(at(2) == Routes{{"insiders", 1}, {"shadow", 2}});
    CHECK(at(3) == Routes{{"insiders", 3}, {"shadow", 2}});
    CHECK(at(4) == Routes{{"insiders", 3}});
    CHECK(at(5) == Routes{{"insiders", 3}});
    // Somebody changed the rule.
    scene.seen.split->side_routes = {{"insiders", -1}};
    CHECK(at(5) == Routes{{"insiders", 3}});
}

TEST_CASE("side routes end with an abort, a promotion, a wish to skip and the last pod") {
    Scene scene;
    scene.seen.split->side_routes = insiders;
    scene.release.state.step = 2;
    CHECK_FALSE(scene.routes());
    SUBCASE("abort") {
        scene.release.state.is_aborted = true;
    }
    SUBCASE("promotion") {
        scene.release.state.stable = "v2";
    }
    SUBCASE("promote --full") {
        scene.release.state.skips_steps = true;
    }
    SUBCASE("no pods") {
        scene.seen.revisions[1].available = 0;
    }
    CHECK(scene.routes() == Routes{});
    // Before all else.
    CHECK(std::holds_alternative<SetSideRoutes>(scene.decide().actions.front()));
}

TEST_CASE("pods that requests reach by a side route stay until that is seen to end") {
    Scene scene;
    scene.seen.split->side_routes = insiders;
    scene.release.state.is_aborted = true;
    scene.release.state.aborted_at = scene.seen.at;
    scene.release.plan.routing->abort_retire_delay = 0s;
    scene.release.plan.steps.erase(scene.release.plan.steps.begin());
    const auto is_scaled = [&] {
        const Decision decision = scene.decide();
        return std::ranges::any_of(decision.actions, [](const Action& action) {
            return std::holds_alternative<Scale>(action);
        });
    };
    CHECK_FALSE(is_scaled());
    scene.seen.split->side_routes.clear();
    CHECK(is_scaled());
}

TEST_CASE("a newer revision takes over the service when no side route leads there") {
    Scene scene;
    scene.seen.wanted = "v3";
    scene.release.state.candidate = "v3";
    scene.seen.revisions.push_back(revision("v3", 3, 2));
    scene.seen.split->side_routes = insiders;
    const auto is_pointed = [&] {
        const Decision decision = scene.decide();
        return std::ranges::any_of(decision.actions, [](const Action& action) {
            return std::holds_alternative<PointService>(action);
        });
    };
    CHECK(scene.routes() == Routes{});
    CHECK_FALSE(is_pointed());
    scene.seen.split->side_routes.clear();
    CHECK(is_pointed());
}
