#include "engine/decide.h"
#include "engine/invariants.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

// Properties over releases and worlds that nobody would set up by hand: any state may meet any
// observation, as after a crash, an edit or a lost event.

using namespace serin;

namespace {

constexpr Instant start{std::chrono::hours(1000)};

int upto(int most) {
    return *rc::gen::inRange(0, most + 1);
}
bool coin() {
    return *rc::gen::arbitrary<bool>();
}
std::string any_revision() {
    return *rc::gen::element<std::string>("v1", "v2", "v3");
}

Step any_step() {
    switch (upto(5)) {
        case 4:
            return SetSideRoute{.name = coin() ? "a" : "b", .step = upto(2), .removes = coin()};
        case 0:
            return Pause{};
        case 1:
            return Pause{std::chrono::seconds(upto(100))};
        case 2:
            return Judge{};
        case 3:
            return coin() ? Provision{.replicas = upto(6)} : Provision{.weight = upto(100)};
        default:
            return Expose{upto(100)};
    }
}

Plan any_plan() {
    Plan plan;
    const int count = upto(5);
    for (int i = 0; i < count; ++i) plan.steps.push_back(any_step());
    plan.steps_digest = coin() ? "steps" : "others";
    plan.routing = Routing{};
    if (coin()) plan.routing->abort_retire_delay = std::chrono::seconds(upto(60));
    plan.routing->scales_stable = coin();
    plan.routing->alternates = upto(3) == 0;
    if (coin()) plan.routing->replicas_min = upto(3);
    if (upto(3) == 0) plan.enough = Amount{upto(100), coin()};
    plan.has_stable_service = true;
    plan.has_candidate_service = true;
    if (coin()) plan.judge_from = upto(3);
    plan.aborts_at_deadline = coin();
    plan.is_held = upto(5) == 0;
    if (coin()) plan.rollback_window = upto(3);
    return plan;
}

Plan any_flip_plan() {
    Plan plan = any_plan();
    plan.steps.clear();
    plan.routing.reset();
    plan.judge_from.reset();
    plan.enough.reset();
    plan.surge = {0, false};
    plan.has_candidate_service = coin();
    Flip flip{
        .is_automatic = coin(),
        .wait = std::chrono::seconds(upto(1) * upto(60)),
        .has_judge_before = coin(),
        .has_judge_after = coin()};
    if (coin()) flip.preview_replicas = upto(12);
    if (coin()) flip.retire_delay = std::chrono::seconds(upto(60));
    if (coin()) flip.retire_limit = upto(2);
    if (coin()) flip.abort_keep = std::chrono::seconds(upto(60));
    flip.keeps_aborted = upto(5) == 0;
    plan.flip = flip;
    return plan;
}

RunPhase any_phase() {
    return *rc::gen::element(
        RunPhase::pending,
        RunPhase::running,
        RunPhase::successful,
        RunPhase::failed,
        RunPhase::error,
        RunPhase::inconclusive);
}

FlipNote any_flip_note() {
    FlipNote note{.is_cleared = coin(), .is_known = upto(5) == 0};
    if (coin()) note.former = {any_revision()};
    if (coin()) note.before_run = RunNote{"run-1", any_phase(), ""};
    if (coin()) note.after_run = RunNote{"run-2", any_phase(), ""};
    return note;
}

ReleaseState any_state(const Plan& plan) {
    ReleaseState state;
    if (upto(9) == 0) return state;
    state.candidate = any_revision();
    if (upto(9) > 0) state.stable = any_revision();
    state.steps_digest = "steps";
    if (!plan.steps.empty()) state.step = upto(static_cast<int>(plan.steps.size()) + 1);
    state.is_aborted = upto(3) == 0;
    if (coin()) state.aborted_at = start;
    if (coin()) state.holds.push_back({HoldKind::pause_step, start});
    if (upto(5) == 0) state.holds.push_back({HoldKind::inconclusive, start});
    state.is_holding = coin();
    state.skips_steps = upto(5) == 0;
    if (coin()) state.step_run = RunNote{"run-1", any_phase(), ""};
    if (coin()) state.background_run = RunNote{"run-2", any_phase(), ""};
    if (plan.flip) {
        state.step_run.reset();
        state.background_run.reset();
        state.flip = any_flip_note();
        if (coin()) state.holds.push_back({HoldKind::before_flip, start});
    }
    state.progress = {
        coin() ? Progress::Kind::advancing : Progress::Kind::timed_out,
        start - std::chrono::seconds(upto(1000))};
    return state;
}

RevisionSeen any_seen_revision(const std::string& id, int number) {
    RevisionSeen revision{.id = id, .group = "shop-" + id, .number = number};
    revision.created = start - std::chrono::minutes(10 - number);
    revision.desired = upto(12);
    revision.current = upto(12);
    revision.available = upto(revision.current);
    revision.ready = revision.available;
    revision.is_settled = upto(4) > 0;
    if (upto(3) == 0) revision.retire_at = start + std::chrono::seconds(upto(60) - 30);
    return revision;
}

Observation any_world() {
    Observation seen;
    seen.at = start + std::chrono::seconds(upto(200));
    seen.replicas = upto(12);
    seen.wanted = any_revision();
    int number = 0;
    for (const char* id : {"v1", "v2", "v3"}) {
        if (upto(5) > 0) seen.revisions.push_back(any_seen_revision(id, ++number));
    }
    if (upto(9) > 0) {
        SplitSeen split{.written = {upto(100), 100}};
        if (coin()) {
            split.in_force = coin() ? split.written : Split{upto(100), 100};
            split.is_settled = split.in_force == split.written && coin();
        }
        if (upto(3) == 0) split.side_routes.push_back({"a", upto(3) - 1});
        if (upto(3) == 0) split.side_routes.push_back({"b", upto(3) - 1});
        seen.split = split;
    }
    seen.stable_service = {coin() ? any_revision() : "", coin()};
    seen.candidate_service = {coin() ? any_revision() : "", coin()};
    if (coin()) {
        seen.stable_service.in_force.emplace();
        for (const char* id : {"v1", "v2", "v3"}) {
            if (coin()) seen.stable_service.in_force->emplace_back(id);
        }
        seen.stable_service.is_settled = coin();
    }
    for (const char* name : {"run-1", "run-2"}) {
        if (coin()) continue;
        RunSeen run{.name = name, .revision = any_revision(), .phase = any_phase()};
        run.kind = *rc::gen::element(
            RunKind::step, RunKind::background, RunKind::before_flip, RunKind::after_flip);
        if (run.kind == RunKind::step) run.step = upto(4);
        run.is_stopping = upto(3) == 0;
        seen.runs.push_back(run);
    }
    return seen;
}

// What the actions ask for, done: the world as it is when nothing else happens.
void carry_out(const Decision& decision, Observation& seen) {
    const auto find = [&](const std::string& id) -> RevisionSeen* {
        const auto found = std::ranges::find(seen.revisions, id, &RevisionSeen::id);
        return found == seen.revisions.end() ? nullptr : &*found;
    };
    for (const Action& action : decision.actions) {
        if (const auto* it = std::get_if<CreateRevision>(&action)) {
            if (find(it->revision)) continue;
            seen.revisions.push_back(
                {.id = it->revision,
                 .group = "shop-" + it->revision,
                 .number = it->number,
                 .created = seen.at});
        } else if (const auto* number = std::get_if<Renumber>(&action)) {
            find(number->revision)->number = number->number;
        } else if (const auto* scale = std::get_if<Scale>(&action)) {
            RevisionSeen& revision = *find(scale->revision);
            revision.desired = scale->replicas;
            revision.sized_for = scale->sized_for;
        } else if (const auto* split = std::get_if<SetSplit>(&action)) {
            seen.split->written = split->split;
        } else if (const auto* routes = std::get_if<SetSideRoutes>(&action)) {
            seen.split->side_routes = routes->routes;
        } else if (const auto* service = std::get_if<PointService>(&action)) {
            ServiceSeen& pointed = service->service == ServiceRole::stable ? seen.stable_service
                                                                           : seen.candidate_service;
            pointed.revision = service->revision;
            pointed.is_adopted = true;
        } else if (const auto* mark = std::get_if<SetRetireAt>(&action)) {
            find(mark->revision)->retire_at = mark->at;
        } else if (const auto* start_run = std::get_if<StartRun>(&action)) {
            seen.runs.push_back(
                {.name = start_run->name,
                 .kind = start_run->kind,
                 .revision = start_run->revision,
                 .step = start_run->step});
        } else if (const auto* stop = std::get_if<StopRun>(&action)) {
            std::ranges::find(seen.runs, stop->name, &RunSeen::name)->is_stopping = true;
        } else if (const auto* gone = std::get_if<RemoveRun>(&action)) {
            std::erase_if(seen.runs, [&](const RunSeen& run) { return run.name == gone->name; });
        } else if (const auto* old = std::get_if<RemoveRevision>(&action)) {
            std::erase_if(
                seen.revisions, [&](const RevisionSeen& one) { return one.id == old->revision; });
        }
    }
    for (RevisionSeen& revision : seen.revisions) {
        revision.current = revision.ready = revision.available = revision.desired;
        revision.is_settled = true;
    }
    if (seen.split) {
        seen.split->in_force = seen.split->written;
        seen.split->is_settled = true;
    }
    ServiceSeen& service = seen.stable_service;
    service.is_settled = true;
    if (!service.in_force) return;
    service.in_force->clear();
    for (const RevisionSeen& revision : seen.revisions) {
        const bool is_selected = service.revision.empty() || service.revision == revision.id;
        if (is_selected && revision.available > 0) service.in_force->push_back(revision.id);
    }
}

// As the services are seen once the state tells that their roles have changed.
void swap_roles(Observation& seen) {
    std::swap(seen.stable_service, seen.candidate_service);
    if (!seen.split) return;
    const auto turned = [](Split split) {
        return Split{split.total - split.candidate, split.total};
    };
    seen.split->written = turned(seen.split->written);
    if (seen.split->in_force) seen.split->in_force = turned(*seen.split->in_force);
}

Release any_release_of(Plan plan) {
    Release release{.name = "shop", .plan = std::move(plan)};
    release.state = any_state(release.plan);
    return release;
}

Release any_release() {
    return any_release_of(upto(2) == 0 ? any_flip_plan() : any_plan());
}

// At an experiment among the steps, in a world that has one; more often than not the experiment is
// under way, and it is the step's.
std::pair<Release, Observation> any_trial() {
    Release release{.name = "shop", .plan = any_plan()};
    release.plan.steps.insert(
        release.plan.steps.begin(), Trial{{{"a", upto(100)}, {"b", upto(60)}}});
    release.plan.steps_digest = "steps";
    release.state = any_state(release.plan);
    Observation seen = any_world();
    for (RevisionSeen& revision : seen.revisions) {
        // As they are seen: what has been asked to go does not serve any more.
        revision.available = std::min(revision.available, revision.desired);
    }
    RunSeen run{.name = "trial", .kind = RunKind::trial, .revision = "v2", .step = 0};
    run.phase = upto(3) > 0 ? RunPhase::running : any_phase();
    run.is_stopping = upto(5) == 0;
    for (const char* name : {"a", "b"}) {
        run.arms.push_back(
            {.name = name,
             .service = std::string("shop-") + name,
             .revision = name,
             .replicas = upto(4),
             .available = upto(4),
             .has_ended = coin()});
        if (!seen.split || coin()) continue;
        const SplitShare share{run.arms.back().service, upto(100)};
        seen.split->written.others.push_back(share);
        if (coin() && seen.split->in_force) seen.split->in_force->others.push_back(share);
    }
    seen.runs.push_back(std::move(run));
    if (upto(3) > 0) {
        seen.wanted = "v2";
        release.plan.is_held = false;
        release.state = ReleaseState{};
        release.state.candidate = "v2";
        release.state.stable = "v1";
        release.state.steps_digest = "steps";
        release.state.step = 0;
        release.state.trial = RunNote{"trial", RunPhase::running, ""};
    }
    return {std::move(release), std::move(seen)};
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all += text + "\n";
    return all;
}

}  // namespace

