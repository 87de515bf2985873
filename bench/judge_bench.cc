// How many outcomes a second the sequential judge takes in, on one core.

#include "judge/sequential/judge.h"
#include "judge/sequential/simulated_traffic.h"

#include <benchmark/benchmark.h>

#include <vector>

namespace serin::judge::sequential {

namespace {

// `spec`, the canary's percent of the traffic.
void judge_outcomes(benchmark::State& bench, const char* text, bool has_latency) {
    const auto spec = parse_spec(*json::parse(text));
    if (!spec) return bench.SkipWithError("the specification is not one");
    const double weight = static_cast<double>(bench.range(0)) / 100;
    Traffic traffic{.per_second = 1000, .history_s = 10};
    traffic.weight = [weight](double) { return weight; };
    if (has_latency) traffic.median_ms = 50;
    TrafficSource source(traffic, 1);
    std::vector<Outcome> outcomes(1'000'000);
    for (Outcome& outcome : outcomes) outcome = source.next();

    statistics::FactorCache cache;
    const Judge judge(*spec, cache);
    State state = judge.begin();
    std::size_t next = 0;
    for (auto _ : bench) {
        if (next == outcomes.size() || state.ended) {
            next = 0;
            state = judge.begin();
        }
        judge.observe(state, outcomes[next++]);
    }
    bench.SetItemsProcessed(bench.iterations());
}

constexpr const char* strict =
    R"({"metrics": [{"metric": "error-rate", "margin": {"ratio": 1, "difference": 0}}],
        "timeout": "0s"})";
constexpr const char* errors = R"({"metrics": [{"metric": "error-rate"}], "timeout": "0s"})";
constexpr const char* complete = R"({"timeout": "0s"})";

BENCHMARK_CAPTURE(judge_outcomes, errors_strict, strict, false)->Arg(5)->Arg(50);
BENCHMARK_CAPTURE(judge_outcomes, errors_with_margin, errors, false)->Arg(5)->Arg(50);
BENCHMARK_CAPTURE(judge_outcomes, errors_and_latency, complete, true)->Arg(5)->Arg(50);

}  // namespace

}  // namespace serin::judge::sequential
