#include "lint/families.h"
#include "lint/query_facts.h"
#include "lint/verdicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <span>

namespace serin::lint {

using judge::Phase;
using manifest::Part;
using promql::Expr;
using promql::ExprKind;

namespace {

// Labels that tell one version from another.
constexpr std::string_view version_labels[] = {
    "rollouts_pod_template_hash",
    "pod_template_hash",
    "version",
    "app_kubernetes_io_version",
    "revision",
    "track",
    "subset",
    "destination_version",
    "pod"};

using Report =
    std::function<void(std::string_view rule, std::string message, std::string suggestion)>;

bool is_call(const Expr& expr, std::initializer_list<std::string_view> names) {
    return expr.kind == ExprKind::call && std::ranges::find(names, expr.name) != names.end();
}

void check_quantile(const Expr& expr, const Report& report) {
    if (!is_call(expr, {"histogram_quantile"}) || expr.children.size() != 2) return;
    const Expr& buckets = expr.children.back();
    const std::string advice = "write histogram_quantile(q, sum by (le) (rate(..._bucket[5m])))";
    if (buckets.kind != ExprKind::aggregation) {
        if (may_be_many(buckets)) {
            report(
                "quantile-without-le",
                "the quantile is of each series apart, not of all requests",
                advice);
        }
        return;
    }
    const bool names_le = std::ranges::find(buckets.labels, "le") != buckets.labels.end();
    if (buckets.is_grouped && names_le != buckets.is_without) return;
    report("quantile-without-le", "without the label le there is no quantile", advice);
}

void check_samples(const Expr& expr, const Report& report) {
    const bool wants_counter = is_call(expr, {"rate", "irate", "increase", "resets"});
    const bool wants_gauge = is_call(expr, {"delta", "idelta", "deriv", "predict_linear"});
    if ((!wants_counter && !wants_gauge) || expr.children.empty()) return;
    const Expr& argument = expr.children.front();
    if (argument.kind != ExprKind::selector) return;
    const SampleType type = sample_type(argument.name);
    if (wants_counter && type == SampleType::gauge) {
        report(
            "rate-on-gauge",
            fmt::format(
                "{}() takes '{}' for a counter: every fall counts as a restart, so that the "
                "result is practically always above 0",
                expr.name,
                argument.name),
            fmt::format("use deriv({}[...]) or delta()", argument.name));
    }
    if (wants_gauge && type == SampleType::counter) {
        report(
            "delta-on-counter",
            fmt::format(
                "{}() takes '{}' for a gauge: a restart counts as a fall",
                expr.name,
                argument.name),
            "use rate() or increase()");
    }
}

// What is wrong with a query wherever it stands.
void check_structure(const Expr& expr, const Report& report) {
    promql::walk(expr, [&](const Expr& part) {
        check_quantile(part, report);
        check_samples(part, report);
    });
}

class QueryRules {
public:
    QueryRules(const Context& context, const Use& use, const UsedMetric& metric)
        : context_(context), use_(use), metric_(metric), expr_(*metric.expr) {}

    void check() {
        const std::string query = metric_.provider_pointer + "/query";
        check_structure(
            expr_, [&](std::string_view rule, std::string message, std::string suggestion) {
                add(rule, query, std::move(message), std::move(suggestion));
            });
        check_series(query);
        if (use_.rollout) check_scope(query);
        if (!can_be_asked(metric_) || returned_by(metric_) == Returned::unknown) return;
        check_no_data();
        check_rate_as_ratio();
    }

private:
    void add(
        std::string_view rule,
        const std::string& pointer,
        std::string message,
        std::string suggestion) {
        context_.reporter.add(
            rule, *metric_.source, pointer, std::move(message), std::move(suggestion));
    }

    std::string condition_pointer() const {
        return metric_.pointer +
               (metric_.conditions.success.empty() ? "/failureCondition" : "/successCondition");
    }

    bool reads_first_only() const {
        return metric_.conditions.success.contains("result[0]") ||
               metric_.conditions.failure.contains("result[0]");
    }

    void check_series(const std::string& at) {
        if (!may_be_many(expr_) || !reads_first_only()) return;
        // A quantile over unsummed buckets is told already, and is the same mistake.
        if (is_call(expr_, {"histogram_quantile"})) return;
        add("unaggregated-query",
            at,
            "gives a value for each series, of which result[0] is one by chance",
            "sum it, or judge all: all(result, # >= 0.95)");
    }

