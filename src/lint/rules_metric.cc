#include "lint/families.h"
#include "lint/timeline.h"
#include "lint/verdicts.h"
#include "manifest/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace serin::lint {

using manifest::Part;

namespace {

// What is common, and not in a small image.
constexpr std::string_view small_images[] = {"alpine", "busybox", "curl", "distroless"};
constexpr std::string_view tools[] = {"jq", "bc", "bash", "python", "python3"};

class MetricRules {
public:
    MetricRules(const Context& context, const Use& use, const UsedMetric& metric)
        : context_(context), use_(use), metric_(metric), part_(part_of(metric)) {}

    void check() {
        const bool is_judged_by_condition = metric_.provider != "job" &&
                                            metric_.provider != "kayenta" &&
                                            !judges_by_itself(metric_);
        const bool has_condition =
            !metric_.conditions.success.empty() || !metric_.conditions.failure.empty();
        if (is_judged_by_condition && !has_condition) {
            add("no-condition",
                "",
                fmt::format("'{}' has no condition: every measurement succeeds", name()),
                "add a successCondition");
        }
        if (metric_.provider == "job") check_job(has_condition);
        if (!metric_.rule.is_dry_run) check_limits(has_condition || !is_judged_by_condition);
        if (metric_.provider == "serin/requests") check_target();
        check_unit();
    }

private:
    static Part part_of(const UsedMetric& metric) {
        static const json::Object nothing;
        const json::Object* object =
            json::object(json::find(metric.source->object.document(), metric.pointer));
        return Part(object ? *object : nothing);
    }

    const std::string& name() const { return metric_.rule.name; }

    void add(
        std::string_view rule,
        std::string_view below,
        std::string message,
        std::string suggestion = {}) {
        context_.reporter.add(
            rule,
            *metric_.source,
            metric_.pointer + std::string(below),
            std::move(message),
            std::move(suggestion));
    }

    void check_job(bool has_condition) {
        if (has_condition) {
            const bool is_success = !metric_.conditions.success.empty();
            add("job-condition-ignored",
                is_success ? "/successCondition" : "/failureCondition",
                "a job is judged by its exit status alone: what it prints and this are not looked "
                "at",
                "let the job exit with a status other than 0, and remove the condition");
        }
        const Part pods = Part(metric_.config)["spec"]["template"]["spec"]["containers"];
        for (std::size_t i = 0; i < pods.size(); ++i) check_script(pods[i], i);
    }

    void check_script(const Part& container, std::size_t index) {
        std::string shell;
        std::string script;
        for (const char* list : {"command", "args"}) {
            for (std::size_t i = 0; i < container[list].size(); ++i) {
                const std::string word = container[list][i].text();
                if (shell.empty()) shell = word;
                script += " " + word + "\n";
            }
        }
        const std::string at = fmt::format("/provider/job/spec/template/spec/containers/{}", index);
        const bool is_sh = shell == "sh" || shell == "/bin/sh" || shell == "ash";
        bool is_bash = script.contains("[[ ");
        for (auto found = script.find("(("); found != script.npos;
             found = script.find("((", found + 2)) {
            is_bash = is_bash || found == 0 || script[found - 1] != '$';
        }
        if (is_sh && is_bash) {
            add("job-needs-bash",
                at + "/command",
                "the script has (( )) or [[ ]], which sh does not know",
                "run it with bash, from an image that has it");
        }
        check_tools(container["image"].text(), script, at);
    }

    void check_tools(const std::string& image, const std::string& script, const std::string& at) {
        const bool is_small = std::ranges::any_of(
            small_images, [&](std::string_view one) { return image.contains(one); });
        if (!is_small) return;
        std::string missing;
        for (const std::string_view tool : tools) {
            bool is_called = false;
            for (const char* before : {" ", "|", "(", "\n", "`"}) {
                for (const char* after : {" ", "\n", ")"}) {
                    is_called = is_called || script.contains(before + std::string(tool) + after);
                }
            }
            if (is_called) missing += (missing.empty() ? "" : ", ") + std::string(tool);
        }
        if (missing.empty()) return;
        add("job-needs-bash",
            at + "/image",
            fmt::format("the image '{}' probably lacks {}", image, missing),
            "use an image that has what the script calls");
    }

    void check_limits(bool can_fail) {
        const judge::MetricRule& rule = metric_.rule;
        const auto measurements = judge::effective_count(rule);
        const std::string limit = part_["failureLimit"].is_given() ? "/failureLimit" : "";
        if (rule.failure_limit < 0 && (rule.consecutive_success_limit <= 0 || rule.count == 0)) {
            return add(
                "cannot-trip", limit, fmt::format("failureLimit -1: '{}' never fails", name()));
        }
        if (rule.failure_limit >= 0 && measurements && *measurements <= rule.failure_limit) {
            return add(
                "cannot-trip",
                limit,
                fmt::format(
                    "'{}' fails with failed measurement number {} and is measured {} time{}",
                    name(),
                    rule.failure_limit + 1,
                    *measurements,
                    *measurements == 1 ? "" : "s"),
                fmt::format("lower failureLimit below {}", *measurements));
        }
        if (use_.moment == Moment::background) check_time_to_trip();
        const bool is_repeated = rule.interval && (!measurements || *measurements > 1);
        if (can_fail && is_repeated && !part_["failureLimit"].is_given() &&
            !metric_.provider.starts_with("serin/")) {
            add("failure-limit-zero",
                "",
                fmt::format(
                    "'{}' has no failureLimit: the first failed measurement aborts the release",
                    name()),
                "write failureLimit, 0 if that is meant");
        }
    }

