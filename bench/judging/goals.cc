// Measures the sequential judge against each of its statistical goals, by simulation with fixed
// seeds: the table "Against the goals" of docs/judging.md. A few minutes of one core.
//
//   goals [SECTION]     One of: detection, calibration, latency, promotion, planner, memory.

#include "judge/sample_size.h"
#include "judge/sequential/state_json.h"
#include "judging/releases.h"
#include "statistics/divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <string>
#include <string_view>

namespace serin::bench {

namespace {

namespace sequential = judge::sequential;

const std::string strict = R"({"metrics": [{"metric": "error-rate",
    "margin": {"ratio": 1, "difference": 0}}]})";
const std::string strict_mille = R"({"alpha": 0.001, "metrics": [{"metric": "error-rate",
    "margin": {"ratio": 1, "difference": 0}}]})";
const std::string tolerant = R"({"metrics": [{"metric": "error-rate"}]})";
const std::string latency = R"({"metrics": [{"metric": "latency"}]})";

struct Fault {
    double stable = 0.001;
    double canary = 0.001;
    double weight = 0.05;
};

void title(std::string_view of, std::string_view columns) {
    fmt::print("\n## {}\n\n|{}|\n|", of, columns);
    for (auto count = std::ranges::count(columns, '|') + 1; count > 0; --count) fmt::print("---|");
    fmt::print("\n");
    std::fflush(stdout);
}

void row(const std::string& text) {
    fmt::print("| {} |\n", text);
    std::fflush(stdout);
}

std::string describe(const Fault& fault) {
    return fmt::format(
        "{:g} to {:g} % at {:g} %", 100 * fault.stable, 100 * fault.canary, 100 * fault.weight);
}

Traffic traffic_of(const Fault& fault, double per_second, double history_s) {
    Traffic traffic{.per_second = per_second, .history_s = history_s};
    traffic.weight = always(fault.weight);
    traffic.stable_failures = always(fault.stable);
    traffic.canary_failures = always(fault.canary);
    return traffic;
}

// --- Detection: canary requests until the abort, over what no judge can beat.

double limit_of(const Fault& fault, double alpha) {
    const statistics::Rates rates{
        .canary = std::min(fault.canary, 1 - 1e-9), .stable = fault.stable};
    return std::max(1.0, std::log(1 / alpha) / statistics::information({}, rates, fault.weight));
}

