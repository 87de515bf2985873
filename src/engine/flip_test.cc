#include "engine/decide.h"
#include "engine/invariants.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

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

ServiceSeen serving(const std::string& id) {
    return {.revision = id, .is_adopted = true, .in_force = {{id}}, .is_settled = true};
}

// From v1 to v2, which is complete; v1 serves, the data plane tells.
struct Scene {
    Scene() {
        release.name = "shop";
        release.plan.flip = Flip{};
        release.plan.surge = {0, false};
        release.plan.has_stable_service = true;
        release.plan.has_candidate_service = true;
        release.state.candidate = "v2";
        release.state.stable = "v1";
        release.state.flip = FlipNote{.serving = "v1", .previewed = "v2"};
        seen.at = t0 + 1h;
        seen.replicas = 4;
        seen.wanted = "v2";
        seen.revisions = {revision("v1", 1, 4), revision("v2", 2, 4)};
        seen.stable_service = serving("v1");
        seen.candidate_service = serving("v2");
    }

    Decision decide() const {
        Decision decision = engine::decide(release, seen);
        CHECK(engine::broken_invariants(release, seen, decision) == std::vector<std::string>{});
        return decision;
    }
    // Decides, and the next turn finds the state; the world stays.
    Decision turn() {
        Decision decision = decide();
        release.state = decision.next;
        return decision;
    }
    void flip() {
        release.state.flip->is_cleared = true;
        seen.stable_service = serving("v2");
    }
    Flip& plan() { return *release.plan.flip; }
    FlipNote& note() { return *release.state.flip; }
    RevisionSeen& v1() { return seen.revisions[0]; }
    RevisionSeen& v2() { return seen.revisions[1]; }

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

// The revision that users are moved to; empty when they stay.
std::string moved_to(const Decision& decision) {
    for (const PointService& action : all<PointService>(decision)) {
        if (action.service == ServiceRole::stable) return action.revision;
    }
    return {};
}

std::string shown(const Decision& decision) {
    for (const PointService& action : all<PointService>(decision)) {
        if (action.service == ServiceRole::candidate) return action.revision;
    }
    return {};
}

int size(const Decision& decision, const std::string& revision) {
    for (const Scale& scale : all<Scale>(decision)) {
        if (scale.revision == revision) return scale.replicas;
    }
    return -1;
}

std::string started(const Decision& decision) {
    const auto runs = all<StartRun>(decision);
    return runs.empty() ? "" : runs.front().name;
}

RunSeen run(std::string name, RunKind kind, RunPhase phase) {
    return {.name = std::move(name), .kind = kind, .revision = "v2", .phase = phase};
}

}  // namespace

TEST_CASE("the preview moves at once, also to nothing") {
    Scene scene;
    scene.seen.candidate_service = serving("v1");
    scene.v2() = revision("v2", 2, 0);
    const Decision decision = scene.decide();
    CHECK(shown(decision) == "v2");
    CHECK(size(decision, "v2") == 4);
    CHECK(moved_to(decision).empty());
    scene.release.plan.is_held = true;
    CHECK(shown(scene.decide()).empty());
}

TEST_CASE("all traffic moves to a complete candidate, and only to such a one") {
    Scene scene;
    CHECK(moved_to(scene.decide()) == "v2");
    SUBCASE("a replica lacks") {
        scene.v2().available = 3;
    }
    SUBCASE("counted before the size last changed") {
        scene.v2().is_settled = false;
    }
    SUBCASE("still of another size") {
        scene.seen.replicas = 5;
    }
    SUBCASE("a person holds") {
        scene.release.plan.is_held = true;
    }
    const Decision decision = scene.decide();
    CHECK(moved_to(decision).empty());
    CHECK_FALSE(decision.next.waiting_for.empty());
}

TEST_CASE(
    "the candidate is stable when the data plane is seen to follow, not when a selector says") {
    Scene scene;
    scene.flip();
    CHECK(scene.decide().next.stable == "v2");
    SUBCASE("both still get requests") {
        scene.seen.stable_service.in_force = {{"v1", "v2"}};
    }
    SUBCASE("of an older version") {
        scene.seen.stable_service.is_settled = false;
    }
    SUBCASE("the candidate falls short") {
        scene.v2().available = 3;
    }
    const Decision decision = scene.decide();
    CHECK(decision.next.stable == "v1");
    CHECK_FALSE(decision.next.waiting_for.empty());
    CHECK(all<SetRetireAt>(decision).empty());
}

TEST_CASE("where no data plane tells, a selector is believed") {
    Scene scene;
    scene.flip();
    scene.seen.stable_service.in_force.reset();
    CHECK(scene.decide().next.stable == "v2");
}

