#include "engine/decide.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>

using namespace serin;
using namespace std::chrono_literals;

namespace {

RevisionSeen revision(std::string id, int number, int desired, int available) {
    return {
        .id = id,
        .group = "shop-" + id,
        .number = number,
        .created = Instant{} + std::chrono::seconds(number),
        .desired = desired,
        .current = desired,
        .ready = available,
        .available = available,
        .sized_for = 10,
    };
}

// v2 became stable while nothing was wanted, and has no replica that serves. The stable service
// leads to v1 still.
struct Scene {
    Scene() {
        release.name = "shop";
        release.plan.steps = {Expose{20}, Pause{}};
        release.plan.steps_digest = "steps";
        release.plan.routing = Routing{};
        release.plan.has_stable_service = true;
        release.plan.has_candidate_service = true;
        release.state.candidate = "v2";
        release.state.stable = "v2";
        release.state.steps_digest = "steps";
        release.state.step = 2;
        seen.at = Instant{} + 1h;
        seen.replicas = 10;
        seen.revisions = {
            revision("v1", 1, 0, 0), revision("v2", 2, 10, 0), revision("v3", 3, 0, 0)};
        seen.split = SplitSeen{.written = {0, 100}, .in_force = Split{0, 100}, .is_settled = true};
        seen.stable_service = {"v1", true};
        seen.candidate_service = {"v1", true};
    }

    Decision decide() const { return engine::decide(release, seen); }

    Release release;
    Observation seen;
};

bool has_cause(const Decision& decision, const std::string& rule) {
    return std::ranges::find(decision.causes, rule, &Cause::rule) != decision.causes.end();
}

}  // namespace

TEST_CASE("whatever is wanted after a stable revision that served nobody is not held up by it") {
    Scene scene;
    std::string stable;
    SUBCASE("the revision that users are led to is wanted again: there are no steps back to it") {
        scene.seen.wanted = "v1";
        stable = "v1";
    }
    SUBCASE("another one is wanted and nobody serves: it is the first") {
        scene.seen.wanted = "v3";
        stable = "v3";
    }
    SUBCASE("another one is wanted and the former stable one serves: from that one, by steps") {
        scene.seen.wanted = "v3";
        scene.seen.revisions[0] = revision("v1", 1, 10, 10);
        stable = "v1";
    }
    const Decision decision = scene.decide();
    CHECK(has_cause(decision, "stable_unreached"));
    CHECK(decision.next.candidate == scene.seen.wanted);
    CHECK(decision.next.stable == stable);
    const bool is_grown = std::ranges::any_of(decision.actions, [&](const Action& action) {
        const auto* scale = std::get_if<Scale>(&action);
        return scale && scale->revision == scene.seen.wanted && scale->replicas > 0;
    });
    CHECK(is_grown);
    if (stable != scene.seen.wanted) CHECK(decision.next.step == 0);
}

// The controllers crashed after they wrote that v2 is the first revision, and before they made its
// replicas; by now the manifest says v3.
TEST_CASE("a stable revision that was never made gives way to what is wanted") {
    Scene scene;
    scene.seen.wanted = "v3";
    scene.seen.revisions = {revision("v3", 1, 10, 10)};
    scene.seen.stable_service.revision.clear();
    scene.seen.candidate_service.revision.clear();
    SUBCASE("before anybody meets it") {}
    SUBCASE("also when a person took it back: there is nothing to go back to") {
        scene.release.state.candidate = "v3";
        scene.release.state.is_aborted = true;
        scene.release.state.aborted_at = scene.seen.at - 1min;
    }
    const Decision decision = scene.decide();
    CHECK(has_cause(decision, "stable_unreached"));
    CHECK(decision.next.stable == "v3");
    CHECK_FALSE(decision.next.is_aborted);
}

TEST_CASE("a stable revision that is not seen, but that a service leads to, stays the stable one") {
    Scene scene;
    scene.seen.wanted = "v3";
    scene.seen.revisions = {revision("v1", 1, 10, 10), revision("v3", 3, 10, 10)};
    SUBCASE("the stable service") {
        scene.seen.stable_service.revision = "v2";
    }
    SUBCASE("the other one, by the weight with which it was promoted") {
        scene.seen.candidate_service.revision = "v2";
    }
    const Decision decision = scene.decide();
    CHECK_FALSE(has_cause(decision, "stable_unreached"));
    CHECK(decision.next.stable == "v2");
}

