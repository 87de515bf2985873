#include "metrics/where_worse.h"

#include <array>
#include <utility>

namespace serin::metrics {

namespace {

namespace slices = judge::slices;
using judge::sequential::Subject;

// Of the slices that are named, at most this share is wrong on average.
constexpr double false_discoveries = 0.05;
constexpr std::size_t headers_max = 4;

double seconds_of(Instant at) {
    return std::chrono::duration<double>(at.time_since_epoch()).count();
}

std::optional<bool> event_of(
    Subject subject, const RequestOutcome& outcome, const WhereWorse::Told& told) {
    switch (subject) {
        case Subject::errors:
            return outcome.is_lost || outcome.status >= 500;
        case Subject::latency:
            if (told.slow_ms <= 0 || outcome.is_lost) return std::nullopt;
            return static_cast<double>(outcome.latency_us) > told.slow_ms * 1000;
        case Subject::conversions:
            return told.converted;
    }
    return std::nullopt;
}

}  // namespace

WhereWorse::WhereWorse(
    const judge::sequential::Spec& spec, std::shared_ptr<statistics::FactorCache> cache)
    : cache_(std::move(cache)), slices_(slices::questions_of(spec), spec.plan) {}

void WhereWorse::take(Side side, const RequestOutcome& outcome, const Told& told) {
    if (outcome.status == 0 && !outcome.is_lost) return;
    std::array<std::pair<std::string_view, std::string_view>, headers_max> headers;
    std::size_t count = 0;
    HeaderValues rest = outcome.request_headers;
    while (count < headers_max && rest.next(headers[count].first, headers[count].second)) ++count;
    slices::Request request{
        .arm = side == Side::candidate ? slices::Arm::canary : slices::Arm::stable,
        .at_s = seconds_of(outcome.at),
        .path = outcome.path,
        .method = outcome.method,
        .pod = outcome.pod,
        .id = outcome.request_id,
        .status = outcome.is_lost ? 0 : outcome.status,
        .headers = std::span(headers).first(count)};
    const auto questions = slices_.questions();
    for (std::size_t i = 0; i < questions.size(); ++i) {
        request.events[i] = event_of(questions[i].subject, outcome, told);
    }
    slices_.take(request, *cache_);
}

void WhereWorse::pass_time(Instant now) {
    slices_.pass_time(seconds_of(now), *cache_);
}

void WhereWorse::explain(Finding& finding) const {
    const slices::Explanation explanation = slices_.explain(false_discoveries);
    const bool is_bad = finding.standing == Finding::Standing::bad;
    if (is_bad ? explanation.is_empty() : explanation.found.empty()) return;
    const std::string text = slices::describe(explanation);
    finding.summary += ". " + text;
    finding.facts["where"] = text;
    finding.facts["slices"] = json::print(slices::print_explanation(explanation));
}

}  // namespace serin::metrics
