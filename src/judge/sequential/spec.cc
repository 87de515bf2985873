#include "judge/sequential/spec.h"

#include "base/digest.h"
#include "base/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace serin::judge::sequential {

namespace {

constexpr double errors_ratio = 1.2;
constexpr double errors_difference = 0.0005;
constexpr double latency_ratio = 1.1;
constexpr double latency_pass_ratio = 1.3;
constexpr double conversions_ratio = 0.9;
constexpr double errors_share = 0.5;
constexpr double timeout_default_s = 3600;
constexpr std::size_t metrics_max = 16;

// Reads the members of one object and remembers which exist.
class Fields {
public:
    Fields(const json::Object& object, std::string pointer, std::vector<Problem>& problems)
        : object_(object), pointer_(std::move(pointer)), problems_(problems) {}

    const json::Value* find(std::string_view key) {
        known_.push_back(key);
        const json::Value* value = object_.if_contains({key.data(), key.size()});
        return value != nullptr && value->is_null() ? nullptr : value;
    }
    std::string at(std::string_view key) const {
        return pointer_ + "/" + json::escape_pointer(key);
    }
    void problem(std::string_view key, std::string message) {
        problems_.push_back({at(key), std::move(message)});
    }
    void known(std::string_view key) { known_.push_back(key); }

    std::optional<double> number(std::string_view key) {
        const json::Value* value = find(key);
        if (value == nullptr) return std::nullopt;
        if (const auto number = json::number(value)) return number;
        if (const auto text = json::text(value)) {
            double number = 0;
            const auto [end, error] =
                std::from_chars(text->data(), text->data() + text->size(), number);
            if (error == std::errc() && end == text->data() + text->size()) return number;
        }
        problem(key, "expected a number");
        return std::nullopt;
    }
    // Both ends excluded.
    std::optional<double> between(std::string_view key, double low, double high) {
        const auto number = this->number(key);
        if (!number) return std::nullopt;
        if (*number > low && *number < high) return number;
        problem(key, fmt::format("must be between {} and {}, both excluded", low, high));
        return std::nullopt;
    }
    std::optional<double> seconds(std::string_view key) {
        const json::Value* value = find(key);
        if (value == nullptr) return std::nullopt;
        const auto text = json::text(value);
        const auto duration = text ? parse_duration(*text) : fail(ErrorKind::invalid, "");
        if (duration && *duration >= Duration(0)) {
            return static_cast<double>(duration->count()) / 1000;
        }
        problem(key, "expected a duration such as \"30s\" or \"10m\"");
        return std::nullopt;
    }
    std::optional<std::string> text(std::string_view key) {
        const json::Value* value = find(key);
        if (value == nullptr) return std::nullopt;
        if (const auto text = json::text(value)) return std::string(*text);
        problem(key, "expected text");
        return std::nullopt;
    }
    void reject_others() {
        for (const auto& member : object_) {
            const std::string_view key(member.key().data(), member.key().size());
            if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
                std::string fields;
                for (const std::string_view known : known_) {
                    fields += fields.empty() ? "" : ", ";
                    fields += known;
                }
                problem(key, "unknown field (known are " + fields + ")");
            }
        }
    }

private:
    const json::Object& object_;
    std::string pointer_;
    std::vector<Problem>& problems_;
    std::vector<std::string_view> known_;
};

// `low`, `high`: what the ratio may be.
Margin read_margin(
    Fields& fields,
    std::string_view key,
    Margin margin,
    std::vector<Problem>& problems,
    std::pair<double, double> ratios) {
    const json::Value* value = fields.find(key);
    if (value == nullptr) return margin;
    const json::Object* object = json::object(value);
    if (object == nullptr) {
        fields.problem(key, "expected an object with ratio and difference");
        return margin;
    }
    Fields members(*object, fields.at(key), problems);
    if (const auto ratio = members.number("ratio")) {
        if (*ratio >= ratios.first && *ratio <= ratios.second) {
            margin.ratio = *ratio;
        } else {
            members.problem(
                "ratio", fmt::format("must be from {} to {}", ratios.first, ratios.second));
        }
    }
    if (const auto difference = members.number("difference")) {
        if (*difference >= 0 && *difference < 1) {
            margin.difference = *difference;
        } else {
            members.problem("difference", "must be at least 0 and below 1");
        }
    }
    members.reject_others();
    return margin;
}

bool has_difference(const json::Value* margin) {
    return margin != nullptr && json::find(*margin, "/difference") != nullptr;
}

void read_error_rate(Fields& fields, MetricSpec& metric, std::vector<Problem>& problems) {
    metric.bound = fields.between("atMost", 0, 0.95);
    metric.margin =
        read_margin(fields, "margin", {errors_ratio, errors_difference}, problems, {1, 100});
    metric.pass_margin = read_margin(fields, "passMargin", {1, 0}, problems, {1, 100});
    metric.has_pass_difference = has_difference(fields.find("passMargin"));
}