std::vector<Ending> find(const Fault& fault, const std::string& spec, int runs) {
    return play({.spec = spec}, requests(traffic_of(fault, 1000, 10), 31'000), runs);
}

std::string over_limit(const Fault& fault, const std::string& spec, double alpha, int runs) {
    const auto endings = find(fault, spec, runs);
    return fmt::format(
        "{:.3g} ({:.2f}x){}",
        mean_canary(endings),
        mean_canary(endings) / limit_of(fault, alpha),
        share_failed(endings) < 100 ? fmt::format(" {:.3g} %", share_failed(endings)) : "");
}

void detection() {
    title(
        "Canary requests until the abort (over the limit); 1000 rps, 10,000 requests of history",
        "fault | strict | default margin | strict, alpha 0.001");
    for (const double weight : {0.01, 0.05, 0.1, 0.5}) {
        for (const auto& [stable, canary] :
             {std::pair{0.001, 1.0},
              {0.001, 0.5},
              {0.001, 0.2},
              {0.001, 0.05},
              {0.001, 0.02},
              {0.01, 1.0},
              {0.01, 0.2},
              {0.01, 0.05},
              {0.01, 0.02}}) {
            const Fault fault{.stable = stable, .canary = canary, .weight = weight};
            const double outcomes = limit_of(fault, 0.01) / weight;
            const int runs = outcomes > 20'000 ? 100 : outcomes > 2000 ? 300 : 600;
            row(fmt::format(
                "{} ({} runs) | {} | {} | {}",
                describe(fault),
                runs,
                over_limit(fault, strict, 0.01, runs),
                over_limit(fault, tolerant, 0.01, runs),
                over_limit(fault, strict_mille, 0.001, runs)));
        }
    }

    constexpr double onset_s = 400;
    title(
        "A fault in mid-release, 0.1 to 5 % at 25 %, from 400 s on (100 runs)",
        "traffic, judge | seconds after the onset, mean | 95 % within | found | aborted before");
    for (const double per_second : {100.0, 1000.0}) {
        for (const auto& [name, spec] :
             {std::pair{"strict", strict}, {"default margin", tolerant}}) {
            Traffic traffic = traffic_of({.weight = 0.25}, per_second, 30);
            traffic.canary_failures = [](double at_s) { return at_s < onset_s ? 0.001 : 0.05; };
            const auto endings =
                play({.spec = spec, .until_s = 600}, requests(traffic, 41'000), 100);
            std::vector<double> delays;
            for (const Ending& ending : endings)
                if (ending.has_failed && ending.at_s >= onset_s)
                    delays.push_back(ending.at_s - onset_s);
            std::ranges::sort(delays);
            double sum = 0;
            for (const double delay : delays) sum += delay;
            const double found =
                100.0 * static_cast<double>(delays.size()) / static_cast<double>(endings.size());
            row(fmt::format(
                "{:g} rps, {} | {:.3g} | {:.3g} | {:.3g} % | {:.3g} %",
                per_second,
                name,
                sum / static_cast<double>(delays.size()),
                delays[delays.size() * 95 / 100],
                found,
                share_failed(endings) - found));
        }
    }
}

// --- Calibration: false aborts of harmless canaries.

std::string false_aborts(const Release& release, const MakeStream& streams, int runs) {
    return fmt::format("{:.3g}", share_failed(play(release, streams, runs)));
}

struct Ladder {
    double per_second = 100;
    double step_s = 300;
    int runs = 500;
};

void both_judges(const std::string& name, const Ladder& ladder, const MakeStream& streams) {
    Release release{.until_s = 3 * ladder.step_s, .steps = {ladder.step_s, 2 * ladder.step_s}};
    std::string shares;
    for (const std::string& spec : {strict, tolerant}) {
        release.spec = spec;
        shares += " | " + false_aborts(release, streams, ladder.runs);
    }
    row(fmt::format(
        "{}, {:g} rps, steps of {:g} s ({} runs){}",
        name,
        ladder.per_second,
        ladder.step_s,
        ladder.runs,
        shares));
}

// At a thousand requests a second the steps are shorter, not the number of requests smaller.
constexpr std::array<Ladder, 3> ladders{{{10, 300, 1000}, {100, 300, 500}, {1000, 100, 200}}};

Traffic rising(const Ladder& ladder, double rate) {
    Traffic traffic =
        traffic_of({.stable = rate, .canary = rate}, ladder.per_second, ladder.step_s);
    traffic.weight = rising_weight(ladder.step_s);
    return traffic;
}

void calibration() {
    title(
        "False aborts of healthy canaries at 10, 25 and 50 %, in %",
        "traffic | strict | default margin");
    for (const double rate : {0.001, 0.01, 0.03}) {
        for (const Ladder& ladder : ladders) {
            both_judges(
                fmt::format("{:g} %", 100 * rate), ladder, requests(rising(ladder, rate), 11'000));
        }
    }
    for (const Ladder& ladder : {Ladder{100, 300, 200}, Ladder{1000, 100, 100}}) {
        const double end_s = 3 * ladder.step_s;
        Traffic traffic = rising(ladder, 0.001);
        traffic.stable_failures = traffic.canary_failures = [end_s](double at_s) {
            return 0.001 + 0.019 * std::clamp(at_s / end_s, 0.0, 1.0);
        };
        both_judges("drift of both, 0.1 to 2 %", ladder, requests(traffic, 12'000));
        traffic.stable_failures = traffic.canary_failures = [end_s](double at_s) {
            return at_s > 0.2 * end_s && at_s < 0.35 * end_s ? 0.3 : 0.001;
        };
        both_judges("outage of both, 30 %", ladder, requests(traffic, 13'000));
        both_judges(
            "instance noise of 0.2, 1 %",
            ladder,
            noisy_instance(rising(ladder, 0.01), 14'000, 0.2));
        both_judges(
            "clusters of 5 at once, by a known user",
            ladder,
            clustered(rising(ladder, 0.001), 15'000, {}));
        both_judges(
            "clusters of 5, a second apart, by a known user",
            ladder,
            clustered(rising(ladder, 0.001), 16'000, {.gap_s = 1}));
        both_judges(
            "clusters of 5, a second apart, by nobody known",
            ladder,
            clustered(rising(ladder, 0.001), 17'000, {.gap_s = 1, .has_unit = false}));
    }
}

// --- Latency: log-normal, median 50 ms, sigma 0.7; margin 1.10.

void latencies() {
    Traffic traffic = traffic_of({}, 1000, 100);
    traffic.median_ms = 50;
    const auto slower = [&](double times) {
        Traffic slow = traffic;
        slow.canary_slowness = always(times);
        return requests(slow, 71'000);
    };
    const auto sometimes = [&](double share, double times, double more_ms) {
        return requests(traffic, 71'000, [=](Outcome& outcome, Dice& dice) {
            if (outcome.arm == Arm::canary && dice.hits(share))
                outcome.ms = times * outcome.ms + more_ms;
        });
    };
    title(
        "Canary requests until the abort for latency; 1000 rps at 5 % (200 runs)",
        "fault | mean | median | 95 % within | found");
    for (const auto& [name, streams] :
         {std::pair{"all x1.3", slower(1.3)},
          {"all x2", slower(2)},
          {"8 % +250 ms", sometimes(0.08, 1, 250)},
          {"2 % x10", sometimes(0.02, 10, 0)}}) {
        const auto endings = play({.spec = latency, .until_s = 200}, streams, 200);
        row(fmt::format(
            "{} | {:.3g} | {:.3g} | {:.3g} | {:.3g} %",
            name,
            mean_canary(endings),
            quantile_canary(endings, 0.5),
            quantile_canary(endings, 0.95),
            share_failed(endings)));
    }
    title(
        "False aborts for latency at 10, 25 and 50 %, in %",
        "traffic | healthy | canary 5 % slower | both 3 times slower for a while");
    for (const Ladder& ladder :
         {Ladder{10, 300, 2000}, Ladder{100, 300, 200}, Ladder{1000, 100, 50}}) {
        const Release release{
            .spec = latency,
            .until_s = 3 * ladder.step_s,
            .steps = {ladder.step_s, 2 * ladder.step_s}};
        Traffic healthy = rising(ladder, 0.001);
        healthy.median_ms = 50;
        Traffic slow = healthy;
        slow.canary_slowness = always(1.05);
        Traffic ill = healthy;
        ill.canary_slowness = ill.stable_slowness = [end_s = release.until_s](double at_s) {
            return at_s > 0.2 * end_s && at_s < 0.35 * end_s ? 3.0 : 1.0;
        };
        std::string shares;
        for (const Traffic& one : {healthy, slow, ill})
            shares += " | " + false_aborts(release, requests(one, 72'000), ladder.runs);
        row(fmt::format(
            "{:g} rps, steps of {:g} s ({} runs){}",
            ladder.per_second,
            ladder.step_s,
            ladder.runs,
            shares));
    }
}

// --- Promotion: equal arms pass, a canary at the edge of the margin does not.

void promotion() {
    title(
        "Promotion: canary requests of equal arms over the limit, and passes at the margin's edge",
        "base and margin | limit | median | 80 % | 95 % | passed at the edge");
    struct Case {
        double base, difference, weight;
        int runs;
    };
    for (const auto& [base, difference, weight, runs] :
         {Case{0.001, 0.005, 0.05, 400},
          Case{0.001, 0.005, 0.25, 400},
          Case{0.001, 0.005, 0.5, 400},
          Case{0.001, 0.002, 0.05, 200},
          Case{0.001, 0.002, 0.5, 200},
          Case{0.01, 0.005, 0.05, 200},
          Case{0.01, 0.005, 0.25, 200},
          Case{0.01, 0.01, 0.05, 400},
          Case{0.01, 0.01, 0.5, 400}}) {
        const double limit =
            std::log(20) / statistics::information(
                               {.difference = difference, .side = statistics::Side::below},
                               {.canary = base, .stable = base},
                               weight);
        // Both margins are one, so that the edge is no harm and the pass is tested alone.
        const std::string margin = fmt::format(R"({{"ratio": 1, "difference": {}}})", difference);
        Release release{
            .spec = fmt::format(
                R"({{"metrics": [{{"metric": "error-rate", "margin": {}, "passMargin": {}}}]}})",
                margin,
                margin),
            .canary_max = 10 * limit,
            .ends_by_passing = true};
        release.until_s = 1e9;
        const Fault equal{.stable = base, .canary = base, .weight = weight};
        const auto passes = play(release, requests(traffic_of(equal, 1000, 30), 61'000), runs);
        const Fault edge{.stable = base, .canary = base + difference, .weight = weight};
        const auto wrong = play(release, requests(traffic_of(edge, 1000, 30), 62'000), runs);
        row(fmt::format(
            "{:g} % +{:g} points at {:g} % ({} runs) | {:.4g} | {:.2f}x | {:.2f}x | {:.2f}x | "
            "{:.3g} %",
            100 * base,
            100 * difference,
            100 * weight,
            runs,
            limit,
            quantile_canary(passes, 0.5) / limit,
            quantile_canary(passes, 0.8) / limit,
            quantile_canary(passes, 0.95) / limit,
            share_passed(wrong)));
    }
}

// --- The planner against the judge.

std::string compare(double planned, double needed) {
    return fmt::format(
        "{:.4g} for {:.4g} ({:+.0f} %)", planned, needed, 100 * (planned / needed - 1));
}

void planner() {
    title(
        "Planner: requests that it plans for those that are needed, at a power of 80 and 95 %",
        "fault | strict, 80 % | strict, 95 % | margin, 80 % | margin, 95 %");
    for (const Fault& fault :
         {Fault{0.001, 0.005, 0.05},
          Fault{0.001, 0.01, 0.05},
          Fault{0.001, 0.02, 0.05},
          Fault{0.001, 0.05, 0.05},
          Fault{0.01, 0.02, 0.05},
          Fault{0.01, 0.05, 0.05},
          Fault{0.01, 0.2, 0.05},
          Fault{0.001, 0.02, 0.25},
          Fault{0.01, 0.05, 0.25},
          Fault{0.001, 0.05, 0.5},
          Fault{0.01, 0.05, 0.5}}) {
        const double outcomes = limit_of(fault, 0.01) / fault.weight;
        const int runs = outcomes > 20'000 ? 200 : outcomes > 2000 ? 500 : 1000;
        std::string text = fmt::format("{} ({} runs)", describe(fault), runs);
        for (const bool is_strict : {true, false}) {
            const auto endings = find(fault, is_strict ? strict : tolerant, runs);
            for (const double power : {0.8, 0.95}) {
                judge::SequentialTest test{.power = power};
                if (is_strict) test.null = {.ratio = 1};
                const auto size = judge::sequential_size(
                    {.base = fault.stable, .canary = fault.canary}, fault.weight, test);
                text += " | " + compare(size.value_or(0), quantile_canary(endings, power));
            }
        }
        row(text);
    }
}

// --- What is remembered, and whether it is the same again.

void memory() {
    const auto spec = *sequential::parse_spec(*json::parse(R"({"timeout": "0s"})"));
    Traffic traffic = traffic_of({.canary = 0.002}, 1000, 30);
    traffic.median_ms = 50;
    const auto judged = [&](bool is_interrupted) {
        statistics::FactorCache cache;
        const sequential::Judge judge(spec, cache);
        sequential::State state = judge.begin();
        const Stream next = requests(traffic, 91'000)(0);
        for (int i = 0; i < 300'000; ++i) {
            judge.observe(state, next());
            if (is_interrupted && i % 1000 == 0) {
                const auto text = json::print(sequential::print_state(state, spec));
                state = *sequential::read_state(*json::parse(text), spec);
            }
        }
        return json::print(sequential::print_state(state, spec));
    };
    const std::string once = judged(false);
    title("Memory and replay", "what | |");
    row(fmt::format(
        "bytes of a metric in memory, whatever its kind | {}", sizeof(sequential::MetricState)));
    row(fmt::format("bytes of failures and latency together, stored | {}", once.size()));
    row(fmt::format(
        "300,000 outcomes judged again: the state is | {}",
        judged(false) == once ? "equal, bit for bit" : "DIFFERENT"));
    row(fmt::format(
        "the same, stored and read after each thousand | {}",
        judged(true) == once ? "equal, bit for bit" : "DIFFERENT"));
}

}  // namespace

}  // namespace serin::bench

int main(int count, char** words) {
    using namespace serin::bench;
    const std::string_view only = count > 1 ? words[1] : "";
    bool has_run = false;
    for (const auto& [name, run] :
         {std::pair<std::string_view, void (*)()>{"detection", detection},
          {"calibration", calibration},
          {"latency", latencies},
          {"promotion", promotion},
          {"planner", planner},
          {"memory", memory}}) {
        if (!only.empty() && only != name) continue;
        has_run = true;
        run();
    }
    if (!has_run) fmt::print(stderr, "goals: no section is called {}\n", only);
    return has_run ? 0 : 1;
}