TEST_CASE("no decision breaks an invariant, whatever state meets whatever world") {
    CHECK(rc::check([] {
        const Release release = any_release();
        const Observation seen = any_world();
        const auto broken = engine::broken_invariants(release, seen, engine::decide(release, seen));
        if (!broken.empty()) RC_FAIL(joined(broken));
    }));
}

TEST_CASE("nor does one at an experiment") {
    CHECK(rc::check([] {
        const auto [release, seen] = any_trial();
        const auto broken = engine::broken_invariants(release, seen, engine::decide(release, seen));
        if (!broken.empty()) RC_FAIL(joined(broken));
    }));
}

TEST_CASE("the same release and world give the same decision") {
    CHECK(rc::check([] {
        const Release release = any_release();
        const Observation seen = any_world();
        RC_ASSERT(engine::decide(release, seen) == engine::decide(release, seen));
    }));
}

TEST_CASE("nothing is done without a reason in words") {
    CHECK(rc::check([] {
        const Decision decision = engine::decide(any_release(), any_world());
        const auto announced = std::ranges::count_if(decision.actions, [](const Action& action) {
            return std::holds_alternative<Announce>(action);
        });
        const auto actions = std::ssize(decision.actions) - announced;
        RC_ASSERT(std::ssize(decision.causes) >= actions);
        for (const Cause& cause : decision.causes) RC_ASSERT(!cause.reason.empty());
    }));
}

