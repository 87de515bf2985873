#include "engine/decide.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

// Releases without steps and router beyond rolling: recreating, held in mid-move, handing over.

using namespace serin;
using namespace std::chrono_literals;

namespace {

constexpr Instant t0{};

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
        .sized_for = 4,
    };
}

struct Scene {
    Scene() {
        release.name = "shop";
        release.state.candidate = "v2";
        release.state.stable = "v1";
        seen.at = t0 + 1h;
        seen.replicas = 4;
        seen.wanted = "v2";
        seen.revisions = {revision("v1", 1, 4), revision("v2", 2, 0)};
    }
    Decision decide() const { return engine::decide(release, seen); }

    Release release;
    Observation seen;
};

int size(const Decision& decision, const std::string& revision) {
    for (const Action& action : decision.actions) {
        const auto* scale = std::get_if<Scale>(&action);
        if (scale && scale->revision == revision) return scale->replicas;
    }
    return -1;
}

int source_size(const Decision& decision) {
    for (const Action& action : decision.actions) {
        if (const auto* scale = std::get_if<ScaleSource>(&action)) return scale->replicas;
    }
    return -1;
}

}  // namespace

TEST_CASE("recreating starts nothing while an old replica is there, asked to go or not") {
    Scene scene;
    scene.release.plan.recreates = true;
    CHECK(size(scene.decide(), "v1") == 0);
    CHECK(size(scene.decide(), "v2") == -1);

    RevisionSeen& old = scene.seen.revisions[0];
    old.desired = 0;
    old.available = 0;
    SUBCASE("still ending") {
        old.current = 1;
        CHECK(size(scene.decide(), "v2") == -1);
        CHECK_FALSE(scene.decide().next.waiting_for.empty());
    }
    SUBCASE("not counted since") {
        old.current = 0;
        old.is_settled = false;
        CHECK(size(scene.decide(), "v2") == -1);
    }
    SUBCASE("gone") {
        old.current = 0;
        CHECK(size(scene.decide(), "v2") == 4);
    }
}

TEST_CASE("while held, sizes move only where holding allows it") {
    Scene scene;
    scene.release.plan.is_held = true;
    scene.seen.revisions[1] = revision("v2", 2, 4);
    scene.seen.replicas = 8;
    CHECK(size(scene.decide(), "v1") == -1);

    scene.release.plan.scales_while_held = true;
    scene.release.plan.surge = {2, false};
    const Decision decision = scene.decide();
    CHECK(size(decision, "v1") == 5);
    CHECK(size(decision, "v2") == 5);
}

TEST_CASE("made smaller while held in mid-move, what serves stays and what never got ready goes") {
    struct Row {
        std::string what;
        int replicas;
        int old_desired, old_available, new_desired, new_available;
        int old_size, new_size;
    };
    // Of 4 replicas with a surge of 1 and one that may be missing.
    const std::vector<Row> rows{
        {"the last copy is the smaller part", 1, 1, 1, 4, 0, 1, 1},
        {"all that are needed serve on", 4, 4, 4, 6, 0, 3, 2},
        {"who serves is as many as wanted on either side", 4, 5, 5, 5, 5, 3, 2},
        {"nobody serves, so nobody is kept", 1, 1, 0, 4, 0, 0, 2},
        {"nobody is wanted", 0, 1, 1, 4, 0, 0, 0},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        Scene scene;
        scene.release.plan.is_held = true;
        scene.release.plan.scales_while_held = true;
        scene.release.plan.surge = {1, false};
        scene.release.plan.unavailable = {1, false};
        scene.seen.revisions = {
            revision("v1", 1, row.old_desired), revision("v2", 2, row.new_desired)};
        scene.seen.revisions[0].available = row.old_available;
        scene.seen.revisions[1].available = row.new_available;
        for (RevisionSeen& one : scene.seen.revisions) one.sized_for = 9;
        scene.seen.replicas = row.replicas;
        CHECK(size(scene.decide(), "v1") == row.old_size);
        CHECK(size(scene.decide(), "v2") == row.new_size);
        scene.seen.revisions[0].is_settled = false;
        CHECK(size(scene.decide(), "v1") == -1);
    }
}