    // As often as the interval fits into the release, and no oftener.
    void check_time_to_trip() {
        const judge::MetricRule& rule = metric_.rule;
        if (!use_.rollout || !rule.interval || rule.failure_limit <= 0) return;
        const Timeline timeline = timeline_of(*use_.rollout, context_.uses);
        const Span span = span_of(use_, timeline);
        if (timeline.needs_person || span.length <= Duration(0)) return;
        const Duration needed = rule.initial_delay + *rule.interval * rule.failure_limit;
        if (needed <= span.length) return;
        add("cannot-trip",
            "/failureLimit",
            fmt::format(
                "'{}' needs {} to fail {} times, and the release of Rollout {} may be over after "
                "{}",
                name(),
                short_duration(needed),
                rule.failure_limit + 1,
                use_.rollout->object.name(),
                short_duration(span.length)),
            "lower failureLimit, shorten the interval or lengthen the steps");
    }

    void check_target() {
        const std::string ns(
            use_.rollout ? use_.rollout->object.ns() : metric_.source->object.ns());
        for (const auto& [field, kind] :
             {std::pair{"service", "Service"}, std::pair{"route", "HTTPRoute"}}) {
            const std::string named = Part(metric_.config)[field].text();
            if (named.empty() || named.contains("{{")) continue;
            if (context_.sources.of_kind(kind).empty()) continue;
            if (context_.sources.find(kind, ns, named)) continue;
            add("requests-target-missing",
                "/provider/plugin/serin~1requests/" + std::string(field),
                fmt::format("there is no {} '{}': no request will ever count", kind, named),
                "correct the name");
        }
    }

    // rate() and deriv() are per second, whatever the name of the metric says.
    void check_unit() {
        if (!metric_.expr) return;
        const bool says_minute = name().contains("per-min") || name().contains("per_min") ||
                                 name().contains("perMin") || name().contains("/min");
        if (!says_minute) return;
        bool is_per_second = false;
        bool is_scaled = false;
        promql::walk(*metric_.expr, [&](const promql::Expr& part) {
            is_per_second = is_per_second ||
                            (part.kind == promql::ExprKind::call &&
                             (part.name == "rate" || part.name == "irate" || part.name == "deriv"));
            is_scaled = is_scaled || (part.kind == promql::ExprKind::number && part.number == 60);
        });
        if (!is_per_second || is_scaled) return;
        add("rate-is-per-second",
            "/provider/prometheus/query",
            fmt::format("'{}' is measured per second: 60 times less than its name says", name()),
            "multiply by 60");
    }

    const Context& context_;
    const Use& use_;
    const UsedMetric& metric_;
    Part part_;
};

std::set<std::string> used_arguments(const Use& use) {
    std::set<std::string> used;
    for (const Source* source : use.templates) {
        const Part metrics = source->spec()["metrics"];
        for (std::size_t i = 0; i < metrics.size(); ++i) {
            if (metrics[i].value()) manifest::collect_arguments(*metrics[i].value(), used);
        }
    }
    return used;
}

void check_given(const Context& context, const Use& use) {
    if (!use.rollout || use.templates.empty()) return;
    const json::Object* analysis =
        json::object(json::find(use.rollout->object.document(), use.pointer));
    if (!analysis) return;
    const Part part(*analysis);
    if (part["templates"].size() > use.templates.size()) return;  // One is not here.
    std::set<std::string> declared;
    for (const Source* source : use.templates) {
        const Part arguments = source->spec()["args"];
        for (std::size_t i = 0; i < arguments.size(); ++i) {
            declared.insert(arguments[i]["name"].text());
        }
    }
    for (std::size_t i = 0; i < part["args"].size(); ++i) {
        const std::string name = part["args"][i]["name"].text();
        if (name.empty() || declared.contains(name)) continue;
        context.reporter.add(
            "unknown-argument",
            *use.rollout,
            use.pointer + part["args"][i].pointer(),
            fmt::format("no template declares '{}', so it is passed over", name),
            "declare it in the template's args, or remove it");
    }
}

}  // namespace

void check_metrics(const Context& context) {
    for (const Use& use : context.uses) {
        for (const UsedMetric& metric : use.metrics) MetricRules(context, use, metric).check();
    }
}

void check_arguments(const Context& context) {
    std::set<std::pair<const Source*, std::string>> used;
    for (const Use& use : context.uses) {
        check_given(context, use);
        const std::set<std::string> names = used_arguments(use);
        for (const Source* source : use.templates) {
            for (const std::string& name : names) used.emplace(source, name);
        }
    }
    for (const char* kind : {"AnalysisTemplate", "ClusterAnalysisTemplate"}) {
        for (const Source* source : context.sources.of_kind(kind)) {
            const Part arguments = source->spec()["args"];
            // Templates that only others include get their arguments from there.
            if (source->spec()["metrics"].size() == 0) continue;
            for (std::size_t i = 0; i < arguments.size(); ++i) {
                const std::string name = arguments[i]["name"].text();
                if (name.empty() || used.contains({source, name})) continue;
                context.reporter.add(
                    "unused-argument",
                    *source,
                    arguments[i].pointer(),
                    fmt::format("no metric uses '{}'", name),
                    "remove it");
            }
        }
    }
}

}  // namespace serin::lint
