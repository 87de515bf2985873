#include "base/time.h"
#include "expr/condition.h"
#include "manifest/rules.h"

#include <fmt/format.h>

#include <charconv>

namespace serin::manifest {

namespace {

// A limit as a number; empty when it is not given or comes from an argument.
std::optional<std::int64_t> limit(const Part& part, Findings& findings) {
    if (const auto number = part.integer()) return number;
    const std::string text = part.text();
    if (text.empty() || text.contains("{{")) return std::nullopt;
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size()) return number;
    findings.error(part.pointer(), fmt::format("'{}' is not an integer", text), "write a number");
    return std::nullopt;
}

void check_limits(const Part& metric, Findings& findings) {
    const auto count = limit(metric["count"], findings);
    const auto failures = limit(metric["failureLimit"], findings);
    const auto inconclusive = limit(metric["inconclusiveLimit"], findings);
    const auto errors = limit(metric["consecutiveErrorLimit"], findings);
    const auto successes = limit(metric["consecutiveSuccessLimit"], findings);

    const auto at_least = [&](std::string_view name, auto value, std::int64_t least) {
        if (!value || *value >= least) return;
        findings.error(metric[name].pointer(), fmt::format("{} must be >= {}", name, least));
    };
    at_least("count", count, 0);
    at_least("failureLimit", failures, -1);
    at_least("inconclusiveLimit", inconclusive, 0);
    at_least("consecutiveErrorLimit", errors, 0);
    at_least("consecutiveSuccessLimit", successes, 0);
    if (failures == -1 && successes.value_or(0) == 0 &&
        !metric["consecutiveSuccessLimit"].text().contains("{{")) {
        findings.error(
            metric["failureLimit"].pointer(),
            "failureLimit -1 needs a consecutiveSuccessLimit of at least 1");
    }
    if (count.value_or(0) <= 0) return;
    const std::int64_t needed = std::max<std::int64_t>(failures.value_or(0), 0);
    if (*count < needed + successes.value_or(0)) {
        findings.error(
            metric["count"].pointer(),
            successes.value_or(0) > 0 ? "count must be >= failureLimit + consecutiveSuccessLimit"
                                      : "count must be >= failureLimit");
    }
    if (*count < inconclusive.value_or(0)) {
        findings.error(metric["count"].pointer(), "count must be >= inconclusiveLimit");
    }
    if (*count > 1 && !metric["interval"].is_given()) {
        findings.error(metric["interval"].pointer(), "interval must be specified when count > 1");
    }
}

void check_condition(const Part& condition, Findings& findings) {
    const std::string source = condition.text();
    if (source.empty() || source.contains("{{")) return;  // Known once arguments are.
    const auto problem = expr::find_problem(source);
    if (!problem) return;
    findings.error(
        condition.pointer(),
        fmt::format(
            "does not compile: {} ({}:{})", problem->message, problem->line, problem->column));
}

void check_provider(const Part& provider, Findings& findings) {
    const Part web = provider["web"];
    if (web["body"].is_given() && web["jsonBody"].is_given()) {
        findings.error(web["jsonBody"].pointer(), "use either body or jsonBody, not both");
    }
    const std::string method = web["method"].is_given() ? web["method"].text() : "GET";
    for (const char* body : {"body", "jsonBody"}) {
        if (web[body].is_given() && method == "GET") {
            findings.error(web[body].pointer(), "a body needs method POST or PUT");
        }
    }
    if (provider["job"].is_given()) check_job(provider["job"]["spec"], findings);
    const Part plugins = provider["plugin"];
    if (plugins.object() && plugins.object()->size() != 1) {
        findings.error(plugins.pointer(), "names exactly one plugin");
    }
}

void check_arguments(const Part& spec, Findings& findings) {
    std::set<std::string> declared;
    const Part arguments = spec["args"];
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        declared.insert(arguments[i]["name"].text());
        if (arguments[i]["value"].is_given() && arguments[i]["valueFrom"].is_given()) {
            findings.error(arguments[i]["valueFrom"].pointer(), "use either value or valueFrom");
        }
    }
    const Part metrics = spec["metrics"];
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        std::set<std::string> used;
        if (metrics[i].value()) collect_arguments(*metrics[i].value(), used);
        for (const std::string& name : used) {
            if (name.starts_with("{{")) {
                findings.error(
                    metrics[i].pointer(),
                    fmt::format("failed to resolve {}", name),
                    "write {{args.NAME}} and declare NAME in args");
            } else if (!declared.contains(name)) {
                // A template that includes this one may declare it.
                findings.warn(
                    metrics[i].pointer(), fmt::format("args.{} is not declared in args", name));
            }
        }
    }
}

}  // namespace

void collect_arguments(const json::Value& value, std::set<std::string>& names) {
    if (const json::Object* members = json::object(&value)) {
        for (const auto& member : *members) collect_arguments(member.value(), names);
    } else if (const json::Array* items = json::array(&value)) {
        for (const json::Value& item : *items) collect_arguments(item, names);
    } else if (const auto found = json::text(&value)) {
        std::string_view text = *found;
        while (true) {
            const auto start = text.find("{{");
            const auto end = start == text.npos ? start : text.find("}}", start);
            if (end == text.npos) return;
            const std::string_view tag = text.substr(start, end + 2 - start);
            std::string_view name = tag.substr(2, tag.size() - 4);
            while (name.starts_with(' ')) name.remove_prefix(1);
            while (name.ends_with(' ')) name.remove_suffix(1);
            names.emplace(name.starts_with("args.") ? name.substr(5) : tag);
            text.remove_prefix(end + 2);
        }
    }
}

void check_analysis(const Part& spec, Findings& findings) {
    if (!spec.is_given()) return;
    const Part metrics = spec["metrics"];
    if (metrics.size() == 0 && spec["templates"].size() == 0) {
        findings.error(metrics.pointer(), "no metrics specified");
    }
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        check_limits(metrics[i], findings);
        check_condition(metrics[i]["successCondition"], findings);
        check_condition(metrics[i]["failureCondition"], findings);
        check_provider(metrics[i]["provider"], findings);
        check_remote_provider(metrics[i]["provider"], findings);
    }
    for (const char* list : {"dryRun", "measurementRetention"}) {
        const Part rules = spec[list];
        for (std::size_t i = 0; i < rules.size(); ++i) {
            if (rules[i]["metricName"].text() == "*") {
                findings.error(
                    rules[i]["metricName"].pointer(),
                    "is not a regular expression",
                    "write \".*\" for all metrics");
            }
        }
    }
    check_arguments(spec, findings);
}

void check_experiment(const Part& spec, Findings& findings) {
    const std::int64_t deadline = spec["progressDeadlineSeconds"].integer().value_or(600);
    const Part templates = spec["templates"];
    for (std::size_t i = 0; i < templates.size(); ++i) {
        check_selector(templates[i], findings);
        check_pod_spec(templates[i]["template"]["spec"], findings);
        const Part ready = templates[i]["minReadySeconds"];
        if (ready.integer().value_or(0) > deadline) {
            findings.error(
                ready.pointer(), "minReadySeconds cannot be greater than progressDeadlineSeconds");
        }
    }
}

}  // namespace serin::manifest
