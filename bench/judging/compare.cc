// Plays the same traffic to several judges and prints what each of them costs: false aborts, time
// and canary requests until a fault is found, failed requests that users saw, and how far that is
// from what no judge can beat. The tables and plots of docs/judging.md.
//
//   judging [RUNS] [FOLDER FOR PLOTS]

#include "judge/sequential/simulated_traffic.h"
#include "judging/rules.h"
#include "statistics/divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace serin::bench {

namespace {

using judge::sequential::Traffic;
using judge::sequential::TrafficSource;

struct Scenario {
    std::string name;
    Traffic traffic;
    double until_s = 1800;
    std::vector<double> steps;  // When the next ones begin.
    double fault_at_s = 0;
    double stable = 0.001;  // Rates once the fault is there; equal: healthy.
    double canary = 0.001;
    double weight = 0.05;
};

struct Tally {
    int taken_back = 0;
    double seconds = 0;
    double requests = 0;
    double failed = 0;
};

// What users saw of the canary since its fault.
struct Exposure {
    double requests = 0;
    double failed = 0;
};

std::vector<Tally> play(
    const Scenario& scenario, const std::vector<std::unique_ptr<Rule>>& rules, int runs) {
    std::vector<Tally> tallies(rules.size());
    for (int run = 0; run < runs; ++run) {
        TrafficSource source(scenario.traffic, 5000 + static_cast<std::uint64_t>(run));
        std::vector<bool> is_open(rules.size(), true);
        auto open = rules.size();
        for (const auto& rule : rules) rule->begin();
        Exposure exposed;
        std::size_t step = 0;
        while (open > 0) {
            const Outcome outcome = source.next();
            if (outcome.at_s >= scenario.until_s) break;
            if (outcome.arm == Arm::canary && outcome.at_s >= scenario.fault_at_s) {
                exposed.requests += 1;
                exposed.failed += outcome.failed ? 1 : 0;
            }
            if (step < scenario.steps.size() && outcome.at_s >= scenario.steps[step]) {
                for (const auto& rule : rules) rule->step(outcome.at_s);
                ++step;
            }
            for (std::size_t i = 0; i < rules.size(); ++i) {
                if (!is_open[i] || !rules[i]->observe(outcome)) continue;
                is_open[i] = false;
                --open;
                ++tallies[i].taken_back;
                tallies[i].seconds += outcome.at_s - scenario.fault_at_s;
                tallies[i].requests += exposed.requests;
                tallies[i].failed += exposed.failed;
            }
        }
    }
    return tallies;
}

Scenario fault(double stable, double canary, double per_second, double weight = 0.05) {
    Scenario scenario{.stable = stable, .canary = canary, .weight = weight};
    scenario.name = fmt::format(
        "{:g} to {:g} %, {:g} rps at {:g} %", 100 * stable, 100 * canary, per_second, 100 * weight);
    scenario.traffic.per_second = per_second;
    scenario.traffic.history_s = 120;
    scenario.traffic.weight = [weight](double) { return weight; };
    scenario.traffic.stable_failures = [stable](double) { return stable; };
    scenario.traffic.canary_failures = [canary](double) { return canary; };
    return scenario;
}

Scenario late_fault() {
    Scenario scenario = fault(0.001, 0.05, 300, 0.25);
    scenario.name = "late: 0.1 to 5 % at 400 s, 300 rps at 25 %";
    scenario.fault_at_s = 400;
    scenario.until_s = 900;
    scenario.traffic.canary_failures = [](double at_s) { return at_s < 400 ? 0.001 : 0.05; };
    return scenario;
}

// 10, 25 and 50 %, 300 s each.
Scenario healthy(const std::string& name, double per_second, const Traffic::AtTime& both) {
    Scenario scenario{.name = name, .until_s = 900, .steps = {300, 600}};
    scenario.traffic.per_second = per_second;
    scenario.traffic.history_s = 120;
    scenario.traffic.weight = [](double at_s) {
        return at_s < 300 ? 0.1 : at_s < 600 ? 0.25 : 0.5;
    };
    scenario.traffic.stable_failures = scenario.traffic.canary_failures = both;
    return scenario;
}

std::vector<Scenario> faults() {
    return {
        fault(0.001, 0.02, 100),
        fault(0.001, 0.05, 10),
        fault(0.001, 0.05, 100),
        fault(0.001, 0.05, 1000),
        fault(0.001, 0.2, 100),
        fault(0.001, 1, 100),
        fault(0.001, 1, 1000),
        fault(0.01, 0.05, 100),
        late_fault()};
}

std::vector<Scenario> harmless() {
    const auto constant = [](double rate) { return [rate](double) { return rate; }; };
    return {
        healthy("0.1 %, 10 rps", 10, constant(0.001)),
        healthy("0.1 %, 100 rps", 100, constant(0.001)),
        healthy("1 %, 100 rps", 100, constant(0.01)),
        healthy("3 %, 100 rps", 100, constant(0.03)),
        healthy(
            "drift 0.1 to 2 %, 100 rps",
            100,
            [](double at_s) { return 0.001 + 0.019 * std::clamp(at_s / 900, 0.0, 1.0); }),
        healthy("outage of both, 30 % for 120 s, 100 rps", 100, [](double at_s) {
            return at_s >= 200 && at_s < 320 ? 0.3 : 0.001;
        })};
}

// Horizontal bars, one group a scenario, on a logarithmic scale from 0.5.
class Plot {
public:
    Plot(std::string title, std::vector<std::string> series)
        : title_(std::move(title)), series_(std::move(series)) {}

