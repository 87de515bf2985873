#pragma once

#include "ports/metric_source.h"

#include <string>
#include <vector>

namespace serin::metrics {

// What a service says of one of the things it tells apart.
struct NamedNumber {
    std::string name;  // "prod,GET /a"
    double value = 0;
};

// The result of a question that may find several series: none is nil, which `default(result, 0)` is
// for; one is a number; several are a list, with `groups` in the metadata.
MetricSample series_result(std::vector<NamedNumber> series);

// `groups`: [{"name": ..., "value": ...}]. They go into the status: of more than 100, the lowest
// and the highest are kept, and `groups_truncated` says so.
void tell_groups(std::vector<NamedNumber> groups, MetricSample& sample);

}  // namespace serin::metrics
