#include "engine/decide.h"
#include "engine/replicas.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

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
        .sized_for = 10,
    };
}

SplitSeen settled(int weight) {
    return {.written = {weight, 100}, .in_force = Split{weight, 100}, .is_settled = true};
}

// Ten replicas between v1 and v2 through 10, 20 and 40 %, the stable side no larger than it must.
struct Scene {
    Scene() {
        release.name = "shop";
        release.plan.steps = {Expose{10}, Pause{}, Expose{20}, Pause{}, Expose{40}, Pause{}};
        release.plan.steps_digest = "steps";
        release.plan.surge = {1, false};
        release.plan.unavailable = {0, false};
        release.plan.routing = Routing{.retire_delay = 0s, .scales_stable = true};
        release.plan.has_stable_service = true;
        release.plan.has_candidate_service = true;
        release.state.candidate = "v2";
        release.state.stable = "v1";
        release.state.steps_digest = "steps";
        seen.at = Instant{} + 1h;
        seen.replicas = 10;
        seen.wanted = "v2";
        seen.stable_service = {"v1", true};
        seen.candidate_service = {"v2", true};
    }

    // At a step, with a weight in force and so many replicas.
    Scene& stand(int step, int weight, int candidate, int stable) {
        release.state.step = step;
        seen.split = settled(weight);
        seen.revisions = {revision("v1", 1, stable), revision("v2", 2, candidate)};
        return *this;
    }

    Decision decide() const { return engine::decide(release, seen); }

    // "4/8": what the two are to have.
    std::string sizes() const {
        std::vector<int> sizes{seen.revisions[1].desired, seen.revisions[0].desired};
        for (const Action& action : decide().actions) {
            const auto* scale = std::get_if<Scale>(&action);
            if (scale) sizes[scale->revision == "v2" ? 0 : 1] = scale->replicas;
        }
        return std::to_string(sizes[0]) + "/" + std::to_string(sizes[1]);
    }

    std::optional<int> weight() const {
        for (const Action& action : decide().actions) {
            if (const auto* split = std::get_if<SetSplit>(&action)) return split->split.candidate;
        }
        return std::nullopt;
    }

    // Everything asked for comes about: "4/8 20, 4/6 40": sizes and weight after each turn.
    std::string play(int turns) {
        std::string text;
        std::string last;
        for (int i = 0; i < turns; ++i) {
            const Decision decision = decide();
            release.state = decision.next;
            for (const Action& action : decision.actions) {
                if (const auto* scale = std::get_if<Scale>(&action)) {
                    RevisionSeen& one = seen.revisions[scale->revision == "v2" ? 1 : 0];
                    one.desired = one.current = one.ready = one.available = scale->replicas;
                } else if (const auto* split = std::get_if<SetSplit>(&action)) {
                    seen.split = settled(split->split.candidate);
                } else if (const auto* service = std::get_if<PointService>(&action)) {
                    (service->service == ServiceRole::stable
                         ? seen.stable_service
                         : seen.candidate_service) = {service->revision, true};
                }
            }
            const std::string now = std::to_string(seen.revisions[1].desired) + "/" +
                                    std::to_string(seen.revisions[0].desired) + " " +
                                    std::to_string(seen.split->written.candidate);
            if (now != last) text += (text.empty() ? "" : ", ") + now;
            last = now;
        }
        return text;
    }

    Release release;
    Observation seen;
};

}  // namespace

TEST_CASE("the stable side keeps what its weight needs, one turn after the weight") {
    Scene scene;
    CHECK(scene.stand(4, 20, 2, 8).sizes() == "4/8");
    CHECK(scene.stand(4, 40, 4, 8).sizes() == "4/6");
    CHECK(scene.stand(6, 40, 4, 6).sizes() == "10/6");
    CHECK(scene.stand(2, 10, 1, 9).sizes() == "2/9");
    // Nothing goes while a weight may still come back.
    scene.stand(4, 40, 4, 8).seen.split->is_settled = false;
    CHECK(scene.sizes() == "4/8");
    // Nor where nobody is left to carry the other share.
    scene.stand(4, 40, 4, 8).seen.revisions[1].available = 0;
    CHECK(scene.sizes() == "4/10");
}

TEST_CASE("without it the stable side stays complete") {
    Scene scene;
    scene.release.plan.routing->scales_stable = false;
    CHECK(scene.stand(4, 40, 4, 10).sizes() == "4/10");
    scene.seen.replicas = 3;
    scene.release.plan.steps[4] = Expose{50};
    CHECK(scene.stand(4, 0, 0, 3).sizes() == "2/3");
    scene.seen.replicas = 10;
    scene.release.plan.routing->replicas_min = 2;
    CHECK(scene.stand(0, 0, 0, 10).sizes() == "2/10");
}

TEST_CASE("an aborted candidate leaves through the weights of the steps") {
    Scene scene;
    scene.release.state.is_aborted = true;
    scene.release.state.aborted_at = scene.seen.at;
    CHECK(scene.stand(0, 20, 2, 8).sizes() == "2/9");
    CHECK_FALSE(scene.weight());
    CHECK(scene.stand(0, 20, 2, 9).weight() == 10);
    CHECK(scene.stand(0, 10, 1, 9).sizes() == "1/10");
    CHECK(scene.stand(0, 10, 1, 10).weight() == 0);
    CHECK(scene.stand(0, 0, 1, 10).sizes() == "0/10");
    CHECK(
        scene.stand(0, 40, 4, 6).play(20) ==
        "4/8 40, 4/8 20, 2/9 20, 2/9 10, 1/10 10, 1/10 0, 0/10 0");
}