TEST_CASE("without automatic promotion a person lets traffic move") {
    Scene scene;
    scene.plan().is_automatic = false;
    scene.plan().wait = 10s;  // Without effect then.
    const Decision held = scene.turn();
    REQUIRE(held.next.holds.size() == 1);
    CHECK(held.next.holds.front().kind == HoldKind::before_flip);
    CHECK(moved_to(held).empty());
    scene.seen.at += 24h;
    CHECK(moved_to(scene.turn()).empty());
    CHECK(scene.release.state.waiting_for == "a person to let traffic move to the candidate");

    scene.release.state.holds.clear();  // As clients resume.
    scene.v2().available = 3;           // At a bad moment: what was granted stays granted.
    CHECK(moved_to(scene.turn()).empty());
    scene.v2().available = 4;
    const Decision resumed = scene.turn();
    CHECK(moved_to(resumed) == "v2");
    CHECK_FALSE(resumed.next.is_holding);
}

TEST_CASE("a wait before the flip ends by itself, or when a person says so") {
    Scene scene;
    scene.plan().wait = 60s;
    const Decision held = scene.turn();
    CHECK(held.wake_at == scene.seen.at + 60s);
    CHECK(moved_to(held).empty());
    SUBCASE("by itself") {
        scene.seen.at += 59s;
        CHECK(moved_to(scene.turn()).empty());
        scene.seen.at += 1s;
    }
    SUBCASE("by a person") {
        scene.release.state.holds.clear();
    }
    CHECK(moved_to(scene.turn()) == "v2");
}

TEST_CASE("the wait begins when the judge before the flip is content") {
    Scene scene;
    scene.plan().wait = 60s;
    scene.plan().has_judge_before = true;
    Decision decision = scene.turn();
    CHECK(started(decision) == "shop-v2-2-pre");
    CHECK(decision.next.holds.empty());
    scene.seen.runs = {run("shop-v2-2-pre", RunKind::before_flip, RunPhase::running)};
    scene.seen.at += 10min;
    decision = scene.turn();
    CHECK(decision.next.holds.empty());
    CHECK(decision.next.waiting_for == "run shop-v2-2-pre");
    scene.seen.runs.front().phase = RunPhase::successful;
    decision = scene.turn();
    REQUIRE(decision.next.holds.size() == 1);
    CHECK(decision.wake_at == scene.seen.at + 60s);
    scene.seen.at += 60s;
    CHECK(moved_to(scene.turn()) == "v2");
}

TEST_CASE("the judge before the flip waits for all replicas, and is not bothered by later losses") {
    Scene scene;
    scene.plan().has_judge_before = true;
    scene.v2().available = 3;
    CHECK(started(scene.decide()).empty());
    scene.v2().available = 4;
    CHECK(started(scene.turn()) == "shop-v2-2-pre");
    scene.seen.runs = {run("shop-v2-2-pre", RunKind::before_flip, RunPhase::running)};
    scene.v2().available = 3;
    CHECK(all<StopRun>(scene.decide()).empty());
}

TEST_CASE("a failed judge before the flip leaves users where they are") {
    Scene scene;
    scene.plan().has_judge_before = true;
    scene.note().before_run = RunNote{.name = "shop-v2-2-pre"};
    scene.seen.runs = {run("shop-v2-2-pre", RunKind::before_flip, RunPhase::failed)};
    scene.seen.runs.front().message = "too slow";
    const Decision decision = scene.turn();
    CHECK(decision.next.is_aborted);
    CHECK(decision.next.abort_cause == AbortCause{AbortCause::Kind::before_run_failed, "too slow"});
    CHECK(moved_to(decision).empty());
    CHECK(shown(decision).empty());
    // It has no traffic: the countdown starts.
    CHECK(all<SetRetireAt>(decision).size() == 1);
    scene.v2().retire_at = scene.seen.at + 30s;
    CHECK(size(scene.turn(), "v2") == -1);
    scene.seen.at += 30s;
    CHECK(size(scene.turn(), "v2") == 0);
}

TEST_CASE("a judge that could not tell holds everything; resumed, it is asked again") {
    Scene scene;
    scene.plan().has_judge_before = true;
    scene.note().before_run = RunNote{.name = "shop-v2-2-pre"};
    scene.seen.runs = {run("shop-v2-2-pre", RunKind::before_flip, RunPhase::inconclusive)};
    Decision decision = scene.turn();
    REQUIRE(decision.next.holds.size() == 1);
    CHECK(decision.next.holds.front().kind == HoldKind::inconclusive);
    CHECK(moved_to(decision).empty());
    scene.release.state.holds.clear();
    decision = scene.turn();
    CHECK(started(decision) == "shop-v2-2-pre.1");
    CHECK(moved_to(decision).empty());
}

