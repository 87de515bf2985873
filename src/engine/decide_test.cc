#include "engine/decide.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using namespace serin;
using namespace std::chrono_literals;

namespace {

constexpr Instant t0{};  // Tests count from zero; none reads a real clock.

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
        .sized_for = 10,
    };
}

SplitSeen settled(int weight) {
    return {.written = {weight, 100}, .in_force = Split{weight, 100}, .is_settled = true};
}

// A release from v1 to v2 at 20 %, at its first step, all in order.
struct Scene {
    Scene() {
        release.name = "shop";
        release.plan.steps = {Expose{20}, Pause{}, Expose{50}};
        release.plan.steps_digest = "steps";
        release.plan.routing = Routing{};
        release.plan.has_stable_service = true;
        release.plan.has_candidate_service = true;
        release.state.candidate = "v2";
        release.state.stable = "v1";
        release.state.steps_digest = "steps";
        release.state.step = 0;
        seen.at = t0 + 1h;
        seen.replicas = 10;
        seen.wanted = "v2";
        seen.revisions = {revision("v1", 1, 10), revision("v2", 2, 2)};
        seen.split = settled(20);
        seen.stable_service = {"v1", true};
        seen.candidate_service = {"v2", true};
    }

    Decision decide() const { return engine::decide(release, seen); }
    RevisionSeen& stable() { return seen.revisions[0]; }
    RevisionSeen& candidate() { return seen.revisions[1]; }

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

// The weight asked for; -1 when it stays.
int weight(const Decision& decision) {
    const auto splits = all<SetSplit>(decision);
    return splits.empty() ? -1 : splits.front().split.candidate;
}

int size(const Decision& decision, const std::string& revision) {
    for (const Scale& scale : all<Scale>(decision)) {
        if (scale.revision == revision) return scale.replicas;
    }
    return -1;
}

}  // namespace

TEST_CASE("a weight that waits for the stable side says so") {
    Scene scene;
    scene.seen.split = settled(0);
    scene.stable().available = 7;
    CHECK(
        scene.decide().next.waiting_for ==
        "available replicas of the stable revision for its share beside weight 20");
    scene.stable().available = 8;
    CHECK(scene.decide().next.waiting_for == "the data plane to confirm weight 20");
    scene.seen.stable_service.revision = "v0";
    CHECK(scene.decide().next.waiting_for == "the stable service to select revision v1");
}

TEST_CASE("a step ends when replicas and weight are seen, not when they were asked for") {
    Scene scene;
    CHECK(scene.decide().next.step == 1);

    SUBCASE("written but not confirmed") {
        scene.seen.split->is_settled = false;
    }
    SUBCASE("another weight in force") {
        scene.seen.split->in_force = Split{0, 100};
    }
    SUBCASE("a replica missing") {
        scene.candidate().available = 1;
    }
    SUBCASE("the data plane out of sight") {
        scene.seen.split.reset();
    }
    SUBCASE("replicas counted before the size last changed") {
        scene.candidate().is_settled = false;
    }
    const Decision decision = scene.decide();
    CHECK(decision.next.step == 0);
    CHECK_FALSE(decision.next.waiting_for.empty());
}

TEST_CASE("replicas come before weight, and weight goes before replicas") {
    Scene scene;
    scene.seen.split = settled(0);
    scene.candidate() = revision("v2", 2, 0);
    CHECK(size(scene.decide(), "v2") == 2);
    CHECK(weight(scene.decide()) == -1);

    scene.candidate() = revision("v2", 2, 2);
    CHECK(weight(scene.decide()) == 20);

    scene.release.plan.steps = {Expose{10}};
    scene.seen.split = settled(20);
    CHECK(weight(scene.decide()) == 10);
    CHECK(size(scene.decide(), "v2") == -1);
    scene.seen.split = settled(10);
    CHECK(size(scene.decide(), "v2") == 1);
}

TEST_CASE("a weight written and replaced before it was confirmed keeps its replicas") {
    Scene scene;  // From 20 to 100 and, as the steps were edited, back: 100 may still come.
    scene.candidate() = revision("v2", 2, 10);
    scene.seen.split->is_settled = false;
    CHECK(size(scene.decide(), "v2") == -1);
    scene.seen.split->is_settled = true;
    CHECK(size(scene.decide(), "v2") == 2);
}

