#include "judge/ab/config.h"
#include "judge/kayenta/analysis.h"
#include "judge/sequential/counters.h"
#include "judge/sequential/spec.h"
#include "judge/shadow/spec.h"
#include "lint/families.h"

#include <fmt/format.h>

#include <string>

// Configurations of judges that judge by themselves: what a run would refuse.

namespace serin::lint {

namespace {

namespace sequential = judge::sequential;

// Arguments that are not known here.
bool is_open(const json::Object& config, std::string_view pointer) {
    const json::Value* value = json::find(config, pointer);
    return value != nullptr && json::print(*value).contains("{{");
}

void add(
    const Context& context,
    const UsedMetric& metric,
    std::string_view pointer,
    const std::string& message) {
    context.reporter.add(
        "judge-config",
        *metric.source,
        metric.provider_pointer + std::string(pointer),
        fmt::format("the run would end in an error: {}", message),
        "see docs/reference/judges.md");
}

void check_sequential(const Context& context, const UsedMetric& metric) {
    const auto counters = sequential::CountersConfig::read(metric.config);
    if (!counters) return add(context, metric, "", counters.error().message);
    for (const auto& problem : sequential::read_spec(counters->judged).problems) {
        if (!is_open(counters->judged, problem.pointer))
            add(context, metric, problem.pointer, problem.message);
    }
}

void check_kayenta(const Context& context, const UsedMetric& metric) {
    // An argument may be a duration, or anything else.
    json::Object config = metric.config;
    for (auto& member : config) {
        const auto text = json::text(&member.value());
        if (text && text->contains("{{") && member.key() != "canaryConfig") return;
    }
    const auto spec = judge::kayenta::AnalysisSpec::read(config);
    if (!spec) return add(context, metric, "", spec.error().message);
    const bool is_text = json::object(config.if_contains("canaryConfig")) == nullptr;
    for (const judge::kayenta::Problem& warning : spec->warnings) {
        // Kayenta's own fields that only it uses.
        if (warning.message.starts_with("is not a field")) continue;
        context.reporter.add(
            "judge-config",
            *metric.source,
            metric.provider_pointer + "/canaryConfig" + (is_text ? "" : warning.pointer),
            warning.message,
            "see docs/reference/judges.md");
    }
}

void check_ab(const Context& context, const UsedMetric& metric) {
    json::Object config = metric.config;
    if (json::print(config).contains("{{")) return;  // What is not known here may be anything.
    const auto read = judge::ab::Config::read(config);
    if (!read) add(context, metric, "", read.error().message);
}

void check_shadow(const Context& context, const UsedMetric& metric) {
    if (json::print(metric.config).contains("{{")) return;  // What is not known may be anything.
    const auto read = judge::shadow::Spec::read(metric.config);
    if (!read) return add(context, metric, "", read.error().message);
    for (std::size_t i = 0; i < read->methods.size(); ++i) {
        const std::string& method = read->methods[i];
        if (method == "GET" || method == "HEAD" || method == "OPTIONS") continue;
        context.reporter.add(
            "shadow-repeats",
            *metric.source,
            metric.provider_pointer + fmt::format("/methods/{}", i),
            fmt::format(
                "each {} that is copied is carried out three times more, twice by stable", method),
            "leave it out, unless all pods know by the header serin-shadow what not to do");
    }
}

}  // namespace

void check_judges(const Context& context) {
    for (const Use& use : context.uses) {
        for (const UsedMetric& metric : use.metrics) {
            if (metric.provider == "serin/sequential") check_sequential(context, metric);
            if (metric.provider == "serin/kayenta") check_kayenta(context, metric);
            if (metric.provider == "serin/ab") check_ab(context, metric);
            if (metric.provider == "serin/shadow") check_shadow(context, metric);
        }
    }
}

}  // namespace serin::lint
