#include "engine/decide.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>

using namespace serin;
using namespace std::chrono_literals;

namespace {

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
        .sized_for = 3,
    };
}

// v2 has all traffic and all steps behind it; the stable service is the second one.
struct Scene {
    Scene() {
        release.name = "shop";
        release.plan.steps = {Expose{50}};
        release.plan.steps_digest = "steps";
        release.plan.routing = Routing{.retire_delay = 30s, .alternates = true};
        release.plan.has_stable_service = true;
        release.plan.has_candidate_service = true;
        release.state.candidate = "v2";
        release.state.stable = "v1";
        release.state.steps_digest = "steps";
        release.state.step = 1;
        seen.at = Instant{} + 1h;
        seen.replicas = 3;
        seen.wanted = "v2";
        seen.revisions = {revision("v1", 1, 3), revision("v2", 2, 3)};
        seen.split =
            SplitSeen{.written = {100, 100}, .in_force = Split{100, 100}, .is_settled = true};
        seen.stable_service = {"v1", true};
        seen.candidate_service = {"v2", true};
    }

    Decision decide() const { return engine::decide(release, seen); }

    template <class Kind>
    bool asks_for() const {
        const Decision decision = decide();
        return std::ranges::any_of(decision.actions, [](const Action& action) {
            return std::holds_alternative<Kind>(action);
        });
    }

    // As the services are seen with the roles that the promotion gave them.
    void swap() {
        release.state = decide().next;
        std::swap(seen.stable_service, seen.candidate_service);
        seen.split = SplitSeen{.in_force = Split{}, .is_settled = true};
    }

    Release release;
    Observation seen;
};

}  // namespace

TEST_CASE("at a promotion services swap roles, and no weight and no selector moves") {
    Scene scene;
    const Decision decision = scene.decide();
    CHECK(decision.next.stable == "v2");
    CHECK(decision.next.is_first_stable);
    CHECK_FALSE(scene.asks_for<SetSplit>());
    CHECK_FALSE(scene.asks_for<PointService>());
    CHECK(decision.wake_at == scene.seen.at);

    scene.swap();
    CHECK_FALSE(scene.asks_for<SetSplit>());
    CHECK_FALSE(scene.asks_for<PointService>());
    CHECK(scene.asks_for<SetRetireAt>());  // v1 is out of traffic.
    CHECK(scene.decide().next.is_first_stable);
}

TEST_CASE("the next candidate takes the service that was the stable one before") {
    Scene scene;
    scene.swap();
    scene.release.state.candidate = "v3";
    scene.release.state.step = 0;
    scene.seen.wanted = "v3";
    scene.seen.revisions.push_back(revision("v3", 3, 2));
    bool is_pointed = false;
    const Decision decision = scene.decide();
    for (const Action& action : decision.actions) {
        const auto* point = std::get_if<PointService>(&action);
        if (!point) continue;
        is_pointed = true;
        CHECK(point->service == ServiceRole::candidate);
        CHECK(point->revision == "v3");
    }
    CHECK(is_pointed);
}

TEST_CASE("an aborted candidate keeps its service, without weight") {
    Scene scene;
    scene.release.state.step = 0;
    scene.release.state.is_aborted = true;
    scene.release.state.aborted_at = scene.seen.at;
    CHECK(scene.asks_for<SetSplit>());
    scene.seen.split = SplitSeen{.in_force = Split{}, .is_settled = true};
    CHECK_FALSE(scene.asks_for<PointService>());
    CHECK_FALSE(scene.decide().next.is_first_stable);
}
