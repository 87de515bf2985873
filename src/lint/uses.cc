#include "lint/uses.h"

#include "manifest/argo/analysis_spec.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace serin::lint {

using manifest::Part;

namespace {

using Arguments = std::map<std::string, std::string, std::less<>>;

// {{args.x}} where x is known; other tags stay.
std::string fill(std::string_view text, const Arguments& arguments) {
    std::string out;
    while (true) {
        const auto start = text.find("{{");
        const auto end = start == text.npos ? start : text.find("}}", start);
        if (end == text.npos) return out += text;
        std::string_view name = text.substr(start + 2, end - start - 2);
        while (name.starts_with(' ')) name.remove_prefix(1);
        while (name.ends_with(' ')) name.remove_suffix(1);
        out += text.substr(0, start);
        const auto known =
            name.starts_with("args.") ? arguments.find(name.substr(5)) : arguments.end();
        out += known == arguments.end() ? text.substr(start, end + 2 - start) : known->second;
        text.remove_prefix(end + 2);
    }
}

json::Value fill(const json::Value& value, const Arguments& arguments) {
    if (const auto text = json::text(&value)) return json::string(fill(*text, arguments));
    if (const json::Object* members = json::object(&value)) {
        json::Object out;
        for (const auto& member : *members) out[member.key()] = fill(member.value(), arguments);
        return out;
    }
    if (const json::Array* items = json::array(&value)) {
        json::Array out;
        for (const json::Value& item : *items) out.push_back(fill(item, arguments));
        return out;
    }
    return value;
}

void read_provider(const Part& provider, UsedMetric& metric) {
    if (!provider.object()) return;
    for (const auto& member : *provider.object()) {
        std::string name(member.key());
        Part config = provider[name];
        if (name == "plugin" && config.object() && !config.object()->empty()) {
            name = std::string(config.object()->begin()->key());
            config = config[name];
        }
        if (!config.is_given()) continue;
        metric.provider = name;
        metric.provider_pointer = metric.pointer + "/provider" + config.pointer();
        if (config.object()) metric.config = *config.object();
    }
}

UsedMetric read_metric(const Source& source, std::string pointer, const json::Object& filled) {
    UsedMetric metric{.source = &source, .pointer = std::move(pointer)};
    const Part part(filled);
    judge::MetricRule& rule = metric.rule;
    rule.name = part["name"].text();
    rule.interval = read_duration(part["interval"]);
    rule.initial_delay = read_duration(part["initialDelay"]).value_or(Duration(0));
    rule.count = read_count(part["count"]).value_or(0);
    rule.failure_limit = read_count(part["failureLimit"]).value_or(0);
    rule.inconclusive_limit = read_count(part["inconclusiveLimit"]).value_or(0);
    rule.consecutive_error_limit = read_count(part["consecutiveErrorLimit"]).value_or(4);
    rule.consecutive_success_limit = read_count(part["consecutiveSuccessLimit"]).value_or(0);
    metric.conditions = {
        .success = part["successCondition"].text(), .failure = part["failureCondition"].text()};
    json::Object provider;
    if (part["provider"].object()) provider = *part["provider"].object();
    read_provider(Part(provider), metric);
    if (metric.provider == "prometheus") {
        metric.query = Part(metric.config)["query"].text();
        metric.expr = promql::parse(metric.query);
    }
    return metric;
}

// The template and those it includes, each once.
void gather(
    const Sources& sources,
    const Part& references,
    const std::string& ns,
    std::vector<const Source*>& found) {
    for (std::size_t i = 0; i < references.size(); ++i) {
        const bool is_cluster = references[i]["clusterScope"].boolean();
        const Source* one = sources.find(
            is_cluster ? "ClusterAnalysisTemplate" : "AnalysisTemplate",
            is_cluster ? "" : ns,
            references[i]["templateName"].text());
        if (!one || std::ranges::find(found, one) != found.end()) continue;
        found.push_back(one);
        gather(sources, one->spec()["templates"], ns, found);
    }
}

std::optional<std::string> value_from(const json::Object& argument, const Object& rollout) {
    json::Array single;
    single.emplace_back(argument);
    const auto resolved = argo::resolve_arguments(
        single, rollout, {.stable = std::string(stable_hash), .latest = std::string(canary_hash)});
    if (!resolved || resolved->empty()) return std::nullopt;
    const auto text = json::text(json::find(resolved->front(), "/value"));
    return text ? std::optional<std::string>(*text) : std::nullopt;
}

void read_values(const Part& arguments, const Source* rollout, Arguments& values) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string name = arguments[i]["name"].text();
        const json::Object* one = arguments[i].object();
        if (!one || name.empty()) continue;
        if (arguments[i]["value"].is_given()) {
            values[name] = arguments[i]["value"].text();
        } else if (rollout && arguments[i]["valueFrom"].is_given()) {
            if (auto value = value_from(*one, rollout->object)) values[name] = *std::move(value);
        }
    }
}