    // Below 0: never.
    void add(const std::string& group, std::vector<double> values) {
        groups_.push_back({group, std::move(values)});
    }

    void write(const std::string& file) const {
        constexpr double left = 300;
        constexpr double width = 420;
        constexpr double bar = 13;
        const double group_height = bar * static_cast<double>(series_.size()) + 14;
        const double height = 60 + group_height * static_cast<double>(groups_.size());
        std::string svg = fmt::format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 {:.0f}\" "
            "font-family=\"sans-serif\" font-size=\"11\">\n"
            "<rect width=\"860\" height=\"{:.0f}\" fill=\"white\"/>\n"
            "<text x=\"10\" y=\"20\" font-size=\"14\">{}</text>\n",
            height,
            height,
            title_);
        for (std::size_t i = 0; i < series_.size(); ++i) {
            const double x = 10 + 168 * static_cast<double>(i);
            svg += fmt::format(
                "<rect x=\"{:.0f}\" y=\"30\" width=\"10\" height=\"10\" fill=\"{}\"/>"
                "<text x=\"{:.0f}\" y=\"39\" font-size=\"10\">{}</text>\n",
                x,
                colours[i % std::size(colours)],
                x + 14,
                escaped(series_[i]));
        }
        double y = 54;
        for (const auto& [name, values] : groups_) {
            svg += fmt::format(
                "<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"end\">{}</text>\n",
                left - 8,
                y + group_height / 2,
                escaped(name));
            for (std::size_t i = 0; i < values.size(); ++i) {
                const bool is_never = values[i] < 0;
                const double length =
                    is_never
                        ? 0
                        : width * std::clamp(std::log(values[i] / 0.5) / std::log(1e5), 0.0, 1.0);
                svg += fmt::format(
                    "<rect x=\"{:.0f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\" "
                    "fill=\"{}\"/><text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"10\">{}</text>\n",
                    left,
                    y,
                    length,
                    bar - 2,
                    colours[i % std::size(colours)],
                    left + length + 4,
                    y + bar - 4,
                    is_never ? std::string("never") : fmt::format("{:.3g}", values[i]));
                y += bar;
            }
            y += 14;
        }
        std::ofstream(file) << svg << "</svg>\n";
    }

private:
    static constexpr const char* colours[] = {
        "#b0b0b0", "#808080", "#d8a657", "#4c956c", "#2c6e91"};

    static std::string escaped(const std::string& text) {
        std::string out;
        for (const char c : text) out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
        return out;
    }

    std::string title_;
    std::vector<std::string> series_;
    std::vector<std::pair<std::string, std::vector<double>>> groups_;
};

void compare_faults(const std::vector<std::unique_ptr<Rule>>& rules, int runs, Plot& plot) {
    fmt::print(
        "Faults: seconds / canary requests / failed requests until the abort, (requests over "
        "the limit); share found if not all\n\n| fault | limit |");
    for (const auto& rule : rules) fmt::print(" {} |", rule->name());
    fmt::print("\n|---|---|");
    for (std::size_t i = 0; i < rules.size(); ++i) fmt::print("---|");
    fmt::print("\n");
    for (const Scenario& scenario : faults()) {
        const double limit = std::max(
            1.0,
            std::log(100) /
                statistics::information(
                    {},
                    {.canary = std::min(scenario.canary, 1 - 1e-9), .stable = scenario.stable},
                    scenario.weight));
        fmt::print("| {} | {:.3g} |", scenario.name, limit);
        std::vector<double> exposed;
        for (const Tally& tally : play(scenario, rules, runs)) {
            const double found = tally.taken_back;
            exposed.push_back(found * 2 < runs ? -1 : std::max(tally.failed / found, 0.51));
            if (found == 0) {
                fmt::print(" never |");
                continue;
            }
            fmt::print(
                " {:.3g} / {:.4g} / {:.3g} ({:.3g}x){} |",
                tally.seconds / found,
                tally.requests / found,
                tally.failed / found,
                tally.requests / found / limit,
                found < runs ? fmt::format(" {:.3g} %", 100 * found / runs) : "");
        }
        fmt::print("\n");
        std::fflush(stdout);
        plot.add(scenario.name, exposed);
    }
}

void compare_harmless(const std::vector<std::unique_ptr<Rule>>& rules, int runs) {
    fmt::print("\nHealthy canaries: false aborts, %\n\n| traffic |");
    for (const auto& rule : rules) fmt::print(" {} |", rule->name());
    fmt::print("\n|---|");
    for (std::size_t i = 0; i < rules.size(); ++i) fmt::print("---|");
    fmt::print("\n");
    for (const Scenario& scenario : harmless()) {
        fmt::print("| {} |", scenario.name);
        for (const Tally& tally : play(scenario, rules, runs)) {
            fmt::print(" {:.3g} |", 100.0 * tally.taken_back / runs);
        }
        fmt::print("\n");
        std::fflush(stdout);
    }
}

}  // namespace

}  // namespace serin::bench

int main(int count, char** words) {
    using namespace serin::bench;
    const int runs = count > 1 ? std::max(std::atoi(words[1]), 1) : 200;
    const auto rules = all_rules();
    std::vector<std::string> names;
    for (const auto& rule : rules) names.push_back(rule->name());
    Plot plot("Failed canary requests that users saw until the abort (log scale)", names);
    fmt::print("{} runs a row\n\n", runs);
    compare_faults(rules, runs, plot);
    compare_harmless(rules, runs);
    if (count > 2) plot.write(std::string(words[2]) + "/exposed.svg");
    return 0;
}
