#include "engine/invariants.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace serin;

namespace {

// v2 is to get 50 % of ten replicas' traffic and has what `candidate` says.
struct Scene {
    explicit Scene(RevisionSeen candidate) {
        release.plan.routing = Routing{};
        release.plan.steps = {Provision{.replicas = 2}, Expose{50}};
        decision.next.candidate = "v2";
        decision.next.stable = "v1";
        decision.next.step = 1;
        decision.next.waiting_for = "the data plane";
        decision.actions = {SetSplit{{50, 100}}};
        seen.replicas = 10;
        seen.split = SplitSeen{.written = {0, 100}, .in_force = Split{}, .is_settled = true};
        seen.revisions = {{.id = "v1", .desired = 10, .available = 10}, std::move(candidate)};
        seen.candidate_service = {"v2", true};
    }

    std::vector<std::string> broken() const {
        return engine::broken_invariants(release, seen, decision);
    }

    Release release{.name = "shop"};
    Observation seen;
    Decision decision;
};

}  // namespace

TEST_CASE("weight on fewer replicas than carry it is refused, unless a person provisioned so") {
    Scene scene({.id = "v2", .desired = 2, .available = 2});
    CHECK(scene.broken().empty());
    scene.seen.revisions[1].available = 1;
    CHECK(
        scene.broken() == std::vector<std::string>{"I1 capacity: weight 0 to 50 with 1 replicas"});

    scene.seen.revisions[1].available = 2;
    SUBCASE("no provision") {
        scene.release.plan.steps = {Expose{50}};
        scene.decision.next.step = 0;
    }
    SUBCASE("one that was taken back") {
        scene.release.plan.steps = {Provision{.replicas = 2}, Provision{}, Expose{50}};
        scene.decision.next.step = 2;
    }
    SUBCASE("all steps done") {
        scene.decision.next.step = 2;
    }
    CHECK(
        scene.broken() == std::vector<std::string>{"I1 capacity: weight 0 to 50 with 2 replicas"});
}

TEST_CASE("weight on replicas counted before their number changed is refused") {
    const Scene scene({.id = "v2", .desired = 5, .available = 5, .is_settled = false});
    CHECK(
        scene.broken() ==
        std::vector<std::string>{"I1 capacity: weight 0 to 50 on a count of another size"});
}

TEST_CASE("replicas that a weight on its way may reach are not taken away") {
    Scene scene({.id = "v2", .desired = 8, .available = 8});
    scene.decision.actions = {Scale{.revision = "v2", .replicas = 6, .sized_for = 10}};
    scene.seen.candidate_service.revision = "v1";
    CHECK(scene.broken().empty());
    scene.seen.split->is_settled = false;
    CHECK(
        scene.broken() ==
        std::vector<std::string>{"I8 order: before traffic settles, revision v2 to 6 replicas"});
}
