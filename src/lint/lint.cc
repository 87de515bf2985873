#include "lint/lint.h"

#include "lint/families.h"

#include <algorithm>
#include <map>
#include <utility>

namespace serin::lint {

namespace {

constexpr std::string_view ignore_annotation = "serin.dev/lint-ignore";

std::string_view trim(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\n')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\n')) text.remove_suffix(1);
    return text;
}

// "rule, rule: reason", several of them separated by semicolons.
struct Ignored {
    std::map<std::string, std::string, std::less<>> reasons;  // By rule.
};

Ignored read_ignored(std::string_view text) {
    Ignored out;
    while (!text.empty()) {
        const std::string_view item = text.substr(0, text.find(';'));
        text.remove_prefix(std::min(item.size() + 1, text.size()));
        const auto colon = item.find(':');
        const std::string reason(colon == item.npos ? "" : trim(item.substr(colon + 1)));
        std::string_view names = item.substr(0, colon);
        while (!names.empty()) {
            const std::string_view name = names.substr(0, names.find(','));
            names.remove_prefix(std::min(name.size() + 1, names.size()));
            if (!trim(name).empty()) out.reasons[std::string(trim(name))] = reason;
        }
    }
    return out;
}

// Errors stay: what applying refuses cannot be wished away.
void apply_ignores(const Sources& sources, std::vector<Finding>& findings, Reporter& reporter) {
    for (const Source& source : sources.all()) {
        const auto text = source.object.annotation(ignore_annotation);
        if (!text) continue;
        const std::string at = "/metadata/annotations/" + json::escape_pointer(ignore_annotation);
        for (const auto& [name, reason] : read_ignored(*text).reasons) {
            if (!find_rule(name)) {
                reporter.add("ignore-unknown-rule", source, at, "there is no rule '" + name + "'");
                continue;
            }
            if (reason.empty()) {
                reporter.add(
                    "ignore-without-reason",
                    source,
                    at,
                    "'" + name + "' is passed over without a reason",
                    "write '" + name + ": why'");
            }
            bool is_used = false;
            for (Finding& one : findings) {
                if (one.rule->name != name || one.level == Level::error) continue;
                if (sources.at(one.at.file, one.at.line) != &source) continue;
                one.ignored_because = reason;
                is_used = true;
            }
            if (!is_used) {
                reporter.add(
                    "ignore-unused", source, at, "'" + name + "' finds nothing here", "remove it");
            }
        }
    }
}

}  // namespace

std::vector<Finding> lint(
    const std::vector<Document>& documents,
    const std::vector<Diagnostic>& diagnostics,
    const LintOptions& options) {
    const Sources sources(documents);
    const std::vector<Use> uses = uses_of(sources);
    Reporter reporter;
    for (const Diagnostic& one : diagnostics) classify(one, reporter);
    const Context context{
        .sources = sources, .uses = uses, .options = options, .reporter = reporter};
    check_plans(context);
    check_rollouts(context);
    check_arguments(context);
    check_metrics(context);
    check_conditions(context);
    check_judges(context);
    check_observed(context);
    check_queries(context);
    check_alerts(context);
    check_services(context);
    check_pods(context);
    check_configs(context);
    check_gates(context);

    std::vector<Finding> findings = reporter.take();
    Reporter about_ignores;
    apply_ignores(sources, findings, about_ignores);
    for (Finding& one : about_ignores.take()) findings.push_back(std::move(one));
    std::ranges::stable_sort(findings, [](const Finding& left, const Finding& right) {
        return std::tie(left.at.file, left.at.line, left.at.column) <
               std::tie(right.at.file, right.at.line, right.at.column);
    });
    return findings;
}

std::size_t count(const std::vector<Finding>& findings, Level level) {
    return static_cast<std::size_t>(std::ranges::count_if(
        findings, [&](const Finding& one) { return one.level == level && !one.ignored_because; }));
}

}  // namespace serin::lint
