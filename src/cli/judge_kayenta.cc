#include "base/document.h"
#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/table.h"
#include "judge/kayenta/judge.h"
#include "judge/sequential/spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

namespace serin::cli {

namespace {

using namespace judge::kayenta;

Result<std::string> read_file(const std::string& path) {
    std::ifstream in(path);
    if (!in) return fail(ErrorKind::invalid, "cannot read " + path);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string describe(const Problem& problem, Severity severity, const Document& document) {
    const Mark mark = document.mark(problem.pointer);
    return to_string(Diagnostic{
        .severity = severity,
        .file = document.file,
        .line = mark.line,
        .column = mark.column,
        .path = judge::sequential::field_path(problem.pointer),
        .message = problem.message,
        .suggestion = ""});
}

// Warnings go to standard error, errors into the result.
Result<Config> read_config_file(const std::string& path) {
    SERIN_TRY(const std::string text, read_file(path));
    const DocumentsRead documents = read_documents(text, path);
    for (const Diagnostic& diagnostic : documents.diagnostics) {
        if (diagnostic.severity == Severity::error) {
            return fail(ErrorKind::invalid, to_string(diagnostic));
        }
    }
    if (documents.documents.size() != 1) {
        return fail(ErrorKind::invalid, path + ": one canary configuration is expected");
    }
    const Document& document = documents.documents.front();
    ConfigRead read = read_config(document.root);
    for (const Problem& warning : read.warnings) {
        fmt::print(stderr, "{}\n", describe(warning, Severity::warning, document));
    }
    if (read.errors.empty()) return std::move(read.config);
    std::string message;
    for (const Problem& error : read.errors) {
        if (!message.empty()) message += '\n';
        message += describe(error, Severity::error, document);
    }
    return fail(ErrorKind::invalid, std::move(message));
}

Result<Report> judge_files(const KayentaOptions& options) {
    SERIN_TRY(const Config config, read_config_file(options.config_file));
    SERIN_TRY(const std::string text, read_file(options.input_file));
    const auto value = json::parse(text);
    if (!value) return std::unexpected(Error(value.error()).within(options.input_file));
    std::vector<std::string> names;
    for (const MetricConfig& metric : config.metrics) {
        if (config.find(metric.name) == &metric) names.push_back(metric.name);
    }
    const auto pairs = read_pairs(*value, names);
    if (!pairs) return std::unexpected(Error(pairs.error()).within(options.input_file));
    for (const std::string& name : names) {
        if (std::ranges::find(*pairs, name, &MetricPair::name) != pairs->end()) continue;
        fmt::print(
            stderr,
            "{}: warning: metric '{}' of the configuration has no series and is not judged\n",
            options.input_file,
            name);
    }
    Thresholds thresholds = config.thresholds.value_or(Thresholds{});
    thresholds.pass = options.pass.value_or(thresholds.pass);
    thresholds.marginal = options.marginal.value_or(thresholds.marginal);
    if (thresholds.marginal > thresholds.pass) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "the score that passes ({}) is below the marginal one ({}): give --pass and "
                "--marginal",
                thresholds.pass,
                thresholds.marginal));
    }
    auto report = judge_canary(config, *pairs, thresholds);
    if (!report) return std::unexpected(std::move(report).error().within(options.input_file));
    return report;
}

std::string to_text(const Report& report) {
    std::string text = fmt::format(
        "{} {}: {} (passes at {}, marginal at {})\n\n",
        to_string(report.verdict),
        report.score,
        report.reason,
        report.thresholds.pass,
        report.thresholds.marginal);
    Table metrics{
        .header = {"METRIC", "CLASS", "CANARY", "BASELINE", "RATIO", "POINTS", "GROUPS"},
        .rows = {}};
    for (const MetricResult& metric : report.metrics) {
        std::string name = metric.name;
        for (const auto& [key, value] : metric.tags) name += fmt::format(" {}={}", key, value);
        std::string groups;
        for (const std::string& group : metric.groups)
            groups += groups.empty() ? group : "," + group;
        std::string label(to_string(metric.classification.label));
        if (metric.classification.is_critical) label += ", critical";
        if (metric.is_muted) label += ", muted";
        metrics.rows.push_back(
            {name,
             label,
             fmt::format("{:.6g}", metric.experiment.mean),
             fmt::format("{:.6g}", metric.control.mean),
             fmt::format("{:.4g}", metric.classification.deviation),
             fmt::format("{}/{}", metric.experiment.count, metric.control.count),
             groups});
    }
    text += cli::to_text(metrics);
    Table groups{.header = {"GROUP", "SCORE"}, .rows = {}};
    for (const GroupScore& group : report.groups) {
        groups.rows.push_back(
            {group.name, group.has_data ? fmt::format("{:.4g}", group.score) : "no data"});
    }
    return text + "\n" + cli::to_text(groups);
}

}  // namespace

int run_judge_kayenta(const KayentaOptions& options) {
    const Result<Report> report = judge_files(options);
    if (!report) return cli::report(report.error());
    if (options.format == Format::json || options.format == Format::yaml) {
        print_document(print_report(*report), options.format);
    } else {
        fmt::print("{}", to_text(*report));
    }
    switch (report->verdict) {
        case Verdict::pass:
            return exit_ok;
        case Verdict::marginal:
            return exit_unfinished;
        case Verdict::fail:
            return exit_degraded;
    }
    return exit_error;
}

}  // namespace serin::cli