TEST_CASE("recreating waits for the old replicas also while a person holds the release") {
    Scene scene;
    scene.release.plan.recreates = true;
    scene.release.plan.is_held = true;
    scene.release.plan.scales_while_held = true;
    RevisionSeen& old = scene.seen.revisions[0];
    old.desired = 0;
    CHECK(size(scene.decide(), "v2") == -1);
    old.current = old.ready = old.available = 0;
    CHECK(size(scene.decide(), "v2") == 4);
}

TEST_CASE("an abort takes users back although sizes are held") {
    Scene scene;
    scene.release.plan.is_held = true;
    scene.release.state.is_aborted = true;
    scene.release.state.aborted_at = scene.seen.at;
    SUBCASE("without a router by replicas, which are all there is to it") {
        scene.seen.revisions = {revision("v1", 1, 2), revision("v2", 2, 2), revision("v0", 0, 1)};
        scene.release.plan.surge = {0, false};
        scene.release.plan.unavailable = {1, false};
        for (int turn = 0; turn < 10; ++turn) {
            const Decision decision = scene.decide();
            scene.release.state = decision.next;
            for (RevisionSeen& one : scene.seen.revisions) {
                const int wanted = size(decision, one.id);
                if (wanted >= 0) one.desired = one.current = one.ready = one.available = wanted;
            }
        }
        CHECK(scene.seen.revisions[0].desired == 4);
        CHECK(scene.seen.revisions[1].desired == 0);
        CHECK(scene.seen.revisions[2].desired == 0);
    }
    SUBCASE("with a router also to a stable side that was held at fewer than are wanted now") {
        scene.release.plan.routing = Routing{};
        scene.release.plan.has_stable_service = true;
        scene.release.plan.has_candidate_service = true;
        scene.seen.stable_service = {"v1", true};
        scene.seen.candidate_service = {"v2", true};
        scene.seen.split =
            SplitSeen{.written = {60, 100}, .in_force = Split{60, 100}, .is_settled = true};
        scene.seen.revisions = {revision("v1", 1, 4), revision("v2", 2, 3)};
        scene.seen.replicas = 8;
        CHECK(size(scene.decide(), "v1") == 8);
        CHECK(size(scene.decide(), "v2") == -1);
    }
}

TEST_CASE("the workload with the template goes only as replicas of the release come") {
    Scene scene;
    scene.release.state.candidate = "v1";
    scene.release.state.stable = "v1";
    scene.seen.wanted = "v1";
    scene.seen.revisions = {revision("v1", 1, 4)};
    scene.seen.source_replicas = 4;
    CHECK(source_size(scene.decide()) == -1);

    SUBCASE("when healthy") {
        scene.release.plan.handover = Handover::when_healthy;
        CHECK(source_size(scene.decide()) == 0);
        scene.seen.revisions[0].available = 3;
        CHECK(source_size(scene.decide()) == -1);
    }
    SUBCASE("progressively") {
        scene.release.plan.handover = Handover::progressively;
        scene.seen.revisions[0].available = 3;
        CHECK(source_size(scene.decide()) == 1);
        scene.seen.source_replicas = 0;  // Replicas were lost in mid-way: it helps out.
        CHECK(source_size(scene.decide()) == 1);
        scene.seen.revisions[0].is_settled = false;
        CHECK(source_size(scene.decide()) == -1);
    }
    SUBCASE("not before its service leads to the release") {
        scene.release.plan.handover = Handover::when_healthy;
        scene.release.plan.has_stable_service = true;
        CHECK(source_size(scene.decide()) == -1);
        scene.seen.stable_service = {"v1", true};
        CHECK(source_size(scene.decide()) == 0);
    }
}