TEST_CASE("a world that does what it is asked comes to rest, and nothing is asked twice") {
    CHECK(rc::check([] {
        Release release = any_release();
        Observation seen = any_world();
        int turns = 0;
        for (; turns < 60; ++turns) {
            const Decision decision = engine::decide(release, seen);
            const auto broken = engine::broken_invariants(release, seen, decision);
            if (!broken.empty()) RC_FAIL(joined(broken) + reason_of(decision));
            const Observation before = seen;
            const bool is_still = decision.next == release.state && decision.actions.empty();
            const bool swaps = decision.next.is_first_stable != release.state.is_first_stable;
            release.state = decision.next;
            carry_out(decision, seen);
            if (swaps) swap_roles(seen);
            if (is_still && seen == before) break;
        }
        if (turns == 60) {
            const Decision last = engine::decide(release, seen);
            RC_FAIL(
                std::to_string(last.actions.size()) + " actions, because " + reason_of(last) +
                ", waiting for " + last.next.waiting_for);
        }
    }));
}

TEST_CASE("an abort only lowers the weight and ends at zero, seen") {
    CHECK(rc::check([] {
        Release release = any_release_of(any_plan());
        Observation seen = any_world();
        release.state.candidate = "v2";
        release.state.stable = "v1";
        release.state.steps_digest = release.plan.steps_digest;
        release.state.is_aborted = true;
        release.state.skips_steps = false;
        release.plan.is_held = coin();
        release.plan.rollback_window.reset();
        seen.wanted = "v2";
        seen.revisions = {any_seen_revision("v1", 1), any_seen_revision("v2", 2)};
        if (!seen.split) seen.split = SplitSeen{.written = {upto(100), 100}};
        int weight = seen.split->written.candidate;
        for (int i = 0; i < 20; ++i) {
            const Decision decision = engine::decide(release, seen);
            release.state = decision.next;
            carry_out(decision, seen);
            RC_ASSERT(seen.split->written.candidate <= weight);
            weight = seen.split->written.candidate;
        }
        RC_ASSERT(weight == 0);
        RC_ASSERT(seen.split->in_force == Split{});
        RC_ASSERT(seen.split->side_routes.empty());
    }));
}

