#pragma once

#include "base/json.h"
#include "statistics/beta.h"
#include "statistics/confidence.h"
#include "statistics/lift.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// An A/B experiment: which of several lasting arms converts best. The winner is declared by
// evidence that may be looked at after every visitor: with arms that are equally good, or whatever
// the truth is, the chance to ever declare a winner that is not strictly the best is at most alpha.
// The Bayesian numbers beside it are for people; they promise nothing to those who peek.

namespace serin::judge::ab {

constexpr std::size_t arms_max = 8;

struct ArmSpec {
    std::string name;
    double weight = 1;  // Relative to the others'.
};

struct Spec {
    std::vector<ArmSpec> arms;      // Two to eight; read_arms checks that.
    double alpha = 0.05;            // Highest chance of a wrong winner.
    double mismatch_alpha = 0.001;  // Highest chance to call a correct split broken.
};

// "control=50,new=50", or names alone for an even split. Fails with `invalid`.
Result<std::vector<ArmSpec>> read_arms(std::string_view text);

struct Visit {
    std::size_t arm = 0;
    bool converted = false;
    double at_s = 0;
};

// All that is remembered of an experiment: under a kilobyte for two arms, whatever its traffic.
struct State {
    struct Pair {
        statistics::Lift first_better;
        statistics::Lift second_better;
        statistics::Block pending;  // The first arm as canary.
        double expected = 0;        // The rate of both when the block began.
    };
    std::vector<double> shares;  // Of the arms; they sum to 1.
    std::vector<std::uint64_t> visitors;
    std::vector<std::uint64_t> conversions;
    std::vector<Pair> pairs;  // (0, 1), (0, 2), (1, 2), (0, 3), ...
    statistics::Baseline baseline;
    statistics::SplitCheck split;
    std::optional<std::size_t> winner;  // Final.
    std::uint64_t won_at_visit = 0;
    double won_at_s = 0;
};

State begin(const Spec& spec);

// The order of visits must not depend on what came of them: a visit counts when its outcome is
// known, or at a fixed delay after it began. REQUIRES: visit.arm is one of the specification's.
void observe(State& state, const Spec& spec, const Visit& visit);

// The split is not what was configured: the arms cannot be compared, and no winner is declared.
bool is_split_broken(const State& state, const Spec& spec);

struct ArmReport {
    std::string name;
    std::uint64_t visitors = 0;
    std::uint64_t conversions = 0;
    double rate = 0;
    statistics::Interval credible;  // 95 %, of the posterior under an even prior.
    statistics::Interval always;    // 95 %, valid at all times at once.
    double chance_best = 0;
    double expected_loss = 0;
    double e_value =
        1;  // That it beats every other arm: the weakest of the comparisons, at its peak.
};

struct Report {
    std::vector<ArmReport> arms;
    std::optional<std::size_t> winner;
    std::uint64_t won_at_visit = 0;
    double won_at_s = 0;
    double win_at = 0;  // The e-value that wins.
    bool is_split_broken = false;
    double split_p_value = 1;
};

Report report(const State& state, const Spec& spec);

json::Object print_report(const Report& report);

}  // namespace serin::judge::ab
