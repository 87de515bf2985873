#pragma once

#include "judge/conditions.h"
#include "judge/metric.h"
#include "lint/promql.h"
#include "lint/sources.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

// What is measured where: each analysis of each Rollout with the metrics of the templates it names
// and its arguments filled in, as far as they are known. Rules about metrics run over these.

namespace serin::lint {

enum class Moment {
    alone,       // In no release: a template nobody uses here, or an AnalysisRun.
    step,        // A step waits for it.
    background,  // Beside the steps.
    before_switch,
    after_switch,
};

struct UsedMetric {
    const Source* source = nullptr;  // The template that has it.
    std::string pointer;             // "/spec/metrics/0" there.
    judge::MetricRule rule;
    judge::Conditions conditions;
    std::string provider;  // "prometheus", or a plugin's own name: "serin/requests".
    json::Object config;
    std::string provider_pointer;  // Where the configuration stands.

    // Of Prometheus.
    std::string query;
    std::optional<promql::Expr> expr;  // Empty: not understood.
};

struct Use {
    const Source* rollout = nullptr;  // Null for `alone`.
    std::string pointer;              // Of the analysis in the Rollout.
    Moment moment = Moment::alone;
    std::size_t step = 0;  // Of `step`: which; of `background`: from which on.
    std::vector<const Source*> templates;
    std::vector<UsedMetric> metrics;
    std::map<std::string, std::string, std::less<>> arguments;  // Those that are known.
};

// What stands for the pod-template hashes in arguments.
constexpr std::string_view canary_hash = "canary-hash";
constexpr std::string_view stable_hash = "stable-hash";

std::vector<Use> uses_of(const Sources& sources);
// One whose measurement lasts until there is a verdict, without a condition: serin/sequential...
bool judges_by_itself(const UsedMetric& metric);

// A duration as the API writes it, a number of seconds included; empty when it is not known.
std::optional<Duration> read_duration(const manifest::Part& part);
// A number, quoted or not.
std::optional<std::int64_t> read_count(const manifest::Part& part);

}  // namespace serin::lint