TEST_CASE("an aborted release that begins again keeps replicas that a late weight may reach") {
    Scene scene;  // At 100 % before the abort; then its service was led back, and steps edited.
    scene.candidate() = revision("v2", 2, 10);
    scene.seen.split = settled(0);
    scene.seen.candidate_service.revision = "v1";
    scene.seen.split->is_settled = false;
    CHECK(size(scene.decide(), "v2") == -1);
    CHECK(scene.decide().next.waiting_for == "the data plane to settle before replicas go");
    scene.seen.split->is_settled = true;
    CHECK(size(scene.decide(), "v2") == 2);
}

TEST_CASE("a provision ends when the weight that it bears is in force") {
    Scene scene;
    scene.release.plan.steps = {Expose{20}, Provision{.replicas = 1}};
    scene.release.state.step = 1;
    scene.candidate() = revision("v2", 2, 1);
    scene.seen.split->is_settled = false;
    CHECK(scene.decide().next.step == 1);
    scene.seen.split->is_settled = true;
    CHECK(scene.decide().next.step == 2);
}

TEST_CASE("a candidate that loses replicas gives up weight with them") {
    Scene scene;
    scene.release.state.step = 1;
    scene.release.state.holds = {{HoldKind::pause_step, t0}};
    scene.release.state.is_holding = true;
    scene.candidate().available = 1;
    CHECK(weight(scene.decide()) == 10);
    scene.candidate().available = 0;
    CHECK(weight(scene.decide()) == 0);
}

TEST_CASE("counts from before the last change of size raise and move nothing, and take back all") {
    Scene scene;  // At 4, then 2, then 4 again: the four counted are two by now.
    scene.release.state.step = 3;
    scene.candidate() = revision("v2", 2, 10);
    scene.candidate().is_settled = false;
    CHECK(weight(scene.decide()) == -1);
    CHECK(scene.decide().next.waiting_for == "the replicas of revision v2 to be counted");

    scene.seen.candidate_service.revision = "v1";
    CHECK(all<PointService>(scene.decide()).empty());
    scene.seen.candidate_service.revision = "v2";

    scene.seen.split = settled(100);
    CHECK(scene.decide().next.stable == "v1");

    scene.release.state.is_aborted = true;
    CHECK(weight(scene.decide()) == 0);
}

TEST_CASE("an aborted candidate stays until the stable side is counted anew") {
    Scene scene;
    scene.release.state.is_aborted = true;
    scene.release.state.aborted_at = t0;
    scene.seen.split = settled(0);
    scene.stable().is_settled = false;
    CHECK(all<SetRetireAt>(scene.decide()).empty());
    CHECK(size(scene.decide(), "v2") == -1);
}

TEST_CASE(
    "an old revision leaves although the candidate's service leads to it, if with no weight") {
    Scene scene;  // v2 was replaced by v3, which never becomes available.
    scene.seen.wanted = "v3";
    scene.seen.revisions.push_back(revision("v3", 3, 2));
    scene.seen.revisions.back().available = 0;
    scene.release.state.candidate = "v3";
    scene.seen.split = settled(20);
    CHECK(size(scene.decide(), "v2") == -1);
    CHECK(weight(scene.decide()) == 0);
    scene.seen.split->written = {0, 100};
    scene.seen.split->is_settled = false;
    CHECK(size(scene.decide(), "v2") == -1);
    scene.seen.split = settled(0);
    CHECK(size(scene.decide(), "v2") == 0);
}

TEST_CASE("a revision whose service moved on with its weight stays for the retire delay") {
    Scene scene;  // v3 has v2's service, and nothing tells whether the data plane knows.
    scene.seen.wanted = "v3";
    scene.seen.revisions.push_back(revision("v3", 3, 2));
    scene.release.state.candidate = "v3";
    scene.seen.candidate_service.revision = "v3";
    CHECK(size(scene.decide(), "v2") == -1);
    CHECK(all<SetRetireAt>(scene.decide()).size() == 1);
    scene.seen.split = settled(10);  // A weight is written now: not even that.
    CHECK(all<SetRetireAt>(scene.decide()).empty());
}

TEST_CASE("the last copy shrinks to the size wanted, not further") {
    Scene scene;
    scene.release.state.candidate = "v1";
    scene.release.state.step = 3;
    scene.seen.wanted = "v1";
    scene.seen.revisions = {revision("v1", 1, 10)};
    scene.seen.split = settled(0);
    scene.seen.replicas = 4;
    CHECK(size(scene.decide(), "v1") == 4);
}

