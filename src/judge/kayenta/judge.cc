#include "judge/kayenta/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace serin::judge::kayenta {

namespace {

MetricResult classify_pair(const MetricPair& pair, const MetricConfig& metric) {
    const std::vector<double> experiment = clean(pair.experiment, metric);
    const std::vector<double> control = clean(pair.control, metric);
    return {
        .name = pair.name,
        .id = pair.id,
        .tags = pair.tags,
        .groups = metric.groups,
        .is_muted = metric.is_muted,
        .classification = classify(experiment, control, metric),
        .experiment = summarise(experiment),
        .control = summarise(control)};
}

struct Counts {
    double passed = 0;
    double judged = 0;
};

std::vector<GroupScore> score_groups(const std::vector<const MetricResult*>& results) {
    std::map<std::string, Counts> groups;
    for (const MetricResult* result : results) {
        const Label label = result->classification.label;
        const bool is_judged = label != Label::no_data && label != Label::error;
        for (const std::string& name : result->groups) {
            Counts& group = groups[name];
            group.passed += label == Label::pass ? 1 : 0;
            group.judged += is_judged ? 1 : 0;
        }
    }
    std::vector<GroupScore> scores;
    for (const auto& [name, counts] : groups) {
        const bool has_data = counts.judged > 0;
        scores.push_back(
            {.name = name,
             .score = has_data ? counts.passed / counts.judged * 100 : 0,
             .has_data = has_data});
    }
    return scores;
}

// Groups without a weight share evenly what the configured weights leave; a group without data
// counts as full; the weight of a group without metrics is lost.
double weigh(const std::vector<GroupScore>& groups, const std::map<std::string, double>& weights) {
    double configured = 0;
    for (const auto& [name, weight] : weights) configured += weight;
    const auto unweighted = static_cast<double>(std::ranges::count_if(
        groups, [&](const GroupScore& group) { return !weights.contains(group.name); }));
    double score = 0;
    for (const GroupScore& group : groups) {
        const auto at = weights.find(group.name);
        const double weight = at != weights.end() ? at->second : (100 - configured) / unweighted;
        score += (group.has_data ? group.score : 100) * (weight / 100);
    }
    return std::floor(score * 100 + 0.5) / 100;
}

void summarise_scores(
    Report& report,
    const std::vector<const MetricResult*>& results,
    const std::map<std::string, double>& weights) {
    const auto fatal = std::ranges::find_if(results, [](const MetricResult* result) {
        const Classification& found = result->classification;
        return found.is_critical && found.label != Label::pass;
    });
    const auto empty = std::ranges::count_if(results, [](const MetricResult* result) {
        return result->classification.label == Label::no_data;
    });
    if (fatal != results.end()) {
        const Classification& found = (*fatal)->classification;
        report.reason = fmt::format(
            "Canary FAILED due to critical metric {}: {}",
            (*fatal)->name,
            found.reason.empty() ? to_string(found.label) : std::string_view(found.reason));
        return;
    }
    if (results.empty() || 2 * empty >= std::ssize(results)) {
        report.reason =
            results.empty()
                ? "No metric was judged"
                : fmt::format(
                      "Too few metrics have data: {} of {} have none", empty, results.size());
        return;
    }
    report.score = weigh(report.groups, weights);
}

Verdict classify_score(double score, const Thresholds& thresholds) {
    if (score >= thresholds.pass) return Verdict::pass;
    return score >= thresholds.marginal ? Verdict::marginal : Verdict::fail;
}

json::Object print_summary(const Summary& summary) {
    return {
        {"stats",
         json::Object{
             {"count", summary.count},
             {"mean", summary.mean},
             {"min", summary.min},
             {"max", summary.max},
             {"std", summary.deviation}}}};
}

json::Value print_number(double value) {
    return std::isfinite(value) ? json::Value(value) : json::string("NaN");
}

json::Object print_result(const MetricResult& result) {
    json::Object tags;
    for (const auto& [key, value] : result.tags) tags[key] = json::string(value);
    json::Array groups;
    for (const std::string& group : result.groups) groups.push_back(json::string(group));
    const Classification& found = result.classification;
    return {
        {"name", json::string(result.name)},
        {"id", json::string(result.id)},
        {"tags", std::move(tags)},
        {"classification", json::string(to_string(found.label))},
        {"classificationReason",
         found.reason.empty() ? json::Value(nullptr) : json::string(found.reason)},
        {"groups", std::move(groups)},
        {"experimentMetadata", print_summary(result.experiment)},
        {"controlMetadata", print_summary(result.control)},
        {"resultMetadata", json::Object{{"ratio", print_number(found.deviation)}}},
        {"critical", found.is_critical},
        {"muted", result.is_muted}};
}

}  // namespace

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::pass:
            return "Pass";
        case Verdict::marginal:
            return "Marginal";
        case Verdict::fail:
            return "Fail";
    }
    return "";
}

Result<Report> judge_canary(
    const Config& config, const std::vector<MetricPair>& pairs, const Thresholds& thresholds) {
    Report report;
    report.thresholds = thresholds;
    for (const MetricPair& pair : pairs) {
        const MetricConfig* metric = config.find(pair.name);
        if (metric == nullptr) {
            return fail(
                ErrorKind::invalid,
                fmt::format("metric '{}' is not in the configuration", pair.name));
        }
        report.metrics.push_back(classify_pair(pair, *metric));
    }
    std::vector<const MetricResult*> scored;
    for (const MetricResult& result : report.metrics) {
        if (!result.is_muted) scored.push_back(&result);
    }
    report.groups = score_groups(scored);
    summarise_scores(report, scored, config.group_weights);
    report.verdict = classify_score(report.score, thresholds);
    if (report.reason.empty()) {
        const char* const relation = report.verdict == Verdict::fail ? "below" : "at least";
        report.reason = fmt::format(
            "The score {} is {} {}",
            report.score,
            relation,
            report.verdict == Verdict::pass ? thresholds.pass : thresholds.marginal);
    }
    return report;
}

json::Object print_report(const Report& report) {
    json::Array results;
    for (const MetricResult& result : report.metrics) results.push_back(print_result(result));
    json::Array groups;
    for (const GroupScore& group : report.groups) {
        groups.push_back(json::Object{
            {"name", json::string(group.name)},
            {"score", group.score},
            {"classification", ""},
            {"classificationReason", ""}});
    }
    return {
        {"judgeName", json::string(judge_name)},
        {"score",
         json::Object{
             {"score", report.score},
             {"classification", json::string(to_string(report.verdict))},
             {"classificationReason", json::string(report.reason)}}},
        {"results", std::move(results)},
        {"groupScores", std::move(groups)}};
}

}  // namespace serin::judge::kayenta
