#include "judge/kayenta/series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

namespace serin::judge::kayenta {

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr double points_max = 1e7;

std::size_t expected_points(const MetricSet& set) {
    if (set.step_ms <= 0 || set.end_ms <= set.start_ms) return set.values.size();
    return static_cast<std::size_t>(
        std::min((set.end_ms - set.start_ms) / set.step_ms, points_max));
}

// The series that a side lacks, in the shape of the other side's.
MetricSet without_data(const MetricSet& like) {
    MetricSet set = like;
    set.values.assign(expected_points(like), nothing);
    return set;
}

bool are_untagged(const std::vector<MetricSet>& sets) {
    return std::ranges::all_of(sets, [](const MetricSet& set) { return set.tags.empty(); });
}

const MetricSet* find(const std::vector<MetricSet>& sets, const Tags& tags) {
    const auto at = std::ranges::find(sets, tags, &MetricSet::tags);
    return at == sets.end() ? nullptr : &*at;
}

std::set<std::string> keys_of(const Tags& tags) {
    std::set<std::string> keys;
    for (const auto& [key, value] : tags) keys.insert(key);
    return keys;
}

// The tag keys that all tagged series of both sides share.
Result<> check_keys(
    const std::vector<MetricSet>& control, const std::vector<MetricSet>& experiment) {
    std::set<std::string> common;
    for (const auto* sets : {&control, &experiment}) {
        for (const MetricSet& set : *sets) {
            const std::set<std::string> keys = keys_of(set.tags);
            if (common.empty()) common = keys;
            if (keys.empty() || keys == common) continue;
            return fail(
                ErrorKind::invalid,
                fmt::format("metric set '{}' has different tag keys in its series", set.name));
        }
    }
    return {};
}

// A series that has no points at all is left so: nothing is known of its length.
MetricPair mix(const MetricSet& control, const MetricSet& experiment) {
    MetricPair pair{
        .name = control.name,
        .id = control.name,
        .tags = control.tags,
        .control = control.values,
        .experiment = experiment.values};
    for (const auto& [key, value] : pair.tags) pair.id += fmt::format(",{}={}", key, value);
    const std::size_t points = std::max(pair.control.size(), pair.experiment.size());
    for (auto* values : {&pair.control, &pair.experiment}) {
        if (!values->empty()) values->resize(points, nothing);
    }
    return pair;
}

Result<std::vector<double>> read_values(const json::Value* value, const std::string& path) {
    const json::Array* items = json::array(value);
    if (items == nullptr) return fail(ErrorKind::invalid, path + ": expected a list of numbers");
    std::vector<double> values;
    values.reserve(items->size());
    for (std::size_t i = 0; i < items->size(); ++i) {
        const json::Value& item = (*items)[i];
        if (const auto number = json::number(&item)) {
            values.push_back(*number);
        } else if (item.is_null() || json::text(&item) == "NaN") {
            values.push_back(nothing);
        } else {
            return fail(
                ErrorKind::invalid,
                fmt::format("{}[{}]: expected a number, or null or \"NaN\" for none", path, i));
        }
    }
    return values;
}

Result<Tags> read_tags(const json::Value& item, const std::string& path) {
    Tags tags;
    const json::Value* value = json::find(item, "/tags");
    if (value == nullptr || value->is_null()) return tags;
    const json::Object* object = json::object(value);
    if (object == nullptr) return fail(ErrorKind::invalid, path + ".tags: expected an object");
    for (const auto& member : *object) {
        const auto text = json::text(&member.value());
        const std::string_view key(member.key().data(), member.key().size());
        if (!text) {
            return fail(ErrorKind::invalid, fmt::format("{}.tags.{}: expected text", path, key));
        }
        tags.emplace(key, *text);
    }
    return tags;
}

Result<std::string> read_name(const json::Value& item, const std::string& path) {
    const auto name = json::text(json::find(item, "/name"));
    if (name && !name->empty()) return std::string(*name);
    return fail(ErrorKind::invalid, path + ".name: expected the name of a metric");
}

Result<MetricPair> read_pair(const json::Value& item, const std::string& path) {
    MetricPair pair;
    SERIN_TRY(pair.name, read_name(item, path));
    SERIN_TRY(pair.tags, read_tags(item, path));
    pair.id = json::text(json::find(item, "/id")).value_or("");
    SERIN_TRY(
        pair.control, read_values(json::find(item, "/values/control"), path + ".values.control"));
    SERIN_TRY(
        pair.experiment,
        read_values(json::find(item, "/values/experiment"), path + ".values.experiment"));
    return pair;
}

Result<std::vector<MetricSet>> read_side(const json::Value& value, std::string_view side) {
    const json::Array* items = json::array(json::find(value, fmt::format("/{}", side)));
    if (items == nullptr) {
        return fail(ErrorKind::invalid, fmt::format("{}: expected a list of metric sets", side));
    }
    std::vector<MetricSet> sets;
    for (std::size_t i = 0; i < items->size(); ++i) {
        const json::Value& item = (*items)[i];
        const std::string path = fmt::format("{}[{}]", side, i);
        MetricSet set;
        SERIN_TRY(set.name, read_name(item, path));
        SERIN_TRY(set.tags, read_tags(item, path));
        SERIN_TRY(set.values, read_values(json::find(item, "/values"), path + ".values"));
        set.start_ms = json::number(json::find(item, "/startTimeMillis")).value_or(0);
        set.end_ms = json::number(json::find(item, "/endTimeMillis")).value_or(0);
        set.step_ms = json::number(json::find(item, "/stepMillis")).value_or(0);
        sets.push_back(std::move(set));
    }
    return sets;
}

std::vector<MetricSet> of_metric(const std::vector<MetricSet>& sets, const std::string& name) {
    std::vector<MetricSet> found;
    std::ranges::copy_if(
        sets, std::back_inserter(found), [&](const MetricSet& set) { return set.name == name; });
    return found;
}

Result<std::vector<MetricPair>> read_sides(
    const json::Value& value, const std::vector<std::string>& metrics) {
    SERIN_TRY(const std::vector<MetricSet> control, read_side(value, "control"));
    SERIN_TRY(const std::vector<MetricSet> experiment, read_side(value, "experiment"));
    std::vector<MetricPair> pairs;
    for (const std::string& metric : metrics) {
        const auto at_control = of_metric(control, metric);
        const auto at_experiment = of_metric(experiment, metric);
        if (at_control.empty() || at_experiment.empty()) {
            return fail(
                ErrorKind::invalid,
                fmt::format(
                    "{} has no metric set '{}'",
                    at_control.empty() ? "control" : "experiment",
                    metric));
        }
        SERIN_TRY(std::vector<MetricPair> more, pair_up(at_control, at_experiment));
        std::ranges::move(more, std::back_inserter(pairs));
    }
    return pairs;
}

}  // namespace