TEST_CASE("an abort takes users to the stable revision, and nowhere else") {
    CHECK(rc::check([] {
        Release release = any_release_of(any_flip_plan());
        Observation seen = any_world();
        release.state = {.candidate = "v2", .stable = "v1", .is_aborted = true};
        release.state.steps_digest = release.plan.steps_digest;
        release.state.flip = any_flip_note();
        release.plan.is_held = coin();
        release.plan.rollback_window.reset();
        seen.wanted = "v2";
        seen.replicas = 1 + upto(11);
        seen.revisions = {any_seen_revision("v1", 1), any_seen_revision("v2", 2)};
        seen.stable_service.revision = *rc::gen::element<std::string>("v1", "v2");
        bool was_back = false;
        for (int i = 0; i < 20; ++i) {
            const Decision decision = engine::decide(release, seen);
            release.state = decision.next;
            carry_out(decision, seen);
            const bool is_back = seen.stable_service.revision == "v1";
            RC_ASSERT(is_back || !was_back);
            was_back = is_back;
        }
        RC_ASSERT(was_back);
        const int excess = seen.revisions[0].desired - seen.replicas;
        RC_ASSERT(excess >= 0);
        RC_ASSERT((excess == 0 || release.plan.is_held));
    }));
}

TEST_CASE("an undisturbed flip ends with all on the candidate, and nothing left of the former") {
    CHECK(rc::check([] {
        Release release = any_release_of(any_flip_plan());
        release.plan.is_held = false;
        release.plan.aborts_at_deadline = false;
        release.plan.flip->has_judge_before = false;
        release.plan.flip->has_judge_after = false;
        release.plan.flip->wait = Duration(0);
        release.plan.rollback_window.reset();
        release.state = {.candidate = "v2", .stable = "v1"};
        release.state.steps_digest = release.plan.steps_digest;
        Observation seen = any_world();
        seen.wanted = "v2";
        seen.replicas = 1 + upto(11);
        seen.revisions = {any_seen_revision("v1", 1), any_seen_revision("v2", 2)};
        for (int i = 0; i < 30; ++i) {
            const Decision decision = engine::decide(release, seen);
            release.state = decision.next;
            release.state.holds.clear();  // A person lets it through.
            carry_out(decision, seen);
            seen.at += std::chrono::seconds(10);
        }
        if (release.state.stable != "v2") RC_FAIL("waiting for " + release.state.waiting_for);
        RC_ASSERT(seen.stable_service.revision == "v2");
        RC_ASSERT(seen.revisions[0].desired == 0);
        RC_ASSERT(seen.revisions[1].desired == seen.replicas);
    }));
}