bool is_dry(const Part& rules, const std::string& metric) {
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const std::string name = rules[i]["metricName"].text();
        if (name == metric || name == ".*") return true;
    }
    return false;
}

void read_metrics(const Source& source, const Part& analysis, Use& use) {
    const Part metrics = source.spec()["metrics"];
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        if (!metrics[i].object()) continue;
        const json::Value filled = fill(*metrics[i].value(), use.arguments);
        UsedMetric metric = read_metric(source, metrics[i].pointer(), filled.get_object());
        const std::string name = metric.rule.name;
        metric.rule.is_dry_run =
            is_dry(source.spec()["dryRun"], name) || is_dry(analysis["dryRun"], name);
        use.metrics.push_back(std::move(metric));
    }
}

class Gatherer {
public:
    explicit Gatherer(const Sources& sources) : sources_(sources) {}

    std::vector<Use> run() {
        for (const Source* rollout : sources_.of_kind("Rollout")) read_rollout(*rollout);
        for (const char* kind : {"AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun"}) {
            for (const Source* one : sources_.of_kind(kind)) {
                if (!used_.contains(one)) add_alone(*one);
            }
        }
        return std::move(out_);
    }

private:
    void read_rollout(const Source& rollout) {
        const Part strategy = rollout.spec()["strategy"];
        const Part background = strategy["canary"]["analysis"];
        const auto from = background["startingStep"].integer().value_or(0);
        add(rollout,
            background,
            Moment::background,
            static_cast<std::size_t>(std::max<std::int64_t>(from, 0)));
        const Part steps = strategy["canary"]["steps"];
        for (std::size_t i = 0; i < steps.size(); ++i) {
            add(rollout, steps[i]["analysis"], Moment::step, i);
        }
        add(rollout, strategy["blueGreen"]["prePromotionAnalysis"], Moment::before_switch, 0);
        add(rollout, strategy["blueGreen"]["postPromotionAnalysis"], Moment::after_switch, 0);
    }

    void add(const Source& rollout, const Part& analysis, Moment moment, std::size_t step) {
        if (analysis["templates"].size() == 0) return;
        Use use{.rollout = &rollout, .pointer = analysis.pointer(), .moment = moment, .step = step};
        gather(sources_, analysis["templates"], std::string(rollout.object.ns()), use.templates);
        for (const Source* one : use.templates) {
            used_.insert(one);
            read_values(one->spec()["args"], nullptr, use.arguments);
        }
        read_values(analysis["args"], &rollout, use.arguments);
        for (const Source* one : use.templates) read_metrics(*one, analysis, use);
        out_.push_back(std::move(use));
    }

    void add_alone(const Source& source) {
        Use use{.pointer = "", .templates = {&source}};
        read_values(source.spec()["args"], nullptr, use.arguments);
        read_metrics(source, source.root()["none"], use);
        out_.push_back(std::move(use));
    }

    const Sources& sources_;
    std::set<const Source*> used_;
    std::vector<Use> out_;
};

}  // namespace

std::vector<Use> uses_of(const Sources& sources) {
    return Gatherer(sources).run();
}

bool judges_by_itself(const UsedMetric& metric) {
    return metric.provider == "serin/sequential" || metric.provider == "serin/budget" ||
           metric.provider == "serin/kayenta" || metric.provider == "serin/ab" ||
           metric.provider == "serin/shadow";
}

std::optional<Duration> read_duration(const Part& part) {
    if (const auto seconds = read_count(part)) return std::chrono::seconds(*seconds);
    if (!part.is_given()) return std::nullopt;
    const auto parsed = parse_duration(part.text());
    return parsed ? std::optional(*parsed) : std::nullopt;
}

std::optional<std::int64_t> read_count(const Part& part) {
    if (const auto number = part.integer()) return number;
    const std::string text = part.text();
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_number = read.ec == std::errc() && read.ptr == text.data() + text.size();
    return is_number && !text.empty() ? std::optional(number) : std::nullopt;
}

}  // namespace serin::lint