Result<std::vector<MetricPair>> pair_up(
    const std::vector<MetricSet>& control, const std::vector<MetricSet>& experiment) {
    if (control.empty() || experiment.empty()) {
        return fail(ErrorKind::invalid, "a side has no metric set");
    }
    SERIN_TRY_DO(check_keys(control, experiment));
    const bool control_is_untagged = are_untagged(control);
    const bool experiment_is_untagged = are_untagged(experiment);
    // An untagged side among tagged ones is a placeholder for "nothing was found".
    const std::vector<MetricSet> none;
    const auto& controls = control_is_untagged && !experiment_is_untagged ? none : control;
    const auto& experiments = experiment_is_untagged && !control_is_untagged ? none : experiment;
    std::vector<MetricPair> pairs;
    for (const MetricSet& set : controls) {
        const MetricSet* other = find(experiments, set.tags);
        pairs.push_back(mix(set, other != nullptr ? *other : without_data(set)));
    }
    for (const MetricSet& set : experiments) {
        if (find(controls, set.tags) != nullptr) continue;
        pairs.push_back(mix(without_data(set), set));
    }
    return pairs;
}

Result<std::vector<MetricPair>> read_pairs(
    const json::Value& value, const std::vector<std::string>& metrics) {
    if (value.is_object()) return read_sides(value, metrics);
    const json::Array* items = json::array(&value);
    if (items == nullptr) {
        return fail(
            ErrorKind::invalid,
            "expected a list of metric set pairs, or an object with control and experiment");
    }
    std::vector<MetricPair> pairs;
    for (std::size_t i = 0; i < items->size(); ++i) {
        SERIN_TRY(MetricPair pair, read_pair((*items)[i], fmt::format("[{}]", i)));
        pairs.push_back(std::move(pair));
    }
    return pairs;
}

}  // namespace serin::judge::kayenta