TEST_CASE("without a router, replicas that may come back go only where others serve") {
    Scene scene;  // v2 had all and is down when v3 is wanted.
    scene.release.plan.routing.reset();
    scene.release.plan.has_stable_service = false;
    scene.release.plan.has_candidate_service = false;
    scene.seen.wanted = "v3";
    scene.release.state.candidate = "v3";
    scene.seen.revisions = {revision("v1", 1, 0), revision("v2", 2, 10), revision("v3", 3, 0)};
    scene.candidate().available = 0;
    CHECK(size(scene.decide(), "v2") == 8);  // A quarter of ten, rounded down, may be missing.
    scene.candidate().desired = 8;
    CHECK(size(scene.decide(), "v2") == -1);
    CHECK(size(scene.decide(), "v1") == 5);  // Up to thirteen in all.
    scene.seen.revisions[2] = revision("v3", 3, 5);
    CHECK(size(scene.decide(), "v2") == 3);
    scene.seen.revisions[2].is_settled = false;
    scene.candidate() = revision("v2", 2, 8);
    CHECK(size(scene.decide(), "v2") == -1);
}

TEST_CASE("without a router, replicas that are ready go after those that never were") {
    Scene scene;  // v1 serves, v2 is about to again, v3 never did, when v4 is wanted.
    scene.release.plan.routing.reset();
    scene.release.plan.has_stable_service = false;
    scene.release.plan.has_candidate_service = false;
    scene.seen.wanted = "v4";
    scene.release.state.candidate = "v4";
    scene.seen.revisions = {
        revision("v1", 1, 6), revision("v2", 2, 2), revision("v3", 3, 5), revision("v4", 4, 0)};
    scene.candidate().available = 0;  // v2
    RevisionSeen& never = scene.seen.revisions[2];
    never.ready = never.available = 0;
    CHECK(size(scene.decide(), "v2") == -1);  // A quarter of ten, rounded down, may be missing.
    CHECK(size(scene.decide(), "v3") == 0);
    scene.candidate().ready = 1;
    CHECK(size(scene.decide(), "v2") == 1);
    CHECK(size(scene.decide(), "v3") == 1);
    scene.candidate().ready = 0;
    CHECK(size(scene.decide(), "v2") == 0);
    CHECK(size(scene.decide(), "v3") == 2);
}

TEST_CASE("weight is not raised while the stable side cannot carry the rest") {
    Scene scene;
    scene.seen.split = settled(0);
    scene.stable().available = 7;  // The rest, 80 %, needs 8.
    CHECK(weight(scene.decide()) == -1);
    scene.stable().available = 8;
    CHECK(weight(scene.decide()) == 20);
}

TEST_CASE("an abort goes to zero at once, but not onto a stable side that is down") {
    Scene scene;
    scene.release.state.is_aborted = true;
    CHECK(weight(scene.decide()) == 0);
    scene.stable().available = 8;  // Two of ten may be missing.
    CHECK(weight(scene.decide()) == 0);

    scene.seen.split = settled(50);
    scene.candidate() = revision("v2", 2, 5);
    scene.stable().available = 6;
    CHECK(weight(scene.decide()) == 40);
    scene.stable().available = 0;
    CHECK(weight(scene.decide()) == -1);
    scene.candidate().available = 0;
    CHECK(weight(scene.decide()) == 0);
}

TEST_CASE("an aborted candidate keeps its replicas until its traffic is seen gone, and a while") {
    Scene scene;
    scene.release.state.is_aborted = true;
    scene.release.state.aborted_at = t0;
    scene.seen.split->written = {0, 100};
    scene.seen.split->is_settled = false;
    CHECK(size(scene.decide(), "v2") == -1);
    CHECK(all<SetRetireAt>(scene.decide()).empty());

    scene.seen.split = settled(0);
    const auto marks = all<SetRetireAt>(scene.decide());
    REQUIRE(marks.size() == 1);
    CHECK(marks.front().at == scene.seen.at + 30s);

    scene.candidate().retire_at = marks.front().at;
    CHECK(scene.decide().wake_at == marks.front().at);
    scene.seen.at += 30s;
    CHECK(size(scene.decide(), "v2") == 0);
}