    static bool names(const promql::Matcher& matcher, std::string_view text) {
        return !text.empty() && matcher.value.contains(text);
    }

    static bool is_one_of(const promql::Matcher& matcher, std::span<const std::string> services) {
        return std::ranges::any_of(
            services, [&](const std::string& one) { return names(matcher, one); });
    }

    // `turns` are the Services of pingPong: their names say nothing about the version.
    bool is_scoped(
        const Expr& selector,
        const std::string& candidate,
        std::span<const std::string> turns) const {
        return std::ranges::any_of(selector.matchers, [&](const promql::Matcher& one) {
            if (names(one, "{{")) return true;  // Not known here.
            if (is_one_of(one, turns)) return false;
            if (one.op.starts_with('!')) return names(one, "stable");
            if (names(one, "canary") || names(one, "preview") || names(one, candidate)) {
                return true;
            }
            const bool is_version =
                std::ranges::find(version_labels, one.label) != std::end(version_labels);
            return is_version && !names(one, "stable") && one.value != ".*" && one.value != ".+";
        });
    }

    static bool is_stable(const Expr& selector, const std::string& stable) {
        return std::ranges::any_of(selector.matchers, [&](const promql::Matcher& one) {
            if (one.op.starts_with('!')) return false;
            return names(one, stable_hash) || one.value == stable || one.value == "stable";
        });
    }

    void check_scope(const std::string& at) {
        const Part canary = use_.rollout->spec()["strategy"]["canary"];
        if (!canary.is_given()) return;
        const std::string candidate = canary["canaryService"].text();
        const std::string stable = canary["stableService"].text();
        const std::vector<std::string> turns = {
            canary["pingPong"]["pingService"].text(), canary["pingPong"]["pongService"].text()};
        const std::vector<const Expr*> found = selectors(expr_);
        if (found.empty()) return;
        bool asks_stable = false;
        bool takes_turns = false;
        for (const Expr* selector : found) {
            if (is_scoped(*selector, candidate, turns)) return;
            asks_stable = asks_stable || is_stable(*selector, stable);
            takes_turns =
                takes_turns || std::ranges::any_of(selector->matchers, [&](const auto& one) {
                    return is_one_of(one, turns);
                });
        }
        const std::string name(use_.rollout->object.name());
        if (takes_turns) {
            return add(
                "measures-stable",
                at,
                fmt::format(
                    "measures a Service of pingPong of Rollout {}: in every other release it is "
                    "the stable one",
                    name),
                "select the canary's pods by the argument podTemplateHashValue: Latest");
        }
        if (asks_stable) {
            return add(
                "measures-stable",
                at,
                fmt::format(
                    "measures the stable side of Rollout {}: the canary is never looked at", name),
                "select the canary's Service, or its pods by the argument podTemplateHashValue: "
                "Latest");
        }
        add("unscoped-query",
            at,
            fmt::format(
                "measures canary and stable of Rollout {} together: at 5 % weight, 20 % errors of "
                "the canary are 1 % of what is seen",
                name),
            "select the canary's Service, or its pods by the argument podTemplateHashValue: "
            "Latest");
    }

    void check_no_data() {
        const bool is_list = returned_by(metric_) == Returned::list;
        const bool may_lack = is_list && may_be_empty(expr_);
        const bool may_be_undefined = may_be_nan(expr_);
        const Phase empty = may_lack ? phase_of_nothing(metric_) : Phase::running;
        const Phase undefined = may_be_undefined
                                    ? phase_of(metric_, std::numeric_limits<double>::quiet_NaN())
                                    : Phase::running;
        if (empty == Phase::error) {
            const std::string counted = error_selector(expr_);
            const std::int64_t limit = metric_.rule.consecutive_error_limit + 1;
            add("result-may-be-empty",
                condition_pointer(),
                counted.empty()
                    ? "an empty result is an error: there is no series before the first request"
                    : fmt::format(
                          "a service without errors has no such series of {}: {} empty results "
                          "abort a healthy release",
                          counted,
                          limit),
                "add `or vector(0)` to the query, or `len(result) == 0 ||` where silence is fine");
        }
        if (empty == Phase::successful || undefined == Phase::successful) {
            add("no-data-passes",
                condition_pointer(),
                fmt::format(
                    "{} counts as success: a release that nobody uses goes on",
                    empty == Phase::successful ? "an empty result" : "NaN (0/0)"),
                "let missing data fail or be inconclusive");
        }
        if (undefined == Phase::failed) {
            add("division-by-zero",
                condition_pointer(),
                "without requests the query gives NaN, which fails: a healthy release without "
                "traffic is aborted",
                "test isNaN(result[0]), or keep the denominator above 0: clamp_min(..., 1)");
        }
        const bool ends_badly = undefined == Phase::failed || empty == Phase::failed;
        if (ends_badly && metric_.rule.failure_limit == 0) check_first_measurement();
    }