TEST_CASE("after the flip a judge has the last word") {
    Scene scene;
    scene.plan().has_judge_after = true;
    CHECK(moved_to(scene.turn()) == "v2");
    CHECK(started(scene.decide()).empty());  // Not before traffic is there.
    scene.seen.stable_service = serving("v2");
    scene.v2().available = 3;  // Users are there: it waits for no quiet moment.
    CHECK(started(scene.turn()) == "shop-v2-2-post");
    scene.v2().available = 4;
    scene.seen.runs = {run("shop-v2-2-post", RunKind::after_flip, RunPhase::running)};
    CHECK(scene.turn().next.stable == "v1");
    CHECK(size(scene.decide(), "v1") == -1);

    SUBCASE("content") {
        scene.seen.runs.front().phase = RunPhase::successful;
        CHECK(scene.turn().next.stable == "v2");
    }
    SUBCASE("not content: back at once") {
        scene.seen.runs.front().phase = RunPhase::failed;
        const Decision decision = scene.turn();
        CHECK(decision.next.abort_cause->kind == AbortCause::Kind::after_run_failed);
        CHECK(decision.actions.front() == Action{PointService{ServiceRole::stable, "v1"}});
        CHECK(all<SetRetireAt>(decision).empty());
        CHECK(size(decision, "v2") == -1);
        // The candidate leaves when the data plane is seen to have followed.
        scene.seen.stable_service.revision = "v1";
        scene.seen.stable_service.is_settled = false;
        CHECK(all<SetRetireAt>(scene.turn()).empty());
        scene.seen.stable_service = serving("v1");
        CHECK(all<SetRetireAt>(scene.turn()).size() == 1);
    }
}

TEST_CASE("going back does not wait for the candidate, but not to a stable side that is down") {
    struct Row {
        int stable;
        int candidate;
        bool goes_back;
    };
    for (const Row& row : std::vector<Row>{
             {4, 4, true},
             {4, 0, true},   // Argo would wait for the candidate's replicas.
             {3, 4, true},   // One of four may be missing.
             {2, 4, false},  // They would get twice what they can carry.
             {2, 2, true},
             {0, 4, false},
             {0, 0, false},
         }) {
        Scene scene;
        scene.flip();
        scene.release.plan.flip->has_judge_after = true;
        scene.release.state.is_aborted = true;
        scene.v1().available = row.stable;
        scene.v2().available = row.candidate;
        CAPTURE(row.stable);
        CAPTURE(row.candidate);
        CHECK(moved_to(scene.decide()) == (row.goes_back ? "v1" : ""));
    }
}

TEST_CASE("an abort takes users back although a person holds the release") {
    Scene scene;
    scene.flip();
    scene.plan().has_judge_after = true;
    scene.release.plan.is_held = true;
    CHECK(moved_to(scene.decide()).empty());
    scene.release.state.is_aborted = true;
    CHECK(moved_to(scene.decide()) == "v1");
}

TEST_CASE("zero seconds keep an aborted candidate for good") {
    Scene scene;
    scene.plan().abort_keep = 0s;
    scene.plan().keeps_aborted = true;
    scene.release.state.is_aborted = true;
    scene.release.state.aborted_at = t0;
    CHECK(all<SetRetireAt>(scene.decide()).empty());
    CHECK(size(scene.decide(), "v2") == -1);
}

TEST_CASE("after a retry everything is asked anew") {
    Scene scene;
    scene.plan().has_judge_before = true;
    scene.plan().is_automatic = false;
    scene.release.state.aborted_at = t0;  // And not aborted any more.
    scene.note().before_run = RunNote{"shop-v2-2-pre", RunPhase::failed, ""};
    scene.note().is_cleared = true;
    scene.seen.runs = {run("shop-v2-2-pre", RunKind::before_flip, RunPhase::failed)};
    scene.v2().retire_at = scene.seen.at + 10s;
    const Decision decision = scene.turn();
    CHECK(started(decision) == "shop-v2-2-pre.1");
    CHECK(moved_to(decision).empty());
    CHECK(
        all<SetRetireAt>(decision) ==
        std::vector{SetRetireAt{.revision = "v2", .at = std::nullopt}});
}

