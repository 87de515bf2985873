// A/B experiments: what a visitor and a report cost when a thousand experiments run at once.

#include "judge/ab/experiment.h"
#include "judge/sequential/simulated_traffic.h"

#include <benchmark/benchmark.h>

#include <vector>

namespace serin::bench {

namespace {

using namespace judge::ab;
using judge::sequential::Dice;

constexpr std::size_t experiments_count = 1000;

const Spec& spec() {
    static const Spec two_arms{.arms = {{"control", 1}, {"new", 1}}};
    return two_arms;
}

// Visitors arrive at all experiments in turn, so that each one's state has left the caches.
void visit(benchmark::State& loop) {
    std::vector<State> experiments(experiments_count, begin(spec()));
    Dice dice(1);
    std::size_t next = 0;
    for (auto _ : loop) {
        State& state = experiments[next];
        next = (next + 1) % experiments_count;
        const std::size_t arm = dice.hits(0.5) ? 1 : 0;
        observe(state, spec(), {.arm = arm, .converted = dice.hits(0.05)});
    }
    loop.SetItemsProcessed(loop.iterations());
}
BENCHMARK(visit);

void report_of_one(benchmark::State& loop) {
    State state = begin(spec());
    Dice dice(1);
    for (std::int64_t i = 0; i < loop.range(0); ++i) {
        observe(state, spec(), {.arm = dice.hits(0.5) ? 1U : 0U, .converted = dice.hits(0.05)});
    }
    for (auto _ : loop) benchmark::DoNotOptimize(report(state, spec()));
}
BENCHMARK(report_of_one)->Arg(1000)->Arg(100'000);

}  // namespace

}  // namespace serin::bench