void read_success_rate(Fields& fields, MetricSpec& metric) {
    const auto least = fields.between("atLeast", 0.05, 1);
    if (fields.find("atLeast") == nullptr) {
        fields.problem("atLeast", "missing: the lowest success rate, such as 0.99");
    }
    if (least) metric.bound = 1 - *least;
}

void read_latency(Fields& fields, MetricSpec& metric, std::vector<Problem>& problems) {
    metric.subject = Subject::latency;
    metric.quantile = fields.between("quantile", 0.05, 0.9999);
    if (const auto limit = fields.seconds("atMost")) {
        metric.limit_ms = *limit * 1000;
        if (*limit <= 0) fields.problem("atMost", "must be more than 0");
        metric.bound = 1 - metric.quantile.value_or(0.95);
    }
    metric.margin = read_margin(fields, "margin", {latency_ratio, 0}, problems, {1, 10});
    metric.pass_margin =
        read_margin(fields, "passMargin", {latency_pass_ratio, 0}, problems, {1, 10});
    for (const auto& [key, margin] :
         {std::pair{"margin", metric.margin}, std::pair{"passMargin", metric.pass_margin}}) {
        if (margin.difference != 0) {
            fields.problem(key, "latency has no difference: use ratio");
        }
    }
    if (metric.pass_margin.ratio <= metric.margin.ratio && !metric.bound) {
        fields.problem("passMargin", "its ratio must be more than that of margin");
    }
}

// "ok", or a list of such texts.
std::vector<std::string> read_texts(Fields& fields, std::string_view key) {
    std::vector<std::string> texts;
    const json::Value* value = fields.find(key);
    if (value == nullptr) return texts;
    const json::Array single{*value};
    const json::Array* list = json::array(value);
    for (const json::Value& item : list == nullptr ? single : *list) {
        const auto text = json::text(&item);
        if (!text || text->empty()) {
            fields.problem(key, "expected text, or a list of texts");
            return {};
        }
        texts.emplace_back(*text);
    }
    return texts;
}

// Which values of which header are what the business wants.
void read_header(Fields& fields, MetricSpec& metric) {
    metric.header = fields.text("header").value_or("");
    for (char& c : metric.header) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    metric.good = read_texts(fields, "good");
    metric.good_from = fields.number("goodFrom");
    const bool has_rule = !metric.good.empty() || metric.good_from;
    if (metric.header.empty()) {
        if (has_rule) fields.problem("header", "missing: the header of the answer that is meant");
        return;
    }
    if (!has_rule) {
        fields.problem("good", "missing: the header's values that are good, or goodFrom: a number");
    } else if (!metric.good.empty() && metric.good_from) {
        fields.problem("goodFrom", "only one of good and goodFrom is possible");
    }
}

void read_business(Fields& fields, MetricSpec& metric, std::vector<Problem>& problems) {
    metric.subject = Subject::conversions;
    read_header(fields, metric);
    metric.bound = fields.between("atLeast", 0, 0.95);
    metric.margin = read_margin(fields, "margin", {conversions_ratio, 0}, problems, {0.01, 1});
    metric.pass_margin = read_margin(fields, "passMargin", metric.margin, problems, {0.01, 1});
}

MetricSpec read_metric(
    const json::Object& object, const std::string& pointer, std::vector<Problem>& problems) {
    Fields fields(object, pointer, problems);
    MetricSpec metric;
    const std::string kind = fields.text("metric").value_or("");
    metric.name = fields.text("name").value_or(kind);
    metric.share = fields.between("share", 0, 1.000001).value_or(0);
    if (kind == "error-rate") {
        read_error_rate(fields, metric, problems);
    } else if (kind == "success-rate") {
        read_success_rate(fields, metric);
    } else if (kind == "latency") {
        read_latency(fields, metric, problems);
    } else if (kind == "business") {
        read_business(fields, metric, problems);
    } else {
        fields.problem("metric", "expected error-rate, success-rate, latency or business");
        return metric;
    }
    fields.reject_others();
    return metric;
}

// What is not given: half for the failures compared with stable, the rest evenly.
void share_alpha(std::vector<MetricSpec>& metrics, std::vector<Problem>& problems) {
    double given = 0;
    double wanted = 0;
    const auto weight = [&](const MetricSpec& metric) {
        const bool is_main = metric.subject == Subject::errors && !metric.bound;
        const auto others = static_cast<double>(std::max<std::size_t>(metrics.size(), 2) - 1);
        return is_main ? errors_share : (1 - errors_share) / others;
    };
    for (const MetricSpec& metric : metrics) {
        given += metric.share;
        if (metric.share == 0) wanted += weight(metric);
    }
    const bool is_full = given > 1.000001 || (wanted > 0 && given > 0.999999);
    if (is_full || (wanted == 0 && given < 0.999999)) {
        problems.push_back({"/metrics", "the shares must sum to 1"});
        return;
    }
    for (MetricSpec& metric : metrics) {
        if (metric.share == 0) metric.share = (1 - given) * weight(metric) / wanted;
    }
}

