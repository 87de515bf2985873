#include "engine/decide.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

using namespace serin;
using namespace std::chrono_literals;

namespace {

// A canary at 20 %, with two of ten replicas, and a stable side at full size.
struct Scene {
    Scene() {
        release.name = "shop";
        release.plan.steps = {Expose{20}, Pause{}, Expose{50}, Pause{}};
        release.plan.steps_digest = "steps";
        release.plan.surge = {1, false};
        release.plan.unavailable = {0, false};
        release.plan.routing = Routing{.retire_delay = 0s};
        release.plan.has_stable_service = true;
        release.plan.has_candidate_service = true;
        release.state.candidate = "v2";
        release.state.stable = "v1";
        release.state.steps_digest = "steps";
        release.state.step = 1;
        seen.at = Instant{} + 1h;
        seen.replicas = 10;
        seen.wanted = "v2";
        seen.stable_service = {"v1", true};
        seen.candidate_service = {"v2", true};
        seen.split =
            SplitSeen{.written = {20, 100}, .in_force = Split{20, 100}, .is_settled = true};
        seen.revisions = {revision("v1", 1, 10), revision("v2", 2, 2)};
    }

    static RevisionSeen revision(const std::string& id, int number, int replicas) {
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

    RevisionSeen& candidate() { return seen.revisions[1]; }

    void have(int stable, int canary) {
        seen.revisions[0].ready = seen.revisions[0].available = stable;
        candidate().ready = candidate().available = canary;
    }

    // A turn: sizes that are asked for are noted, but no replica comes or goes. The weight after
    // it.
    int turn() {
        const Decision decision = engine::decide(release, seen);
        release.state = decision.next;
        for (const Action& action : decision.actions) {
            if (const auto* scale = std::get_if<Scale>(&action)) {
                RevisionSeen& one = seen.revisions[scale->revision == "v2" ? 1 : 0];
                one.desired = one.current = scale->replicas;
                one.sized_for = scale->sized_for;
            } else if (const auto* split = std::get_if<SetSplit>(&action)) {
                seen.split->written = split->split;
                seen.split->in_force = split->split;
            }
        }
        return seen.split->written.candidate;
    }

    Release release;
    Observation seen;
};

}  // namespace

TEST_CASE("a release that is scaled up keeps its weight while the replicas come") {
    Scene scene;
    REQUIRE(scene.turn() == 20);
    scene.seen.replicas = 20;
    CHECK(scene.turn() == 20);
    CHECK(scene.candidate().desired == 4);
    CHECK(scene.seen.revisions[0].desired == 20);
    // In whatever order.
    scene.have(15, 2);
    CHECK(scene.turn() == 20);
    scene.have(20, 3);
    CHECK(scene.turn() == 20);
    // Again, before the first is done, and back.
    scene.seen.replicas = 40;
    CHECK(scene.turn() == 20);
    CHECK(scene.candidate().desired == 8);
    scene.seen.replicas = 20;
    CHECK(scene.turn() == 20);
    CHECK(scene.candidate().desired == 4);
    CHECK(scene.release.state.step == 1);

    scene.have(20, 4);
    CHECK(scene.turn() == 20);
    CHECK(scene.candidate().sized_for == 20);
    // From then on a replica that is lost is a loss.
    scene.have(20, 3);
    CHECK(scene.turn() == 15);
}

TEST_CASE("a least number of replicas that came with the larger size takes no weight either") {
    Scene scene;
    scene.release.plan.routing->replicas_min = 3;
    scene.seen.replicas = 2;
    scene.seen.revisions = {Scene::revision("v1", 1, 2), Scene::revision("v2", 2, 2)};
    for (RevisionSeen& one : scene.seen.revisions) one.sized_for = 2;
    REQUIRE(scene.turn() == 20);
    scene.seen.replicas = 5;
    CHECK(scene.turn() == 20);
    CHECK(scene.candidate().desired == 3);
}

TEST_CASE("what is lost while a release is scaled up is a loss") {
    Scene scene;
    scene.seen.replicas = 20;
    REQUIRE(scene.turn() == 20);
    scene.have(20, 1);
    CHECK(scene.turn() == 5);
}

TEST_CASE("a release scaled up after its last step keeps all traffic where it is") {
    Scene scene;
    scene.release.state.step = 4;
    scene.seen.split =
        SplitSeen{.written = {100, 100}, .in_force = Split{100, 100}, .is_settled = true};
    scene.candidate() = Scene::revision("v2", 2, 10);
    scene.seen.revisions[0].available = 9;  // Keeps it from being over.
    scene.seen.replicas = 20;
    CHECK(scene.turn() == 100);
    scene.have(14, 12);
    CHECK(scene.turn() == 100);
}

TEST_CASE("a scale-up raises no weight before its replicas are there") {
    Scene scene;
    scene.seen.replicas = 20;
    REQUIRE(scene.turn() == 20);
    scene.release.state.step = 2;
    CHECK(scene.turn() == 20);
    CHECK(scene.candidate().desired == 10);
    scene.have(20, 9);
    CHECK(scene.turn() == 20);
    CHECK(scene.candidate().sized_for == 20);
}

TEST_CASE("an abort does not wait for the replicas of a larger size") {
    Scene scene;
    REQUIRE(scene.turn() == 20);
    scene.seen.replicas = 20;
    REQUIRE(scene.turn() == 20);
    // The cluster has no room: none of them comes. The ten carried everybody before the release.
    scene.release.state.is_aborted = true;
    CHECK(scene.turn() == 0);
    CHECK(scene.seen.revisions[0].desired == 20);
}

TEST_CASE(
    "an abort leaves with the candidate what a stable side that has lost replicas cannot carry") {
    Scene scene;
    scene.seen.replicas = 20;
    REQUIRE(scene.turn() == 20);
    scene.have(9, 2);
    scene.release.state.is_aborted = true;
    CHECK(scene.turn() == 10);
    scene.have(10, 2);
    CHECK(scene.turn() == 0);
}

TEST_CASE("once a larger size was there, the stable side is held to it") {
    Scene scene;
    scene.seen.replicas = 20;
    REQUIRE(scene.turn() == 20);
    CHECK(scene.seen.revisions[0].sized_for == 10);
    scene.have(20, 4);
    REQUIRE(scene.turn() == 20);
    CHECK(scene.seen.revisions[0].sized_for == 20);
    scene.have(18, 4);
    scene.release.state.is_aborted = true;
    CHECK(scene.turn() == 10);
}
