// What looking again and again does to an A/B experiment: how often a winner is declared between
// equal arms, by the usual Bayesian rules and by ours, and how long ours takes when one is better.

#include "judge/ab/experiment.h"
#include "judge/sequential/simulated_traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace serin::bench {

namespace {

using namespace judge::ab;
using judge::sequential::Dice;

constexpr int runs = 200;
constexpr int visits_max = 100'000;
constexpr int look_every = 1000;
constexpr double base = 0.05;

const Spec& spec() {
    static const Spec two_arms{.arms = {{"a", 1}, {"b", 1}}};
    return two_arms;
}

void visit(State& state, Dice& dice, double second_rate, int at) {
    const std::size_t arm = dice.hits(0.5) ? 1 : 0;
    observe(
        state,
        spec(),
        {.arm = arm, .converted = dice.hits(arm == 1 ? second_rate : base), .at_s = at * 1.0});
}

std::array<statistics::Standing, 2> standings(const State& state) {
    const std::array posteriors{
        statistics::posterior(state.conversions[0], state.visitors[0]),
        statistics::posterior(state.conversions[1], state.visitors[1])};
    const auto found = statistics::compare(posteriors);
    return {found[0], found[1]};
}

void equal_arms() {
    int by_chance = 0;
    int by_loss = 0;
    int by_evidence = 0;
    for (std::uint64_t run = 1; run <= runs; ++run) {
        State state = begin(spec());
        Dice dice(1000 + run);
        bool is_likely = false;
        bool is_cheap = false;
        for (int i = 1; i <= visits_max; ++i) {
            visit(state, dice, base, i);
            if (i % look_every != 0) continue;
            const auto [first, second] = standings(state);
            is_likely |= std::max(first.chance_best, second.chance_best) > 0.95;
            is_cheap |= std::min(first.expected_loss, second.expected_loss) < 1e-4;
        }
        by_chance += is_likely ? 1 : 0;
        by_loss += is_cheap ? 1 : 0;
        by_evidence += state.winner ? 1 : 0;
    }
    fmt::print(
        "equal arms at 5 %, {} looks: a winner by P(best) > 95 % in {:.3g} % of {} experiments, by "
        "expected loss < 0.01 points in {:.3g} %, by evidence (alpha 5 %, each visit) in {:.3g} "
        "%\n",
        visits_max / look_every,
        100.0 * by_chance / runs,
        runs,
        100.0 * by_loss / runs,
        100.0 * by_evidence / runs);
}

void better_arm(double rate) {
    std::vector<int> visits;
    int wrong = 0;
    for (std::uint64_t run = 1; run <= runs; ++run) {
        State state = begin(spec());
        Dice dice(5000 + run);
        int i = 0;
        while (i < 4 * visits_max && !state.winner) visit(state, dice, rate, ++i);
        visits.push_back(i / 2);
        wrong += state.winner == 0U ? 1 : 0;
    }
    std::ranges::sort(visits);
    fmt::print(
        "5 against {:.3g} %: visitors an arm until the winner, median {}, 80 % within {}; wrong "
        "{}\n",
        100 * rate,
        visits[runs / 2],
        visits[runs * 4 / 5],
        wrong);
}

}  // namespace

}  // namespace serin::bench

int main() {
    serin::bench::equal_arms();
    serin::bench::better_arm(0.055);
    serin::bench::better_arm(0.06);
    return 0;
}