TEST_CASE("a smaller preview grows before the flip, after all that precedes it") {
    Scene scene;
    scene.plan().preview_replicas = 1;
    scene.plan().is_automatic = false;
    scene.plan().has_judge_before = true;
    scene.v2() = revision("v2", 2, 0);
    CHECK(size(scene.turn(), "v2") == 1);
    scene.v2() = revision("v2", 2, 1);
    CHECK(started(scene.turn()) == "shop-v2-2-pre");
    scene.seen.runs = {run("shop-v2-2-pre", RunKind::before_flip, RunPhase::successful)};
    Decision decision = scene.turn();
    CHECK(decision.next.holds.size() == 1);
    CHECK(size(decision, "v2") == -1);
    scene.release.state.holds.clear();
    decision = scene.turn();
    CHECK(decision.next.flip->is_cleared);
    CHECK(size(decision, "v2") == 4);
    CHECK(moved_to(decision).empty());
    scene.v2() = revision("v2", 2, 4);
    CHECK(moved_to(scene.turn()) == "v2");
}

TEST_CASE("asked to promote fully, neither judge nor person is waited for, but replicas are") {
    Scene scene;
    scene.plan() = {
        .preview_replicas = 1,
        .is_automatic = false,
        .has_judge_before = true,
        .has_judge_after = true};
    scene.release.state.skips_steps = true;
    scene.v2() = revision("v2", 2, 1);
    CHECK(size(scene.turn(), "v2") == 4);
    CHECK(moved_to(scene.decide()).empty());
    scene.v2() = revision("v2", 2, 4);
    CHECK(moved_to(scene.turn()) == "v2");
    scene.seen.stable_service = serving("v2");
    const Decision decision = scene.turn();
    CHECK(decision.next.stable == "v2");
    CHECK_FALSE(decision.next.skips_steps);
    CHECK(all<StartRun>(decision).empty());
}

TEST_CASE("the first revision is stable at once and gets the service when it is complete") {
    Scene scene;
    scene.plan().is_automatic = false;
    scene.plan().has_judge_before = true;
    scene.release.state = {};
    scene.seen.revisions = {revision("v2", 1, 4)};
    scene.seen.revisions.front().available = 3;
    scene.seen.stable_service = {.in_force = {{"", "v2"}}};
    Decision decision = scene.turn();
    CHECK(decision.next.stable == "v2");
    CHECK(moved_to(decision).empty());  // Somebody else's replicas may serve until then.
    CHECK(decision.next.holds.empty());
    scene.seen.revisions.front().available = 4;
    CHECK(moved_to(scene.turn()) == "v2");
}

TEST_CASE(
    "old replicas stay at hand for the delay, at full size, and no more of them than wanted") {
    Scene scene;
    scene.flip();
    Decision decision = scene.turn();
    REQUIRE(decision.next.stable == "v2");
    const auto marks = all<SetRetireAt>(decision);
    REQUIRE(marks.size() == 1);
    CHECK(marks.front() == SetRetireAt{"v1", scene.seen.at + 30s});
    scene.v1().retire_at = marks.front().at;
    CHECK(scene.turn().wake_at == marks.front().at);

    SUBCASE("over") {
        scene.seen.at += 30s;
        CHECK(size(scene.turn(), "v1") == 0);
    }
    SUBCASE("over, but the new ones fall short") {
        scene.seen.at += 30s;
        scene.v2().available = 3;
        CHECK(size(scene.turn(), "v1") == -1);
    }
    SUBCASE("not at hand any more") {
        scene.plan().retire_limit = 0;
        CHECK(size(scene.turn(), "v1") == 0);
    }
    SUBCASE("as large as everything") {
        scene.seen.replicas = 6;
        decision = scene.turn();
        CHECK(size(decision, "v1") == 6);
        CHECK(size(decision, "v2") == 6);
    }
    SUBCASE("not while a request may still get there") {
        scene.seen.stable_service.is_settled = false;
        scene.seen.at += 30s;
        CHECK(size(scene.turn(), "v1") == -1);
    }
}

TEST_CASE("going back to a revision that is still running needs no checks") {
    Scene scene;
    scene.flip();
    scene.plan().is_automatic = false;
    scene.plan().has_judge_before = true;
    scene.plan().has_judge_after = true;
    scene.note().after_run = RunNote{"post", RunPhase::successful, ""};
    REQUIRE(scene.turn().next.stable == "v2");
    scene.v1().retire_at = scene.seen.at + 30s;
    scene.seen.wanted = "v1";
    scene.seen.at += 10s;

    SUBCASE("in the same turn") {
        const Decision decision = scene.turn();
        CHECK(moved_to(decision) == "v1");
        CHECK(shown(decision) == "v1");
        CHECK(all<StartRun>(decision).empty());
        CHECK(
            all<SetRetireAt>(decision) ==
            std::vector{SetRetireAt{.revision = "v1", .at = std::nullopt}});
        scene.v1().retire_at.reset();
        scene.v1().number = 3;
        scene.seen.stable_service = serving("v1");
        CHECK(scene.turn().next.stable == "v1");
    }
    SUBCASE("too late: a full update") {
        scene.seen.at += 30s;
        CHECK(moved_to(scene.turn()).empty());
    }
}

