#include "judge/ab/experiment.h"

#include "base/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

namespace serin::judge::ab {

namespace {

// A block closes by its size alone.
constexpr std::uint64_t block_size = 4;
constexpr double half_life_s = 24 * 3600;
constexpr double display_alpha = 0.05;
constexpr double baseline_total = 20;
constexpr double baseline_events = 1;

std::vector<double> shares(const Spec& spec) {
    double sum = 0;
    for (const ArmSpec& arm : spec.arms) sum += arm.weight;
    std::vector<double> weights;
    for (const ArmSpec& arm : spec.arms) weights.push_back(arm.weight / sum);
    return weights;
}

// The place of the pair in State::pairs.
std::size_t pair_index(std::size_t first, std::size_t second) {
    return second * (second - 1) / 2 + first;
}

// A wrong arm i wins only if it beats the best one, of which at most one side can be wrong for each
// i: alpha is shared by the arms.
double ln_win_at(const Spec& spec) {
    return std::log(static_cast<double>(spec.arms.size()) / spec.alpha);
}

// ln of the evidence that the arm is better than each other one.
double ln_beats_all(const State& state, std::size_t arm) {
    double weakest = std::numeric_limits<double>::infinity();
    for (std::size_t other = 0; other < state.visitors.size(); ++other) {
        if (other == arm) continue;
        const State::Pair& pair =
            state.pairs[pair_index(std::min(arm, other), std::max(arm, other))];
        const statistics::Lift& lift = arm < other ? pair.first_better : pair.second_better;
        weakest = std::min(weakest, lift.ln_peak);
    }
    return weakest;
}

statistics::Block mirrored(const statistics::Block& block) {
    return {
        .canary = block.stable,
        .canary_events = block.stable_events,
        .stable = block.canary,
        .stable_events = block.canary_events};
}

void observe_pair(State::Pair& pair, bool is_first, bool converted, double expected) {
    statistics::Block& block = pair.pending;
    // From before the block: what came of its own visitors must not shape the bets on them.
    if (block.canary + block.stable == 0) pair.expected = expected;
    (is_first ? block.canary : block.stable) += 1;
    (is_first ? block.canary_events : block.stable_events) += converted ? 1U : 0U;
    const bool has_both = block.canary > 0 && block.stable > 0;
    if (!has_both || block.canary + block.stable < block_size) return;
    pair.first_better.add(block, pair.expected);
    pair.second_better.add(mirrored(block), pair.expected);
    block = {};
}

}  // namespace

Result<std::vector<ArmSpec>> read_arms(std::string_view text) {
    std::vector<ArmSpec> arms;
    while (true) {
        const std::size_t comma = text.find(',');
        const std::string_view item = text.substr(0, comma);
        const std::size_t equals = item.find('=');
        ArmSpec arm{.name = std::string(item.substr(0, equals))};
        if (equals != std::string_view::npos) {
            const std::string_view weight = item.substr(equals + 1);
            const char* const end = weight.data() + weight.size();
            const auto [stop, error] = std::from_chars(weight.data(), end, arm.weight);
            if (error != std::errc() || stop != end || !(arm.weight > 0) || arm.weight > 1e9) {
                return fail(
                    ErrorKind::invalid,
                    fmt::format("arm '{}': the weight is a number above 0", item));
            }
        }
        if (arm.name.empty()) return fail(ErrorKind::invalid, "an arm needs a name");
        if (std::ranges::find(arms, arm.name, &ArmSpec::name) != arms.end()) {
            return fail(ErrorKind::invalid, fmt::format("arm '{}' is named twice", arm.name));
        }
        arms.push_back(std::move(arm));
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
    }
    if (arms.size() < 2 || arms.size() > arms_max) {
        return fail(
            ErrorKind::invalid,
            fmt::format("two to {} arms are compared, not {}", arms_max, arms.size()));
    }
    return arms;
}

State begin(const Spec& spec) {
    SERIN_CHECK(2 <= spec.arms.size() && spec.arms.size() <= arms_max);
    State state;
    state.shares = shares(spec);
    state.visitors.resize(spec.arms.size());
    state.conversions.resize(spec.arms.size());
    state.pairs.resize(spec.arms.size() * (spec.arms.size() - 1) / 2);
    state.baseline = {.events = baseline_events, .total = baseline_total};
    return state;
}

void observe(State& state, const Spec& spec, const Visit& visit) {
    SERIN_CHECK(visit.arm < spec.arms.size());
    state.split.add(visit.arm, state.visitors, state.shares);
    ++state.visitors[visit.arm];
    if (visit.converted) ++state.conversions[visit.arm];
    for (std::size_t other = 0; other < spec.arms.size(); ++other) {
        if (other == visit.arm) continue;
        const std::size_t first = std::min(visit.arm, other);
        const std::size_t second = std::max(visit.arm, other);
        observe_pair(
            state.pairs[pair_index(first, second)],
            visit.arm == first,
            visit.converted,
            state.baseline.rate());
    }
    state.baseline.add(visit.converted ? 1 : 0, 1, visit.at_s, half_life_s);
    if (state.winner || is_split_broken(state, spec)) return;
    for (std::size_t arm = 0; arm < spec.arms.size(); ++arm) {
        if (ln_beats_all(state, arm) < ln_win_at(spec)) continue;
        state.winner = arm;
        state.won_at_visit =
            std::accumulate(state.visitors.begin(), state.visitors.end(), std::uint64_t{0});
        state.won_at_s = visit.at_s;
    }
}

bool is_split_broken(const State& state, const Spec& spec) {
    return state.split.ln_peak >= -std::log(spec.mismatch_alpha);
}

Report report(const State& state, const Spec& spec) {
    Report report;
    std::vector<statistics::Beta> posteriors;
    for (std::size_t i = 0; i < spec.arms.size(); ++i) {
        posteriors.push_back(statistics::posterior(state.conversions[i], state.visitors[i]));
    }
    const std::vector<statistics::Standing> standings = statistics::compare(posteriors);
    for (std::size_t i = 0; i < spec.arms.size(); ++i) {
        const std::uint64_t visitors = state.visitors[i];
        const std::uint64_t conversions = state.conversions[i];
        report.arms.push_back(
            {.name = spec.arms[i].name,
             .visitors = visitors,
             .conversions = conversions,
             .rate = visitors == 0
                         ? 0
                         : static_cast<double>(conversions) / static_cast<double>(visitors),
             .credible =
                 {.low = statistics::quantile(posteriors[i], display_alpha / 2),
                  .high = statistics::quantile(posteriors[i], 1 - display_alpha / 2)},
             .always = statistics::rate_interval(conversions, visitors, display_alpha),
             .chance_best = standings[i].chance_best,
             .expected_loss = standings[i].expected_loss,
             .e_value = std::exp(ln_beats_all(state, i))});
    }
    report.is_split_broken = is_split_broken(state, spec);
    if (!report.is_split_broken) report.winner = state.winner;
    report.won_at_visit = state.won_at_visit;
    report.won_at_s = state.won_at_s;
    report.win_at = std::exp(ln_win_at(spec));
    report.split_p_value = std::exp(-state.split.ln_peak);
    return report;
}

json::Object print_report(const Report& report) {
    json::Array arms;
    const auto both_ends = [](const statistics::Interval& interval) {
        return json::Array{interval.low, interval.high};
    };
    for (const ArmReport& arm : report.arms) {
        arms.push_back(json::Object{
            {"name", json::string(arm.name)},
            {"visitors", arm.visitors},
            {"conversions", arm.conversions},
            {"rate", arm.rate},
            {"credibleInterval", both_ends(arm.credible)},
            {"alwaysValidInterval", both_ends(arm.always)},
            {"probabilityBest", arm.chance_best},
            {"expectedLoss", arm.expected_loss},
            {"eValue", arm.e_value}});
    }
    json::Object object{
        {"decision",
         report.is_split_broken ? "invalid"
         : report.winner        ? "winner"
                                : "continue"}};
    if (report.winner) {
        object["winner"] = json::string(report.arms[*report.winner].name);
        object["wonAtVisit"] = report.won_at_visit;
        object["wonAt"] = report.won_at_s;
    }
    object["winsAtEValue"] = report.win_at;
    object["splitPValue"] = report.split_p_value;
    object["splitIsBroken"] = report.is_split_broken;
    object["arms"] = std::move(arms);
    return object;
}

}  // namespace serin::judge::ab