TEST_CASE("a pause ends at its instant and not before") {
    Scene scene;
    scene.release.plan.steps[1] = Pause{60s};
    scene.release.state.step = 1;
    scene.release.state.holds = {{HoldKind::pause_step, t0}};
    scene.release.state.is_holding = true;
    scene.seen.at = t0 + 59s;
    CHECK(scene.decide().next.step == 1);
    CHECK(scene.decide().wake_at == t0 + 60s);
    scene.seen.at = t0 + 60s;
    CHECK(scene.decide().next.step == 2);
    CHECK(scene.decide().next.holds.empty());
}

TEST_CASE("a hold that somebody took away is lifted; one that nobody set is set") {
    Scene scene;
    scene.release.state.step = 1;
    CHECK(scene.decide().next.is_holding);
    CHECK(scene.decide().next.holds.size() == 1);

    scene.release.state.is_holding = true;
    CHECK(scene.decide().next.step == 2);
    CHECK_FALSE(scene.decide().next.is_holding);
}

TEST_CASE("promotion waits for all traffic to be seen on the candidate") {
    Scene scene;
    scene.release.state.step = 3;
    scene.candidate() = revision("v2", 2, 10);
    scene.seen.split = settled(50);
    CHECK(weight(scene.decide()) == 100);
    CHECK(scene.decide().next.stable == "v1");

    scene.seen.split = settled(100);
    const Decision promoted = scene.decide();
    CHECK(promoted.next.stable == "v2");
    CHECK(weight(promoted) == -1);  // Not before the stable service leads to the candidate.
    CHECK(all<PointService>(promoted) == std::vector{PointService{ServiceRole::stable, "v2"}});

    scene.release.state = promoted.next;
    scene.seen.stable_service.revision = "v2";
    CHECK(weight(scene.decide()) == 0);
    CHECK(all<SetRetireAt>(scene.decide()).empty());
    scene.seen.split = settled(0);
    CHECK(all<SetRetireAt>(scene.decide()).size() == 1);
}

TEST_CASE("a change right after a promotion does not send traffic back to the old revision") {
    Scene scene;  // v1 was just left for v2, whose weight still is 100, and v3 is wanted already.
    scene.release.state.stable = "v2";
    scene.candidate() = revision("v2", 2, 10);
    scene.seen.split = settled(100);
    scene.seen.wanted = "v3";
    const Decision decision = scene.decide();
    CHECK(weight(decision) == -1);
    CHECK(all<PointService>(decision) == std::vector{PointService{ServiceRole::stable, "v2"}});
    scene.seen.stable_service.revision = "v2";
    CHECK(weight(scene.decide()) == 0);
}

TEST_CASE("weight that goes away is the first thing done") {
    Scene scene;
    scene.release.state.is_aborted = true;
    CHECK(scene.decide().actions.front() == Action{SetSplit{{0, 100}}});
}

TEST_CASE("an abort asked for wins over a promotion under way; a promotion over an old abort") {
    Scene scene;
    scene.release.state.skips_steps = true;
    scene.release.state.is_aborted = true;
    CHECK(scene.decide().next.is_aborted);
    CHECK_FALSE(scene.decide().next.skips_steps);

    scene.release.state.aborted_at = t0;
    CHECK_FALSE(scene.decide().next.is_aborted);
    CHECK(scene.decide().next.step == 3);
}

TEST_CASE("a failed run aborts and takes the traffic back in the same decision") {
    Scene scene;
    scene.release.plan.judge_from = 0;
    scene.release.state.background_run = RunNote{.name = "shop-v2-2"};
    scene.seen.runs = {{
        .name = "shop-v2-2",
        .revision = "v2",
        .phase = RunPhase::failed,
        .message = "too many errors",
    }};
    const Decision decision = scene.decide();
    CHECK(decision.next.is_aborted);
    CHECK(
        decision.next.abort_cause ==
        AbortCause{AbortCause::Kind::background_run_failed, "too many errors"});
    CHECK(weight(decision) == 0);
    CHECK(std::ranges::count(decision.causes, "shop-v2-2", &Cause::run) == 1);
}

TEST_CASE("after a retry a judge is asked anew, under another name") {
    Scene scene;
    scene.release.plan.judge_from = 0;
    scene.release.state.aborted_at = t0;
    scene.release.state.background_run = RunNote{"shop-v2-2", RunPhase::failed, ""};
    scene.seen.runs = {{.name = "shop-v2-2", .revision = "v2", .phase = RunPhase::failed}};
    const Decision decision = scene.decide();
    const auto started = all<StartRun>(decision);
    REQUIRE(started.size() == 1);
    CHECK(started.front().name == "shop-v2-2.1");
    CHECK_FALSE(decision.next.is_aborted);
}

