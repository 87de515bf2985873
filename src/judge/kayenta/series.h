#pragma once

#include "base/json.h"
#include "base/result.h"

#include <map>
#include <string>
#include <vector>

// What was measured on both sides, as Kayenta stores it.

namespace serin::judge::kayenta {

using Tags = std::map<std::string, std::string>;

// One series of one side. A point without data is NaN.
struct MetricSet {
    std::string name;
    Tags tags;
    double start_ms = 0;
    double end_ms = 0;
    double step_ms = 0;
    std::vector<double> values;
};

struct MetricPair {
    std::string name;
    std::string id;
    Tags tags;
    std::vector<double> control;
    std::vector<double> experiment;
};

// Pairs the series of one metric by their tags: what one side lacks is NaN throughout, shorter
// series are filled up with NaN, and where one side has no tags at all it is taken to lack each of
// the other's. Fails with `invalid` if a side has nothing, or tags have different keys.
Result<std::vector<MetricPair>> pair_up(
    const std::vector<MetricSet>& control, const std::vector<MetricSet>& experiment);

// Reads Kayenta's list of metric set pairs, or {"control": [...], "experiment": [...]} with the
// metric sets of each side, which are then paired metric by metric in the order of `metrics`. A
// point is a number, or null or "NaN" for none. Fails with `invalid`, naming the field.
Result<std::vector<MetricPair>> read_pairs(
    const json::Value& value, const std::vector<std::string>& metrics);

}  // namespace serin::judge::kayenta
