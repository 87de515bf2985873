#include "judge/run.h"

#include <doctest/doctest.h>

using namespace serin;
using namespace serin::judge;
using namespace std::chrono_literals;

namespace {

constexpr Instant t0{};

void measure(RunState& state, std::string_view metric, Phase phase, std::string message = "") {
    record(
        state.state_of(metric),
        {.phase = phase, .message = std::move(message), .started_at = t0, .finished_at = t0});
}

const RunRule two{.metrics = {{.name = "a", .interval = 10s}, {.name = "b", .interval = 10s}}};

}  // namespace

TEST_CASE("phases have Argo's names and order") {
    for (const Phase phase :
         {Phase::pending,
          Phase::running,
          Phase::successful,
          Phase::failed,
          Phase::error,
          Phase::inconclusive}) {
        CHECK(parse_phase(to_string(phase)) == phase);
    }
    CHECK_FALSE(parse_phase("Unknown"));
    const Phase order[] = {
        Phase::successful,
        Phase::running,
        Phase::pending,
        Phase::inconclusive,
        Phase::error,
        Phase::failed};
    for (std::size_t i = 1; i < std::size(order); ++i) {
        CHECK(is_worse(order[i], order[i - 1]));
        CHECK_FALSE(is_worse(order[i - 1], order[i]));
    }
}

TEST_CASE("a run runs until all metrics have ended, and the first turn starts its clock") {
    RunState state;
    const RunRule rule{.metrics = {{.name = "a"}, {.name = "b"}}};
    assess_run(rule, state, t0 + 5s);
    CHECK(state.phase == Phase::running);
    CHECK(state.started_at == t0 + 5s);
    measure(state, "a", Phase::successful);
    const auto ended = assess_run(rule, state, t0 + 6s);
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].metric == "a");
    CHECK(state.phase == Phase::running);
    CHECK_FALSE(state.completed_at);
    measure(state, "b", Phase::successful);
    assess_run(rule, state, t0 + 7s);
    CHECK(state.phase == Phase::successful);
    CHECK(state.message.empty());
    CHECK(state.completed_at == t0 + 7s);
    CHECK(state.summary == Summary{.count = 2, .successful = 2});
    CHECK_FALSE(state.dry_run_summary);
}

TEST_CASE("a metric that ends badly ends its siblings and the run at once") {
    RunState state;
    measure(state, "a", Phase::failed, "value of result is 0.5");
    measure(state, "b", Phase::successful);
    const auto ended = assess_run(two, state, t0);
    CHECK(state.phase == Phase::failed);
    CHECK(
        state.message ==
        "Metric \"a\" assessed Failed due to failed (1) > failureLimit (0): "
        "\"Error Message: value of result is 0.5\"");
    CHECK(state.completed_at == t0);
    CHECK(state.find("b")->phase == Phase::successful);
    CHECK(state.summary == Summary{.count = 2, .successful = 1, .failed = 1});
    CHECK(ended.size() == 2);
    CHECK(due_measurements(two, state).empty());
}

TEST_CASE("a run that failed before its other metrics began ends without them") {
    RunState state;
    measure(state, "b", Phase::failed);
    assess_run(two, state, t0);
    CHECK(state.phase == Phase::failed);
    CHECK(state.find("a") == nullptr);
}

TEST_CASE("a run is as bad as its worst metric") {
    struct Case {
        Phase a;
        Phase b;
        Phase run;
    };
    for (const Case& one : {
             Case{Phase::successful, Phase::inconclusive, Phase::inconclusive},
             Case{Phase::inconclusive, Phase::error, Phase::error},
             Case{Phase::error, Phase::failed, Phase::failed},
             Case{Phase::failed, Phase::inconclusive, Phase::failed},
         }) {
        RunState state;
        const RunRule rule{
            .metrics = {
                {.name = "a", .consecutive_error_limit = 0},
                {.name = "b", .consecutive_error_limit = 0}}};
        measure(state, "a", one.a);
        measure(state, "b", one.b);
        assess_run(rule, state, t0);
        CHECK(to_string(state.phase) == to_string(one.run));
    }
}

TEST_CASE("a terminated run ends with the worst so far, or successfully with nothing measured") {
    RunRule rule = two;
    rule.is_terminated = true;
    RunState fresh;
    assess_run(rule, fresh, t0);
    CHECK(fresh.phase == Phase::successful);
    CHECK(fresh.message == "Run Terminated");

    RunState begun;
    measure(begun, "a", Phase::successful);
    CHECK(due_measurements(rule, begun).empty());
    assess_run(rule, begun, t0);
    CHECK(begun.phase == Phase::successful);
    CHECK(begun.message == "Run Terminated");
}

TEST_CASE("dry-run metrics have no consequences, but the run waits for them") {
    const RunRule rule{
        .metrics = {
            {.name = "a"}, {.name = "dry", .interval = 10s, .count = 2, .is_dry_run = true}}};
    RunState state;
    measure(state, "a", Phase::successful);
    measure(state, "dry", Phase::successful);
    assess_run(rule, state, t0);
    CHECK(state.phase == Phase::running);
    CHECK_FALSE(is_terminating(rule, state));
    measure(state, "dry", Phase::failed);
    assess_run(rule, state, t0);
    CHECK(state.phase == Phase::successful);
    CHECK(state.summary == Summary{.count = 1, .successful = 1});
    CHECK(state.dry_run_summary == Summary{.count = 1, .failed = 1});
    CHECK(
        state.find("dry")->message ==
        "Metric assessed Failed due to failed (1) > failureLimit (0)");
}

TEST_CASE("a run of dry-run metrics alone is successful") {
    const RunRule rule{.metrics = {{.name = "dry", .is_dry_run = true}}};
    RunState state;
    measure(state, "dry", Phase::failed);
    assess_run(rule, state, t0);
    CHECK(state.phase == Phase::successful);
    CHECK(state.message.empty());
}

TEST_CASE("a completed run is left alone") {
    RunState state;
    measure(state, "a", Phase::failed);
    assess_run(two, state, t0);
    measure(state, "b", Phase::inconclusive);
    CHECK(assess_run(two, state, t0 + 1h).empty());
    CHECK(state.completed_at == t0);
}

TEST_CASE("completed runs are deleted when more than their time to live has passed") {
    const TimeToLive ttl{.after_completion = 100s, .after_failure = 50s, .after_success = 10s};
    const auto at = [&](Phase phase, const TimeToLive& of) {
        return delete_at(of, {.phase = phase, .completed_at = t0});
    };
    CHECK(at(Phase::successful, ttl) == t0 + 11s);
    CHECK(at(Phase::failed, ttl) == t0 + 51s);
    CHECK(at(Phase::error, ttl) == t0 + 101s);
    CHECK(at(Phase::inconclusive, ttl) == t0 + 101s);
    CHECK_FALSE(at(Phase::running, ttl));
    CHECK_FALSE(at(Phase::error, {.after_failure = 5s}));
    CHECK(at(Phase::successful, {.after_completion = 7s}) == t0 + 8s);
    CHECK_FALSE(delete_at(ttl, {.phase = Phase::error}));  // Never completed: an invalid spec.
}