void read_metrics(Fields& fields, Spec& spec, std::vector<Problem>& problems) {
    json::Array defaults{
        json::Object{{"metric", "error-rate"}}, json::Object{{"metric", "latency"}}};
    const json::Value* value = fields.find("metrics");
    const json::Array* metrics = value == nullptr ? &defaults : json::array(value);
    if (metrics == nullptr || metrics->empty() || metrics->size() > metrics_max) {
        fields.problem("metrics", fmt::format("expected a list of 1 to {} metrics", metrics_max));
        return;
    }
    for (std::size_t i = 0; i < metrics->size(); ++i) {
        const std::string pointer = fmt::format("/metrics/{}", i);
        const json::Object* object = json::object(&(*metrics)[i]);
        if (object == nullptr) {
            problems.push_back({pointer, "expected an object"});
            continue;
        }
        MetricSpec metric = read_metric(*object, pointer, problems);
        for (const MetricSpec& other : spec.metrics) {
            if (other.name == metric.name) {
                problems.push_back(
                    {pointer + "/name", "another metric is called '" + metric.name + "' too"});
            }
        }
        spec.metrics.push_back(std::move(metric));
    }
    share_alpha(spec.metrics, problems);
}

}  // namespace

SpecRead read_spec(const json::Value& value, std::span<const std::string_view> foreign) {
    SpecRead read;
    const json::Object empty;
    const json::Object* object = value.is_null() ? &empty : json::object(&value);
    if (object == nullptr) {
        read.problems.push_back({"", "expected an object"});
        return read;
    }
    Spec& spec = read.spec;
    Fields fields(*object, "", read.problems);
    spec.alpha = fields.between("alpha", 0, 0.5).value_or(spec.alpha);
    spec.beta = fields.between("beta", 0, 0.5).value_or(spec.beta);
    if (const auto hold = fields.number("holdAt")) {
        spec.hold_at = *hold;
        if (!(*hold > 1)) fields.problem("holdAt", "must be more than 1");
    }
    spec.warmup_s = fields.seconds("warmup").value_or(0);
    const double timeout_s = fields.seconds("timeout").value_or(timeout_default_s);
    if (timeout_s > 0) spec.timeout_s = timeout_s;
    if (const auto duration = fields.seconds("duration")) {
        spec.plan.duration_s = *duration;
        if (*duration <= 0) fields.problem("duration", "must be more than 0");
    }
    if (const auto steps = fields.number("steps")) {
        spec.plan.steps = *steps;
        if (*steps < 1) fields.problem("steps", "must be at least 1");
    }
    read_metrics(fields, spec, read.problems);
    for (const std::string_view key : foreign) fields.known(key);
    fields.reject_others();
    return read;
}

Result<Spec> parse_spec(const json::Value& value, std::span<const std::string_view> foreign) {
    SpecRead read = read_spec(value, foreign);
    if (read.problems.empty()) return std::move(read.spec);
    const Problem& first = read.problems.front();
    const std::string path = field_path(first.pointer);
    return fail(ErrorKind::invalid, (path.empty() ? "" : path + ": ") + first.message);
}

std::string field_path(std::string_view pointer) {
    std::string path;
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const std::string_view token = pointer.substr(0, pointer.find('/'));
        const bool is_index = token.find_first_not_of("0123456789") == token.npos;
        if (is_index) {
            path += fmt::format("[{}]", token);
        } else {
            path += path.empty() ? "" : ".";
            path += token;
        }
        pointer.remove_prefix(token.size());
    }
    return path;
}

std::string fingerprint(const Spec& spec) {
    std::string text = fmt::format(
        "{} {} {} {} {} {} {}",
        spec.alpha,
        spec.beta,
        spec.warmup_s,
        spec.plan.duration_s,
        spec.plan.coarse_s,
        spec.plan.steps,
        spec.hold_at);
    for (const MetricSpec& metric : spec.metrics) {
        text += fmt::format(
            "\n{} {} {} {} {} {} {} {} {} {} {}",
            metric.name,
            std::to_underlying(metric.subject),
            metric.bound.value_or(-1),
            metric.limit_ms,
            metric.quantile.value_or(-1),
            metric.margin.ratio,
            metric.margin.difference,
            metric.pass_margin.ratio,
            metric.pass_margin.difference,
            metric.has_pass_difference,
            metric.share);
        if (!metric.counted_by.empty()) text += " " + metric.counted_by;
        if (metric.header.empty()) continue;
        text += fmt::format(" {} {}", metric.header, fmt::join(metric.good, ","));
        if (metric.good_from) text += fmt::format(" {}", *metric.good_from);
    }
    return sha256_hex(text).substr(0, 16);
}

}  // namespace serin::judge::sequential
