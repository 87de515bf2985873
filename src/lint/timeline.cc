#include "lint/timeline.h"

#include "manifest/rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::lint {

using manifest::Part;

namespace {

Duration length_of_metric(const judge::MetricRule& rule) {
    constexpr std::int64_t many = 1'000'000;
    std::int64_t count = std::min(judge::effective_count(rule).value_or(1), many);
    // So many good ones in a row end it sooner.
    if (rule.consecutive_success_limit > 0 &&
        (rule.count == 0 || rule.consecutive_success_limit < count)) {
        count = rule.consecutive_success_limit;
    }
    return rule.initial_delay +
           rule.interval.value_or(Duration(0)) * std::max<std::int64_t>(count - 1, 0);
}

}  // namespace

Duration length_of_run(const std::vector<UsedMetric>& metrics) {
    Duration longest{};
    for (const UsedMetric& metric : metrics) {
        longest = std::max(longest, length_of_metric(metric.rule));
    }
    return longest;
}

Timeline timeline_of(const Source& rollout, const std::vector<Use>& uses) {
    Timeline timeline;
    const Part canary = rollout.spec()["strategy"]["canary"];
    const auto weight_max = canary["trafficRouting"]["maxTrafficWeight"].integer().value_or(100);
    timeline.weight_max = static_cast<int>(std::clamp<std::int64_t>(weight_max, 1, 1'000'000));
    const Part steps = canary["steps"];
    int weight = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const json::Object* step = steps[i].object();
        Stage stage{.step = i, .pointer = steps[i].pointer(), .start = timeline.end};
        if (step && !step->empty()) stage.kind = std::string(step->begin()->key());
        if (const auto wanted = steps[i]["setWeight"].integer()) {
            weight = static_cast<int>(std::clamp<std::int64_t>(*wanted, 0, timeline.weight_max));
        }
        stage.weight = weight;
        if (steps[i]["pause"].is_given()) {
            const Part duration = steps[i]["pause"]["duration"];
            const auto seconds =
                duration.is_given() ? manifest::pause_seconds(*duration.value()) : std::nullopt;
            stage.is_endless = !duration.is_given();
            stage.length = std::chrono::seconds(std::max<std::int64_t>(seconds.value_or(0), 0));
        }
        if (steps[i]["experiment"].is_given()) {
            stage.length = std::max(
                read_duration(steps[i]["experiment"]["duration"]).value_or(Duration(0)),
                Duration(0));
            stage.is_judged = steps[i]["experiment"]["analyses"].size() > 0;
        }
        for (const Use& use : uses) {
            if (use.rollout != &rollout || use.moment != Moment::step || use.step != i) continue;
            stage.is_judged = true;
            stage.length = length_of_run(use.metrics);
        }
        timeline.needs_person = timeline.needs_person || stage.is_endless;
        timeline.end += stage.length;
        timeline.stages.push_back(std::move(stage));
    }
    return timeline;
}

Span span_of(const Use& use, const Timeline& timeline) {
    if (use.moment == Moment::alone || timeline.stages.empty()) {
        return {.start = {}, .length = length_of_run(use.metrics)};
    }
    const std::size_t step = std::min(use.step, timeline.stages.size() - 1);
    const Duration start = timeline.stages[step].start;
    if (use.moment == Moment::background) return {.start = start, .length = timeline.end - start};
    return {.start = start, .length = length_of_run(use.metrics)};
}

std::string short_duration(Duration duration) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
    if (seconds <= 0) return duration > Duration(0) ? format_duration(duration) : "0s";
    std::string out;
    if (seconds >= 3600) out += fmt::format("{}h", seconds / 3600);
    if (seconds % 3600 >= 60) out += fmt::format("{}m", seconds % 3600 / 60);
    if (seconds % 60 > 0) out += fmt::format("{}s", seconds % 60);
    return out;
}

}  // namespace serin::lint
