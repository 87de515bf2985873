#include "metrics/where_worse.h"

#include <array>
#include <utility>

namespace serin::metrics {

namespace {

namespace slices = judge::slices;

// Of the slices that are named, at most this share is wrong on average.
constexpr double false_discoveries = 0.05;
constexpr std::size_t headers_max = 4;

double seconds_of(Instant at) {
    return std::chrono::duration<double>(at.time_since_epoch()).count();
}

}  // namespace

WhereWorse::WhereWorse(
    const judge::sequential::Spec& spec, std::shared_ptr<statistics::FactorCache> cache)
    : cache_(std::move(cache)), slices_(slices::questions_of(spec), spec.plan) {}

void WhereWorse::take(
    Side side,
    const RequestOutcome& outcome,
    const std::array<std::optional<bool>, slices::questions_max>& events) {
    if (outcome.status == 0 && !outcome.is_lost) return;
    std::array<std::pair<std::string_view, std::string_view>, headers_max> headers;
    std::size_t count = 0;
    HeaderValues rest = outcome.request_headers;
    while (count < headers_max && rest.next(headers[count].first, headers[count].second)) ++count;
    const slices::Request request{
        .arm = side == Side::candidate ? slices::Arm::canary : slices::Arm::stable,
        .at_s = seconds_of(outcome.at),
        .path = outcome.path,
        .method = outcome.method,
        .pod = outcome.pod,
        .id = outcome.request_id,
        .status = outcome.is_lost ? 0 : outcome.status,
        .headers = std::span(headers).first(count),
        .events = events};
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

json::Object WhereWorse::memory() const {
    return {{"slices", json::string(slices_.pack())}};
}

Result<> WhereWorse::recall(const json::Object& memory, bool is_same_stage) {
    if (!slices_.unpack(json::text(memory.if_contains("slices")).value_or("")))
        return fail(ErrorKind::invalid, "not what such slices know");
    if (!is_same_stage) slices_.begin_step();
    return {};
}

}  // namespace serin::metrics