TEST_CASE("a stable revision that users are led to, or that can serve, stays the stable one") {
    Scene scene;
    scene.seen.wanted = "v3";
    SUBCASE("its replicas are all gone, but users are led to it") {
        scene.seen.stable_service.revision = "v2";
    }
    SUBCASE("its first replica has come") {
        scene.seen.revisions[1].available = 1;
    }
    SUBCASE("its replicas were counted before they were asked for") {
        scene.seen.revisions[1].is_settled = false;
    }
    SUBCASE("the weight leads users to replicas that are neither") {
        scene.seen.revisions.push_back(revision("v0", 0, 10, 10));
        scene.seen.candidate_service.revision = "v0";
    }
    SUBCASE("the candidate was taken back") {
        scene.release.state.candidate = "v3";
        scene.release.state.is_aborted = true;
        scene.release.state.aborted_at = scene.seen.at - 1min;
    }
    const Decision decision = scene.decide();
    CHECK_FALSE(has_cause(decision, "stable_unreached"));
    CHECK(decision.next.stable == "v2");
}

TEST_CASE("a delay of old replicas that is over hides no lack of progress") {
    Scene scene;
    scene.seen.wanted = "v2";
    scene.release.state.progress = {.kind = Progress::Kind::found, .at = scene.seen.at - 50min};
    scene.release.plan.progress_deadline = 10min;
    scene.seen.revisions[0] = revision("v1", 1, 10, 0);
    scene.seen.revisions[0].retire_at = scene.seen.at - 1s;
    scene.release.state.counts = scene.decide().next.counts;
    CHECK(scene.decide().next.progress.kind == Progress::Kind::timed_out);
    scene.seen.revisions[0].retire_at = scene.seen.at + 1s;
    CHECK(scene.decide().next.progress.kind == Progress::Kind::found);
}

TEST_CASE("when nothing is wanted, an old revision goes though the stable service leads to it") {
    Scene scene;
    scene.seen.wanted = "v2";
    scene.seen.replicas = 0;
    scene.seen.revisions = {revision("v1", 1, 10, 10), revision("v2", 2, 0, 0)};
    const Decision decision = scene.decide();
    const bool is_gone = std::ranges::any_of(decision.actions, [](const Action& action) {
        const auto* scale = std::get_if<Scale>(&action);
        return scale && scale->revision == "v1" && scale->replicas == 0;
    });
    CHECK(is_gone);
}

TEST_CASE("when nothing is wanted, a candidate goes with the weight that it has") {
    Scene scene;
    scene.release.state.candidate = "v3";
    scene.release.state.step = 0;
    scene.seen.wanted = "v3";
    scene.seen.replicas = 0;
    scene.seen.revisions = {revision("v2", 2, 0, 0), revision("v3", 3, 2, 2)};
    scene.seen.stable_service.revision = "v2";
    scene.seen.candidate_service.revision = "v3";
    scene.seen.split = SplitSeen{.written = {20, 100}, .in_force = Split{20, 100}};
    const Decision decision = scene.decide();
    const bool is_gone = std::ranges::any_of(decision.actions, [](const Action& action) {
        const auto* scale = std::get_if<Scale>(&action);
        return scale && scale->revision == "v3" && scale->replicas == 0;
    });
    CHECK(is_gone);
}

TEST_CASE("when nothing is wanted, a blue-green release waits for nobody to be served") {
    Scene scene;
    scene.seen.wanted = "v2";
    scene.seen.replicas = 0;
    scene.release.plan.routing.reset();
    scene.release.plan.steps.clear();
    scene.release.state.step.reset();
    scene.release.plan.flip = Flip{};
    scene.release.state.progress = {.kind = Progress::Kind::advancing, .at = scene.seen.at - 1h};
    scene.seen.revisions = {revision("v2", 2, 0, 0)};
    scene.seen.stable_service.revision = "v2";
    scene.seen.stable_service.in_force.emplace();
    scene.seen.stable_service.is_settled = true;
    CHECK(scene.decide().next.progress.kind == Progress::Kind::arrived);
    CHECK(scene.decide().next.waiting_for.empty());
}
