#include "judge/slices/events.h"

#include "judge/sequential/look.h"

#include <cmath>

namespace serin::judge::slices {

namespace {

std::optional<bool> is_slow(
    const sequential::MetricSpec& spec,
    const sequential::MetricState& state,
    const sequential::Outcome& outcome) {
    if (std::isnan(outcome.ms)) return std::nullopt;
    const auto* latency = std::get_if<sequential::LatencyState>(&state.test);
    if (latency == nullptr) return outcome.ms > spec.limit_ms;
    const double limit = sequential::display_limit(*latency, spec);
    if (limit <= 0) return std::nullopt;
    return outcome.ms > limit * (outcome.arm == Arm::canary ? spec.margin.ratio : 1);
}

std::optional<bool> has_converted(
    const sequential::MetricSpec& spec, std::size_t metric, const sequential::Outcome& outcome) {
    if (spec.header.empty()) return outcome.converted;
    if ((outcome.told >> metric & 1U) == 0) return std::nullopt;
    return (outcome.good >> metric & 1U) != 0;
}

}  // namespace

std::array<std::optional<bool>, questions_max> events_of(
    std::span<const Question> questions,
    const sequential::Spec& spec,
    const sequential::State& state,
    const sequential::Outcome& outcome) {
    std::array<std::optional<bool>, questions_max> events;
    for (std::size_t i = 0; i < questions.size(); ++i) {
        const std::size_t metric = questions[i].index;
        switch (questions[i].subject) {
            case sequential::Subject::errors:
                events[i] = outcome.failed;
                break;
            case sequential::Subject::latency:
                events[i] = is_slow(spec.metrics[metric], state.metrics[metric], outcome);
                break;
            case sequential::Subject::conversions:
                events[i] = has_converted(spec.metrics[metric], metric, outcome);
                break;
        }
    }
    return events;
}

}  // namespace serin::judge::slices