    // An analysis right after setWeight measures before a request can have been counted.
    void check_first_measurement() {
        if (use_.moment != Moment::step || use_.step == 0) return;
        if (metric_.rule.initial_delay > Duration(0)) return;
        const Part before = use_.rollout->spec()["strategy"]["canary"]["steps"][use_.step - 1];
        if (!before["setWeight"].is_given()) return;
        add("measures-before-traffic",
            metric_.pointer,
            fmt::format(
                "'{}' is measured at once after setWeight, finds nothing, and its first failure "
                "ends the release",
                metric_.rule.name),
            "give it an initialDelay, or pause before the analysis");
    }

    // Something per second, compared with a number between 0 and 1, under the name of a share.
    void check_rate_as_ratio() {
        bool divides = false;
        bool is_rate = false;
        promql::walk(expr_, [&](const Expr& part) {
            divides = divides || (part.kind == ExprKind::binary && part.name == "/");
            is_rate = is_rate || is_call(part, {"rate", "irate"});
        });
        if (divides || !is_rate || is_call(expr_, {"histogram_quantile"})) return;
        const std::string& name = metric_.rule.name;
        const bool is_share = name.contains("success") || name.contains("error") ||
                              name.contains("ratio") || name.contains("conversion");
        if (!is_share || phase_of(metric_, 0) == phase_of(metric_, 1)) return;
        add("rate-as-ratio",
            metric_.provider_pointer + "/query",
            "is requests per second, and the condition expects a share from 0 to 1",
            "divide by the rate of all requests");
    }

    const Context& context_;
    const Use& use_;
    const UsedMetric& metric_;
    const Expr& expr_;
};

// Prometheus' rule files, as they lie in ConfigMaps and PrometheusRules.
void check_groups(
    const Context& context, const Source& source, const Part& groups, const std::string& at) {
    for (std::size_t i = 0; i < groups.size(); ++i) {
        const Part rules = groups[i]["rules"];
        for (std::size_t j = 0; j < rules.size(); ++j) {
            const auto expr = promql::parse(rules[j]["expr"].text());
            if (!expr) continue;
            const std::string name =
                rules[j]["alert"].is_given() ? rules[j]["alert"].text() : rules[j]["record"].text();
            check_structure(
                *expr, [&](std::string_view rule, std::string message, std::string suggestion) {
                    context.reporter.add(
                        rule,
                        source,
                        at.empty() ? rules[j]["expr"].pointer() : at,
                        fmt::format("rule '{}': {}", name, message),
                        std::move(suggestion));
                });
        }
    }
}

}  // namespace

void check_queries(const Context& context) {
    for (const Use& use : context.uses) {
        for (const UsedMetric& metric : use.metrics) {
            if (metric.expr) QueryRules(context, use, metric).check();
        }
    }
}

void check_alerts(const Context& context) {
    for (const Source* source : context.sources.of_kind("PrometheusRule")) {
        check_groups(context, *source, source->spec()["groups"], "");
    }
    for (const Source* source : context.sources.of_kind("ConfigMap")) {
        const Part data = source->root()["data"];
        if (!data.object()) continue;
        for (const auto& member : *data.object()) {
            const std::string key(member.key());
            if (!key.ends_with(".yaml") && !key.ends_with(".yml") && !key.ends_with(".rules")) {
                continue;
            }
            const DocumentsRead read = read_documents(data[key].text(), key);
            for (const Document& document : read.documents) {
                const json::Object* root = json::object(&document.root);
                if (!root) continue;
                check_groups(context, *source, Part(*root)["groups"], data[key].pointer());
            }
        }
    }
}

}  // namespace serin::lint
