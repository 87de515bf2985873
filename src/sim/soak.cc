#include "sim/soak.h"

#include "sim/run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace serin::sim {

namespace {

// Of a batch, in the order of seeds.
struct Played {
    bool has_failed = false;
    int releases = 0;
    std::map<std::string, std::int64_t, std::less<>> reached;
};

std::vector<Played> play_batch(
    std::uint64_t first, std::int64_t count, int jobs, const WorldSettings& settings) {
    std::vector<Played> played(static_cast<std::size_t>(count));
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
        for (std::size_t i = next++; i < played.size(); i = next++) {
            Outcome outcome = play(make_scenario(first + i), settings);
            played[i] = {
                outcome.violation.has_value(), outcome.releases, std::move(outcome.reached)};
        }
    };
    std::vector<std::jthread> threads;
    for (int i = 1; i < jobs; ++i) threads.emplace_back(work);
    work();
    threads.clear();  // Waits for all.
    return played;
}

void add(SoakResult& result, std::uint64_t seed, const Played& played) {
    ++result.runs;
    result.releases += played.releases;
    if (played.has_failed) result.failed.push_back(seed);
    for (const auto& [what, count] : played.reached) result.reached[what] += count;
}

}  // namespace

SoakResult soak(
    const SoakOptions& options,
    const std::function<void(const std::string&)>& print,
    const WorldSettings& settings) {
    SoakResult result;
    while (result.runs < options.runs && std::ssize(result.failed) < options.failures_max) {
        const std::uint64_t first = options.seed + static_cast<std::uint64_t>(result.runs);
        const auto count = std::min(options.batch, options.runs - result.runs);
        const auto batch = play_batch(first, count, options.jobs, settings);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            add(result, first + i, batch[i]);
            if (batch[i].has_failed) run_sim({.seed = first + i}, print, settings);
        }
        print(fmt::format(
            "{} of {} runs, {} releases, {} failing seeds",
            result.runs,
            options.runs,
            result.releases,
            result.failed.size()));
    }
    for (const auto& [what, times] : result.reached) {
        print(fmt::format("  {:<40} {:>12}", what, times));
    }
    print(
        result.is_sound() ? fmt::format(
                                "soak: {} runs with {} releases kept all invariants",
                                result.runs,
                                result.releases)
                          : fmt::format(
                                "soak: {} of {} runs broke an invariant: seeds {}",
                                result.failed.size(),
                                result.runs,
                                fmt::join(result.failed, ", ")));
    return result;
}

}  // namespace serin::sim
