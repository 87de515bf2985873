#pragma once

#include "judge/kayenta/classify.h"
#include "judge/kayenta/config.h"
#include "judge/kayenta/series.h"

#include <string>
#include <vector>

// Kayenta's NetflixACAJudge: every metric classified, the groups scored, the score classified. Same
// input, same classifications and scores as Kayenta, weaknesses included: it is for those who have
// its configurations. docs/judging.md says what is better.

namespace serin::judge::kayenta {

struct MetricResult {
    std::string name;
    std::string id;
    Tags tags;
    std::vector<std::string> groups;
    bool is_muted = false;
    Classification classification;
    Summary experiment;
    Summary control;
};

struct GroupScore {
    std::string name;
    double score = 0;
    bool has_data = true;
};

enum class Verdict { pass, marginal, fail };

struct Report {
    double score = 0;  // 0 to 100.
    Verdict verdict = Verdict::fail;
    std::string reason;
    Thresholds thresholds;
    std::vector<MetricResult> metrics;  // In the order of the pairs.
    std::vector<GroupScore> groups;     // By name.
};

std::string_view to_string(Verdict verdict);  // "Pass", "Marginal", "Fail".

// Fails with `invalid` if a pair's metric is not configured.
Result<Report> judge_canary(
    const Config& config, const std::vector<MetricPair>& pairs, const Thresholds& thresholds);

// The result as Kayenta's API shows it (CanaryJudgeResult). A ratio that is not a number is "NaN".
json::Object print_report(const Report& report);

}  // namespace serin::judge::kayenta
