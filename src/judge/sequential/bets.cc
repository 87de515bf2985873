#include "judge/sequential/look.h"

namespace serin::judge::sequential {

namespace {

using statistics::Bets;
using statistics::Null;
using statistics::Side;

MetricBets for_errors(const MetricSpec& spec) {
    const Margin& margin = spec.margin;
    const Margin& within = spec.pass_margin;
    return {
        .harm = {.null = {margin.ratio, margin.difference, Side::above}},
        .safety = {
            .null = {within.ratio, within.difference, Side::below},
            .points = 3,
            .multiples = {1, 0.5, 1.25}}};
}

// The threshold is moved by the margin, so the rates themselves are compared without one. That a
// canary is as fast as stable means that it is much more rarely past the moved threshold.
MetricBets for_latency() {
    return {
        .harm = {.null = {1, 0, Side::above}, .lowest_odds = 1.2},
        .safety = {.null = {1, 0, Side::below}, .points = 3, .multiples = {0.75, 0.5, 0.3}}};
}

// Few conversions are the harm.
MetricBets for_conversions(const MetricSpec& spec) {
    const Margin& margin = spec.margin;
    const Margin& within = spec.pass_margin;
    return {
        .harm = {.null = {margin.ratio, -margin.difference, Side::below}, .lowest_odds = 1.25},
        .safety = {
            .null = {within.ratio, -within.difference, Side::above},
            .points = 3,
            .multiples = {1, 0.97, 1.1}}};
}

}  // namespace

MetricBets bets_for(const MetricSpec& spec) {
    if (spec.bound) {
        const auto above = statistics::bets_above(*spec.bound);
        const auto below = statistics::bets_below(*spec.bound);
        const bool few_are_harm = spec.subject == Subject::conversions;
        return {
            .bound_harm = few_are_harm ? below : above,
            .bound_safety = few_are_harm ? above : below};
    }
    switch (spec.subject) {
        case Subject::errors:
            return for_errors(spec);
        case Subject::latency:
            return for_latency();
        case Subject::conversions:
            return for_conversions(spec);
    }
    return {};
}

}  // namespace serin::judge::sequential
