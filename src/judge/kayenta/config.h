#pragma once

#include "base/json.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

// A canary configuration as Kayenta and Spinnaker write it. Read as Kayenta reads it: unknown words
// mean the default, further fields are ignored, and both are said in a warning.

namespace serin::judge::kayenta {

constexpr std::string_view judge_name = "NetflixACAJudge-v1.0";

enum class Direction { either, increase, decrease };
enum class Measure { mean_ratio, superiority };

struct EffectSize {
    Measure measure = Measure::mean_ratio;
    double allowed_increase = 1;
    double allowed_decrease = 1;
    double critical_increase = 1;
    double critical_decrease = 1;
};

struct MetricConfig {
    std::string name;
    std::vector<std::string> groups;
    Direction direction = Direction::either;
    bool replaces_nan = false;  // By 0; else they are dropped.
    bool removes_outliers = false;
    double outlier_factor = 3;
    bool is_critical = false;
    bool must_have_data = false;
    bool is_muted = false;
    EffectSize effect;
};

struct Thresholds {
    double pass = 95;
    double marginal = 75;
};

struct Config {
    std::string name;
    std::vector<MetricConfig> metrics;  // At least one; names may repeat, then the first counts.
    std::map<std::string, double> group_weights;
    std::optional<Thresholds> thresholds;  // What it suggests; an execution brings its own.

    const MetricConfig* find(std::string_view metric) const;
};

struct Problem {
    std::string pointer;  // Of the field: "/metrics/1/groups".
    std::string message;
};

struct ConfigRead {
    Config config;
    std::vector<Problem> errors;  // All of them; the configuration is complete when there are none.
    std::vector<Problem> warnings;
};

ConfigRead read_config(const json::Value& value);

}  // namespace serin::judge::kayenta
