#include "judge/kayenta/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

namespace serin::judge::kayenta {

namespace {

// Reads the members of one object, which may be missing, and remembers which exist.
class Fields {
public:
    Fields(const json::Object* object, std::string pointer, ConfigRead& read)
        : object_(object), pointer_(std::move(pointer)), read_(read) {}

    const json::Value* find(std::string_view key) {
        known_.push_back(key);
        if (object_ == nullptr) return nullptr;
        const json::Value* value = object_->if_contains({key.data(), key.size()});
        return value == nullptr || value->is_null() ? nullptr : value;
    }
    std::string at(std::string_view key) const {
        return pointer_ + "/" + json::escape_pointer(key);
    }
    void error(std::string_view key, std::string message) {
        read_.errors.push_back({at(key), std::move(message)});
    }
    void warn(std::string_view key, std::string message) {
        read_.warnings.push_back({at(key), std::move(message)});
    }

    double number(std::string_view key, double fallback) {
        const json::Value* value = find(key);
        if (value == nullptr) return fallback;
        if (const auto number = json::number(value)) return *number;
        error(key, "expected a number");
        return fallback;
    }
    bool boolean(std::string_view key) {
        const json::Value* value = find(key);
        if (value == nullptr) return false;
        if (const auto boolean = json::boolean(value)) return *boolean;
        error(key, "expected true or false");
        return false;
    }
    std::string text(std::string_view key) {
        const json::Value* value = find(key);
        if (value == nullptr) return "";
        if (const auto text = json::text(value)) return std::string(*text);
        error(key, "expected text");
        return "";
    }
    // One of several words; another means the first, as in Kayenta.
    std::size_t word(std::string_view key, std::initializer_list<std::string_view> words) {
        const std::string text = this->text(key);
        if (text.empty()) return 0;
        const auto* const at = std::ranges::find(words, text);
        if (at != words.end()) return static_cast<std::size_t>(at - words.begin());
        std::string known;
        for (const std::string_view word : words) {
            known += fmt::format("{}'{}'", known.empty() ? "" : ", ", word);
        }
        warn(key, fmt::format("'{}' is read as '{}' (known are {})", text, *words.begin(), known));
        return 0;
    }
    Fields object(std::string_view key) {
        const json::Value* value = find(key);
        const json::Object* object = json::object(value);
        if (value != nullptr && object == nullptr) error(key, "expected an object");
        return {object, at(key), read_};
    }
    void warn_of_others() {
        if (object_ == nullptr) return;
        for (const auto& member : *object_) {
            const std::string_view key(member.key().data(), member.key().size());
            if (std::ranges::find(known_, key) == known_.end()) {
                warn(key, "is not a field of Kayenta's and has no effect");
            }
        }
    }
    bool exists() const { return object_ != nullptr; }
    const json::Object* members() const { return object_; }

private:
    const json::Object* object_;
    std::string pointer_;
    ConfigRead& read_;
    std::vector<std::string_view> known_;
};

EffectSize read_effect(Fields fields) {
    EffectSize effect;
    const bool is_superiority = fields.word("measure", {"meanRatio", "cles"}) == 1;
    const double neutral = is_superiority ? 0.5 : 1;
    effect.measure = is_superiority ? Measure::superiority : Measure::mean_ratio;
    effect.allowed_increase = fields.number("allowedIncrease", neutral);
    effect.allowed_decrease = fields.number("allowedDecrease", neutral);
    effect.critical_increase = fields.number("criticalIncrease", neutral);
    effect.critical_decrease = fields.number("criticalDecrease", neutral);
    fields.warn_of_others();
    return effect;
}

void read_canary(Fields fields, MetricConfig& metric) {
    metric.direction = std::array{Direction::either, Direction::increase, Direction::decrease}.at(
        fields.word("direction", {"either", "increase", "decrease"}));
    metric.replaces_nan = fields.word("nanStrategy", {"remove", "replace"}) == 1;
    Fields outliers = fields.object("outliers");
    metric.removes_outliers = outliers.word("strategy", {"keep", "remove"}) == 1;
    metric.outlier_factor = outliers.number("outlierFactor", metric.outlier_factor);
    outliers.warn_of_others();
    metric.is_critical = fields.boolean("critical");
    metric.must_have_data = fields.boolean("mustHaveData");
    metric.is_muted = fields.boolean("muted");
    metric.effect = read_effect(fields.object("effectSize"));
    fields.warn_of_others();
}

std::vector<std::string> read_groups(Fields& fields) {
    std::vector<std::string> groups;
    const json::Value* value = fields.find("groups");
    const json::Array* items = json::array(value);
    if (value != nullptr && items == nullptr) fields.error("groups", "expected a list of names");
    if (items == nullptr) return groups;
    for (const json::Value& item : *items) {
        if (const auto group = json::text(&item)) {
            groups.emplace_back(*group);
        } else {
            fields.error("groups", "expected a list of names");
        }
    }
    return groups;
}

MetricConfig read_metric(Fields fields) {
    MetricConfig metric;
    metric.name = fields.text("name");
    if (metric.name.empty()) fields.error("name", "is required");
    metric.groups = read_groups(fields);
    Fields analysis = fields.object("analysisConfigurations");
    read_canary(analysis.object("canary"), metric);
    return metric;
}

void read_metrics(Fields& fields, ConfigRead& read) {
    const json::Value* value = fields.find("metrics");
    const json::Array* items = json::array(value);
    if (items == nullptr || items->empty()) {
        return fields.error("metrics", "expected a list of at least one metric");
    }
    for (std::size_t i = 0; i < items->size(); ++i) {
        const std::string pointer = fmt::format("{}/{}", fields.at("metrics"), i);
        const json::Object* object = json::object(&(*items)[i]);
        if (object == nullptr) {
            read.errors.push_back({pointer, "expected an object"});
            continue;
        }
        MetricConfig metric = read_metric(Fields(object, pointer, read));
        if (!metric.name.empty() && read.config.find(metric.name) != nullptr) {
            read.warnings.push_back(
                {pointer + "/name", "an earlier metric has this name and counts instead"});
        }
        read.config.metrics.push_back(std::move(metric));
    }
}

void read_classifier(Fields fields, Config& config) {
    Fields weights = fields.object("groupWeights");
    if (weights.exists()) {
        for (const auto& member : *weights.members()) {
            const std::string_view group(member.key().data(), member.key().size());
            config.group_weights[std::string(group)] = weights.number(group, 0);
        }
    }
    Fields thresholds = fields.object("scoreThresholds");
    const double pass = thresholds.number("pass", Thresholds{}.pass);
    const double marginal = thresholds.number("marginal", Thresholds{}.marginal);
    if (thresholds.exists()) config.thresholds = {.pass = pass, .marginal = marginal};
}

}  // namespace

const MetricConfig* Config::find(std::string_view metric) const {
    const auto at = std::ranges::find(metrics, metric, &MetricConfig::name);
    return at == metrics.end() ? nullptr : &*at;
}

ConfigRead read_config(const json::Value& value) {
    ConfigRead read;
    const json::Object* object = json::object(&value);
    if (object == nullptr) {
        read.errors.push_back({"", "expected a canary configuration: an object"});
        return read;
    }
    Fields fields(object, "", read);
    read.config.name = fields.text("name");
    Fields judge = fields.object("judge");
    const std::string name = judge.text("name");
    if (!name.empty() && name != judge_name) {
        judge.error("name", fmt::format("'{}' is not served; {} is", name, judge_name));
    }
    read_metrics(fields, read);
    Fields classifier = fields.object("classifier");
    if (!classifier.exists()) {
        fields.error("classifier", "is required: its groupWeights, if only {}");
    }
    read_classifier(std::move(classifier), read.config);
    return read;
}

}  // namespace serin::judge::kayenta
