#include "metrics/series_result.h"

#include "metrics/go_numbers.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace serin::metrics {

MetricSample series_result(std::vector<NamedNumber> series) {
    if (series.empty()) return {.result = nullptr, .value = "[]"};
    if (series.size() == 1)
        return {.result = series.front().value, .value = plain_number(series.front().value)};
    MetricSample sample;
    json::Array numbers;
    for (const NamedNumber& one : series) {
        numbers.emplace_back(one.value);
        sample.value += (sample.value.empty() ? "[" : ",") + plain_number(one.value);
    }
    sample.value += "]";
    sample.result = std::move(numbers);
    tell_groups(std::move(series), sample);
    return sample;
}

void tell_groups(std::vector<NamedNumber> groups, MetricSample& sample) {
    constexpr std::size_t groups_max = 100;
    if (groups.size() > groups_max) {
        std::ranges::stable_sort(groups, {}, &NamedNumber::value);
        groups.erase(groups.begin() + groups_max / 2, groups.end() - groups_max / 2);
        sample.metadata["groups_truncated"] = "true";
    }
    json::Array told;
    for (const NamedNumber& group : groups)
        told.push_back(json::Object{{"name", json::string(group.name)}, {"value", group.value}});
    sample.metadata["groups"] = json::print(json::Value(std::move(told)));
}

}  // namespace serin::metrics