TEST_CASE("what ran but never was stable is not gone back to unchecked") {
    // v2 was aborted and is running on; v1 is wanted again, and then v2 once more.
    Scene scene;
    scene.plan().has_judge_before = true;
    scene.release.state.candidate = "v1";
    scene.v2().retire_at = scene.seen.at + 30s;
    const Decision decision = scene.turn();
    CHECK(moved_to(decision).empty());
    CHECK(started(decision) == "shop-v2-2-pre");
}

TEST_CASE("a third revision in the middle takes users back to the stable one") {
    Scene scene;  // v2 has all traffic and is being judged when v3 is wanted.
    scene.flip();
    scene.plan().has_judge_after = true;
    scene.note().after_run = RunNote{.name = "shop-v2-2-post"};
    scene.seen.runs = {run("shop-v2-2-post", RunKind::after_flip, RunPhase::running)};
    scene.seen.wanted = "v3";
    Decision decision = scene.turn();
    CHECK(moved_to(decision) == "v1");
    CHECK(all<StopRun>(decision) == std::vector{StopRun{"shop-v2-2-post"}});
    CHECK(size(decision, "v2") == -1);
    scene.seen.revisions.push_back(revision("v3", 3, 0));
    scene.seen.stable_service = serving("v1");
    decision = scene.turn();
    CHECK(all<SetRetireAt>(decision).size() == 1);
    CHECK(size(decision, "v3") == 4);
}

TEST_CASE("a service that lost its revision is given to the stable one before anything grows") {
    Scene scene;
    scene.v2() = revision("v2", 2, 0);
    scene.seen.stable_service = {.is_adopted = true, .in_force = {{"v1"}}};
    const Decision decision = scene.decide();
    CHECK(moved_to(decision) == "v1");
    CHECK(size(decision, "v2") == -1);
    scene.note().is_cleared = true;
    CHECK(moved_to(scene.decide()) == "v1");
}

TEST_CASE("within the window nothing is checked") {
    Scene scene;
    scene.plan().has_judge_before = true;
    scene.plan().is_automatic = false;
    scene.release.plan.rollback_window = 1;
    scene.v2().created = t0;
    CHECK(moved_to(scene.decide()) == "v2");
}

TEST_CASE("replicas of a flip that makes no progress are missed after the deadline") {
    Scene scene;
    scene.v2().available = 3;
    scene.release.plan.aborts_at_deadline = true;
    scene.release.state.progress = {Progress::Kind::advancing, scene.seen.at};
    scene.release.state.counts = {.current = 8, .updated = 4, .ready = 4, .available = 4};
    scene.seen.at += 600s;
    CHECK_FALSE(scene.decide().next.is_aborted);
    scene.seen.at += 1s;
    CHECK(scene.decide().next.is_aborted);

    SUBCASE("a person who does not answer is not") {
        scene.v2().available = 4;
        scene.release.state.holds = {{HoldKind::before_flip, t0}};
        scene.release.state.is_holding = true;
        scene.plan().is_automatic = false;
        CHECK_FALSE(scene.decide().next.is_aborted);
    }
    SUBCASE("a judge at work is not") {
        scene.plan().has_judge_before = true;
        scene.note().before_run = RunNote{.name = "shop-v2-2-pre", .phase = RunPhase::running};
        CHECK_FALSE(scene.decide().next.is_aborted);
    }
}

TEST_CASE("counts are those of the revision that serves") {
    Scene scene;
    scene.plan().is_automatic = false;
    scene.v2().available = 2;
    CHECK(
        scene.decide().next.counts ==
        Counts{.current = 8, .updated = 4, .ready = 4, .available = 4});
}

TEST_CASE("replicas older than a restart are replaced within what may be unavailable") {
    Scene scene;
    scene.release.state.candidate = "v1";
    scene.seen.wanted = "v1";
    scene.seen.revisions.pop_back();
    scene.release.plan.restart_at = t0 + 30min;
    scene.seen.stale_replicas = {{"a", "v1"}, {"b", "v1"}, {"c", "v1"}};
    CHECK(all<ReplaceReplica>(scene.decide()).size() == 1);
    scene.release.plan.unavailable = {50, true};
    CHECK(all<ReplaceReplica>(scene.decide()).size() == 2);
}