TEST_CASE("without progress a release is marked; where the plan says so, it is aborted") {
    Scene scene;
    scene.seen.split = settled(0);
    scene.candidate().available = 0;
    scene.release.state.exposure = ExposureNote{0, "v2", "v1", true};
    scene.release.state.counts = {.current = 12, .updated = 2, .ready = 12, .available = 10};
    scene.release.state.progress = {Progress::Kind::advancing, t0};
    scene.seen.at = t0 + 600s;
    CHECK(scene.decide().next.progress.kind == Progress::Kind::advancing);
    CHECK(scene.decide().wake_at == t0 + 601s);
    scene.seen.at = t0 + 601s;
    CHECK(scene.decide().next.progress.kind == Progress::Kind::timed_out);
    CHECK_FALSE(scene.decide().next.is_aborted);

    scene.release.plan.aborts_at_deadline = true;
    CHECK(scene.decide().next.is_aborted);
}

TEST_CASE("replicas of another revision that come and go are no progress of the candidate") {
    Scene scene;
    scene.seen.split = settled(0);
    scene.candidate().ready = 0;
    scene.candidate().available = 0;
    scene.release.state.exposure = ExposureNote{0, "v2", "v1", true};
    // One of the stable revision's is back since.
    scene.release.state.counts = {.current = 12, .updated = 2, .ready = 9, .available = 9};
    scene.release.state.progress = {Progress::Kind::advancing, t0};
    scene.seen.at = t0 + 601s;
    CHECK(scene.decide().next.progress.kind == Progress::Kind::timed_out);
    scene.candidate().ready = 1;
    CHECK(scene.decide().next.progress.kind == Progress::Kind::advancing);
}

TEST_CASE("another number of replicas is followed at rest and in mid-release") {
    Scene scene;
    scene.release.state.step = 1;
    scene.release.state.holds = {{HoldKind::pause_step, t0}};
    scene.release.state.is_holding = true;
    scene.seen.replicas = 20;
    CHECK(size(scene.decide(), "v1") == 20);
    CHECK(size(scene.decide(), "v2") == 4);
    scene.seen.replicas = 5;
    CHECK(size(scene.decide(), "v1") == 5);
    CHECK(size(scene.decide(), "v2") == 1);
}

TEST_CASE("a revision within the window of going back needs no steps") {
    Scene scene;
    scene.release.plan.rollback_window = 2;
    scene.seen.wanted = "v0";
    RevisionSeen old = revision("v0", 3, 3);
    old.created = t0;
    scene.seen.revisions = {revision("v1", 1, 10), old};
    scene.release.state.candidate = "v1";
    scene.release.state.step = 3;
    scene.seen.split = settled(0);
    const Decision decision = scene.decide();
    CHECK(decision.next.step == 3);
    CHECK(size(decision, "v0") == 10);
    CHECK(decision.next.stable == "v1");
}

TEST_CASE("going back within the window is judged by nobody and waits for no judge") {
    Scene scene;
    scene.release.plan.steps = {Judge{}, Expose{20}};
    scene.release.plan.rollback_window = 2;
    scene.seen.wanted = "v0";
    RevisionSeen old = revision("v0", 3, 0);
    old.created = t0;
    scene.seen.revisions = {revision("v1", 1, 10), old};
    scene.release.state.candidate = "v0";
    scene.seen.split = settled(0);
    const Decision decision = scene.decide();
    CHECK(decision.next.step == 1);
    CHECK(size(decision, "v0") == 2);
    CHECK(all<StartRun>(decision).empty());
}

TEST_CASE("old replicas are replaced few at a time after a restart was asked for") {
    Scene scene;
    scene.release.state.candidate = "v1";
    scene.release.state.step = 3;
    scene.seen.wanted = "v1";
    scene.seen.revisions = {revision("v1", 1, 10)};
    scene.seen.split = settled(0);
    scene.release.plan.restart_at = t0 + 30min;
    scene.seen.stale_replicas = {{"a", "v1"}, {"b", "v1"}, {"c", "v1"}};
    CHECK(all<ReplaceReplica>(scene.decide()).size() == 2);  // A quarter of ten, rounded down.
    scene.stable().available = 9;
    CHECK(all<ReplaceReplica>(scene.decide()).size() == 1);
    scene.seen.stale_replicas.clear();
    CHECK(scene.decide().next.restarted_at == t0 + 30min);
}
