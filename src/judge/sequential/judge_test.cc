#include "judge/sequential/judge.h"

#include "judge/sequential/simulated_traffic.h"
#include "judge/sequential/state_json.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

using namespace serin;
using namespace serin::judge::sequential;

namespace {

Spec spec_of(const std::string& text) {
    const auto value = json::parse(text);
    REQUIRE(value.has_value());
    const auto spec = parse_spec(*value);
    REQUIRE_MESSAGE(spec.has_value(), (spec ? std::string() : spec.error().message));
    return *spec;
}

const std::string errors_only = R"({"metrics": [{"metric": "error-rate"}], "timeout": "0s"})";

// Observes until the decision is final or `count` outcomes have been seen.
void run(const Judge& judge, State& state, TrafficSource& source, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count && !state.ended; ++i) judge.observe(state, source.next());
}

constexpr auto always = [](double value) { return [value](double) { return value; }; };

}  // namespace

TEST_CASE("a broken canary fails after a few of its requests, and the verdict says why") {
    statistics::FactorCache cache;
    const Judge judge(spec_of(errors_only), cache);
    State state = judge.begin();
    const Traffic traffic{.per_second = 1000, .history_s = 10, .canary_failures = always(1.0)};
    TrafficSource source(traffic, 1);
    run(judge, state, source, 20'000);

    REQUIRE(state.ended.has_value());
    CHECK(state.decision == Decision::fail);
    const Verdict verdict = judge.verdict(state);
    CHECK(verdict.rule == "harm");
    CHECK(verdict.metrics[0].canary.total <= 8);
    CHECK(verdict.p_value <= 0.01);
    CHECK(verdict.index == state.ended->index);
    CHECK(verdict.explanation.contains("error-rate: 100 %"));
    CHECK(verdict.explanation.contains("tolerated is 1.2 x stable + 0.05 points"));
}

TEST_CASE("the canary's first request is compared with stable's just before it") {
    statistics::FactorCache cache;
    const Judge judge(spec_of(errors_only), cache);
    State state = judge.begin();
    for (int i = 0; i < 1000; ++i) judge.observe(state, Outcome{.at_s = 0.01 * i});
    judge.observe(state, Outcome{.arm = Arm::canary, .at_s = 10, .failed = true});
    CHECK(judge.verdict(state).e_value > 3);
}

TEST_CASE("a healthy canary passes") {
    statistics::FactorCache cache;
    const Judge judge(spec_of("{}"), cache);
    State state = judge.begin();
    const Traffic traffic{.per_second = 1000, .history_s = 10, .median_ms = 50};
    TrafficSource source(traffic, 2);
    while (state.decision == Decision::go_on) judge.observe(state, source.next());

    CHECK(state.decision == Decision::pass);
    CHECK(judge.verdict(state).rule == "non-inferiority");
    CHECK(judge.verdict(state).metrics[0].canary.total > 300);
}

TEST_CASE("each step needs its own evidence to pass") {
    statistics::FactorCache cache;
    const Judge judge(spec_of(errors_only), cache);
    State state = judge.begin();
    const Traffic traffic{.per_second = 1000, .history_s = 10};
    TrafficSource source(traffic, 3);
    while (state.decision == Decision::go_on) judge.observe(state, source.next());
    REQUIRE(state.decision == Decision::pass);

    judge.begin_step(state, state.now_s);
    CHECK(state.decision == Decision::go_on);
    CHECK(judge.verdict(state).metrics[0].canary.total == 0);
    while (state.decision == Decision::go_on) judge.observe(state, source.next());
    CHECK(state.decision == Decision::pass);
}

TEST_CASE("a canary that is too slow fails") {
    statistics::FactorCache cache;
    const Judge judge(spec_of(R"({"metrics": [{"metric": "latency"}], "timeout": "0s"})"), cache);
    State state = judge.begin();
    const Traffic traffic{
        .per_second = 1000, .history_s = 60, .median_ms = 50, .canary_slowness = always(2.0)};
    TrafficSource source(traffic, 4);
    run(judge, state, source, 120'000);
    REQUIRE(state.decision == Decision::fail);
    CHECK(judge.verdict(state).metrics[0].canary.total < 200);
}

TEST_CASE("a judge that was stored and read again goes on as if it had not been") {
    for (const std::string& text :
         {std::string("{}"),
          std::string(R"({"metrics": [{"metric": "success-rate", "atLeast": 0.99},
              {"metric": "latency", "quantile": 0.9}, {"metric": "business"}], "warmup": "2s"})")}) {
        statistics::FactorCache cache;
        const Spec spec = spec_of(text);
        const Judge judge(spec, cache);
        State whole = judge.begin();
        State resumed = judge.begin();
        const Traffic traffic{.per_second = 500, .history_s = 10, .median_ms = 20};
        TrafficSource source(traffic, 5);
        for (int i = 0; i < 20'000; ++i) {
            Outcome outcome = source.next();
            outcome.converted = source.dice().hits(0.1);
            judge.observe(whole, outcome);
            if (i % 97 == 0) {
                const auto printed = json::parse(json::print(print_state(resumed, spec)));
                REQUIRE(printed.has_value());
                const auto read = read_state(*printed, spec);
                REQUIRE(read.has_value());
                resumed = *read;
            }
            statistics::FactorCache fresh;  // It may not matter what is remembered.
            const Judge other(spec, i % 1000 == 0 ? fresh : cache);
            other.observe(resumed, outcome);
        }
        CHECK(json::print(print_state(whole, spec)) == json::print(print_state(resumed, spec)));
    }
}

TEST_CASE("a damaged or foreign state is refused") {
    statistics::FactorCache cache;
    const Spec spec = spec_of("{}");
    const Judge judge(spec, cache);
    json::Value printed = print_state(judge.begin(), spec);
    CHECK(read_state(printed, spec).has_value());

    const auto foreign = read_state(printed, spec_of(errors_only));
    REQUIRE(!foreign.has_value());
    CHECK(foreign.error().message == "the state belongs to another specification");

    printed.as_object()["packed"] = "AAAA";
    CHECK(!read_state(printed, spec).has_value());
    CHECK(!read_state(json::Value(nullptr), spec).has_value());
}

TEST_CASE("the step's time ends inconclusive, and the next step starts over") {
    statistics::FactorCache cache;
    const Judge judge(
        spec_of(R"({"metrics": [{"metric": "error-rate"}], "timeout": "1m"})"), cache);
    State state = judge.begin();
    const Traffic traffic{.per_second = 10};
    TrafficSource source(traffic, 6);
    run(judge, state, source, 10'000);
    REQUIRE(state.decision == Decision::inconclusive);
    const Verdict verdict = judge.verdict(state);
    CHECK(verdict.rule == "deadline");
    CHECK(verdict.explanation.contains("error-rate ("));

    judge.begin_step(state, state.now_s + 1);
    CHECK(state.decision == Decision::go_on);
}

TEST_CASE("counters are judged by what they grew by") {
    statistics::FactorCache cache;
    const Judge judge(spec_of(errors_only), cache);
    State healthy = judge.begin();
    State broken = judge.begin();
    for (int i = 0; i < 60; ++i) {
        const double at_s = 15.0 * i;
        judge.observe(healthy, {.at_s = at_s, .counts = {{500, 1}, {9500, 10}}});
        judge.observe(broken, {.at_s = at_s, .counts = {{500, 25}, {9500, 10}}});
    }
    CHECK(healthy.decision == Decision::pass);
    CHECK(broken.decision == Decision::fail);
    CHECK(counter_growth(100, 130) == 30);
    CHECK(counter_growth(100, 30) == 30);
}