TEST_CASE("a person who holds the release keeps no users with a candidate that is aborted") {
    Scene scene;
    scene.release.plan.is_held = true;
    CHECK(scene.stand(5, 40, 4, 6).play(20) == "4/6 40");
    scene.release.state.is_aborted = true;
    scene.release.state.aborted_at = scene.seen.at;
    // The candidate's replicas are held; those that its users need elsewhere are not.
    CHECK(scene.stand(0, 40, 4, 6).play(20) == "4/8 40, 4/8 20, 4/9 20, 4/9 10, 4/10 10, 4/10 0");
    scene.release.plan.is_held = false;
    CHECK(scene.play(20) == "0/10 0");
}

TEST_CASE("nor when the manifest goes back to the stable revision") {
    Scene scene;
    scene.release.plan.is_held = true;
    scene.stand(6, 40, 4, 6);
    scene.release.state.candidate = "v1";
    scene.seen.wanted = "v1";
    CHECK(scene.play(20) == "4/10 40, 4/10 0");
    // With everybody at home a hold is a hold.
    scene.seen.replicas = 12;
    CHECK(scene.play(20) == "4/10 0");
}

TEST_CASE("nor with one that a newer version has replaced") {
    Scene scene;
    scene.release.plan.is_held = true;
    scene.stand(5, 40, 4, 6);
    scene.seen.wanted = "v3";
    CHECK(scene.play(20) == "4/10 40, 4/10 0");
    // The newer one waits for the person, and nothing of the former is left to it.
    CHECK(scene.seen.candidate_service.revision == "v2");
    CHECK(scene.release.state.candidate == "v3");
    scene.release.plan.is_held = false;
    scene.seen.revisions.push_back(revision("v3", 3, 1));
    scene.play(1);
    CHECK(scene.seen.candidate_service.revision == "v3");
    CHECK(scene.seen.split->written.candidate == 0);
}

TEST_CASE("an aborted candidate that is kept for a while keeps its size") {
    Scene scene;
    scene.release.plan.routing->abort_retire_delay = 60s;
    scene.release.state.is_aborted = true;
    scene.release.state.aborted_at = scene.seen.at;
    CHECK(scene.stand(0, 0, 2, 10).sizes() == "2/10");
    scene.seen.revisions[1].retire_at = scene.seen.at;
    CHECK(scene.sizes() == "0/10");
}

TEST_CASE("after the last step the candidate grows, takes all and the stable side ends") {
    Scene scene;
    CHECK(scene.stand(6, 40, 4, 6).play(20) == "10/6 40, 10/6 100, 10/6 0, 10/0 0");
}

TEST_CASE("asked to skip the steps, the weight follows the candidate's replicas") {
    Scene scene;
    scene.release.state.skips_steps = true;
    scene.stand(6, 40, 10, 6).seen.revisions[1].available = 5;
    CHECK(scene.weight() == 50);
}

TEST_CASE("back at the stable revision, its service of the candidate waits for all replicas") {
    Scene scene;
    scene.stand(6, 40, 4, 6);
    scene.release.state.candidate = "v1";
    scene.seen.wanted = "v1";
    const Decision decision = scene.decide();
    for (const Action& action : decision.actions) {
        CHECK_FALSE(std::holds_alternative<PointService>(action));
    }
    CHECK(scene.sizes() == "4/10");
}

TEST_CASE("fewer replicas suffice where the plan says so") {
    Plan plan;
    CHECK(engine::enough_of(plan, 10) == 10);
    plan.enough = Amount{75, true};
    CHECK(engine::enough_of(plan, 10) == 8);
    CHECK(engine::enough_of(plan, 1) == 1);
    CHECK(engine::enough_of(plan, 0) == 0);
    plan.enough = Amount{3, false};
    CHECK(engine::enough_of(plan, 10) == 3);
    CHECK(engine::enough_of(plan, 2) == 2);
    plan.enough = Amount{0, true};
    CHECK(engine::enough_of(plan, 10) == 1);

    Scene scene;
    scene.release.plan.routing->scales_stable = false;
    scene.stand(4, 20, 4, 10).seen.revisions[1].available = 3;
    CHECK_FALSE(scene.weight());
    scene.release.plan.enough = Amount{75, true};
    CHECK(scene.weight() == 40);
    scene.stand(6, 100, 10, 10).seen.revisions[1].available = 7;
    CHECK(scene.decide().next.stable == "v1");
    scene.seen.revisions[1].available = 8;
    CHECK(scene.decide().next.stable == "v2");
}

TEST_CASE("no weight comes back on the strength of replicas that may just have gone") {
    Scene scene;
    scene.stand(4, 40, 4, 6);
    scene.release.state.is_aborted = true;
    scene.release.state.aborted_at = scene.seen.at;
    // Asked to grow again before its shrinking was counted: the count is still of ten.
    RevisionSeen& stable = scene.seen.revisions[0];
    stable.desired = stable.available = 10;
    stable.is_settled = false;
    CHECK(scene.weight() == std::nullopt);
    CHECK(scene.decide().next.exposure->candidate_weight == 40);
    stable.is_settled = true;
    CHECK(scene.decide().next.exposure->candidate_weight < 40);
}

TEST_CASE("old replicas stay until users are seen to have followed the stable service") {
    Scene scene;
    scene.stand(6, 0, 10, 10);
    scene.release.state.stable = "v2";
    scene.seen.stable_service = {"v2", true, {{"v1"}}, false};
    CHECK(scene.sizes() == "10/10");
    scene.seen.stable_service.is_settled = true;
    CHECK(scene.sizes() == "10/10");
    scene.seen.stable_service.in_force = {{"v2"}};
    CHECK(scene.sizes() == "10/0");
}
