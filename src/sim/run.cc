#include "sim/run.h"

#include "sim/shrink.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <map>

namespace serin::sim {

namespace {

using Print = std::function<void(const std::string&)>;

constexpr std::size_t tail_max = 25;

Scenario scenario_of(std::uint64_t seed, const SimOptions& options) {
    Scenario scenario = make_scenario(seed);
    return options.kept.empty() ? scenario : scenario.with_parts(options.kept);
}

bool fails_alike(const Scenario& scenario, const WorldSettings& settings, const std::string& rule) {
    const Outcome outcome = play(scenario, settings);
    return outcome.violation && outcome.violation->rule == rule;
}

void print_tail(const Scenario& scenario, WorldSettings settings, const Print& print) {
    std::deque<std::string> tail;
    settings.trace = [&](const std::string& line) {
        tail.push_back(line);
        if (tail.size() > tail_max) tail.pop_front();
    };
    play(scenario, settings);
    for (const std::string& line : tail) print("  " + line);
}

void report(
    const Scenario& scenario,
    const SimOptions& options,
    const Outcome& outcome,
    const WorldSettings& settings,
    const Print& print) {
    const Violation& violation = *outcome.violation;
    print(fmt::format(
        "seed {} breaks {} at {}: {}",
        scenario.seed,
        violation.rule,
        format_offset(violation.at),
        violation.words));
    Scenario smallest = scenario;
    std::vector<std::size_t> kept = options.kept;
    if (options.shrinks && options.kept.empty()) {
        kept = shrink(scenario, [&](const Scenario& smaller) {
            return fails_alike(smaller, settings, violation.rule);
        });
        smallest = scenario.with_parts(kept);
    }
    print(fmt::format("the smallest scenario found has {} parts:", smallest.parts()));
    print(smallest.describe());
    print("and ends:");
    print_tail(smallest, settings, print);
    std::string replay = fmt::format("replay: serin sim --seed {} --trace", scenario.seed);
    if (!kept.empty()) replay += fmt::format(" --keep {}", fmt::join(kept, ","));
    print(replay);
}

}  // namespace

bool run_sim(const SimOptions& options, const Print& print, const WorldSettings& settings) {
    WorldSettings traced = settings;
    if (options.is_traced) traced.trace = print;
    std::map<std::string, std::int64_t> phases;
    std::int64_t releases = 0;
    for (std::int64_t run = 0; run < options.runs; ++run) {
        const Scenario scenario =
            scenario_of(options.seed + static_cast<std::uint64_t>(run), options);
        const Outcome outcome = play(scenario, traced);
        if (outcome.violation) {
            report(scenario, options, outcome, settings, print);
            return false;
        }
        ++phases[outcome.phase];
        releases += outcome.releases;
    }
    std::string ends;
    for (const auto& [phase, count] : phases) ends += fmt::format(", {} {}", count, phase);
    print(fmt::format(
        "{} runs with {} releases kept all invariants{}", options.runs, releases, ends));
    return true;
}

}  // namespace serin::sim
