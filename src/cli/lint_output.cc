#include "cli/lint_output.h"

#include "lint/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace serin::cli {

namespace {

using lint::Finding;
using lint::Level;

std::string place(const Finding& finding) {
    if (finding.at.file.empty()) return {};
    if (finding.at.line == 0) return finding.at.file + ": ";
    return fmt::format("{}:{}:{}: ", finding.at.file, finding.at.line, finding.at.column);
}

std::string line_of(const Finding& finding) {
    std::string text = place(finding) + std::string(lint::to_string(finding.level)) + ": ";
    if (!finding.at.path.empty()) text += finding.at.path + ": ";
    text += finding.at.message;
    if (!finding.at.suggestion.empty()) text += " (" + finding.at.suggestion + ")";
    return text + fmt::format(" [{}]", finding.rule->name);
}

std::size_t ignored(const std::vector<Finding>& findings) {
    return static_cast<std::size_t>(std::ranges::count_if(
        findings, [](const Finding& one) { return one.ignored_because.has_value(); }));
}

std::string counted(std::size_t number, std::string_view what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

std::string_view sarif_level(Level level) {
    switch (level) {
        case Level::info:
            return "note";
        case Level::warning:
            return "warning";
        case Level::error:
            return "error";
    }
    return "error";
}

json::Object sarif_result(const Finding& finding, std::size_t rule_index) {
    std::string message =
        finding.at.path.empty() ? finding.at.message : finding.at.path + ": " + finding.at.message;
    if (!finding.at.suggestion.empty()) message += " (" + finding.at.suggestion + ")";
    json::Object physical{
        {"artifactLocation", json::Object{{"uri", json::string(finding.at.file)}}}};
    if (finding.at.line > 0) {
        physical["region"] = json::Object{
            {"startLine", finding.at.line}, {"startColumn", std::max(finding.at.column, 1)}};
    }
    json::Object location{{"physicalLocation", std::move(physical)}};
    if (!finding.at.path.empty()) {
        location["logicalLocations"] =
            json::Array{json::Object{{"fullyQualifiedName", json::string(finding.at.path)}}};
    }
    json::Object result{
        {"ruleId", json::string(finding.rule->name)},
        {"ruleIndex", rule_index},
        {"level", json::string(sarif_level(finding.level))},
        {"message", json::Object{{"text", json::string(message)}}},
        {"locations", json::Array{std::move(location)}}};
    if (finding.ignored_because) {
        result["suppressions"] = json::Array{json::Object{
            {"kind", "inSource"}, {"justification", json::string(*finding.ignored_because)}}};
    }
    return result;
}

}  // namespace

std::string to_text(const std::vector<Finding>& findings) {
    std::string text;
    for (const Finding& one : findings) {
        if (!one.ignored_because) text += line_of(one) + "\n";
    }
    for (const Finding& one : findings) {
        if (!one.ignored_because) continue;
        const std::string& reason = *one.ignored_because;
        text += line_of(one) +
                fmt::format(" -- passed over: {}\n", reason.empty() ? "no reason given" : reason);
    }
    text += counted(lint::count(findings, Level::error), "error") + ", " +
            counted(lint::count(findings, Level::warning), "warning") + ", " +
            counted(lint::count(findings, Level::info), "info");
    if (const std::size_t over = ignored(findings); over > 0) {
        text += fmt::format(", {} passed over", over);
    }
    return text + "\n";
}

json::Value to_json(const std::vector<Finding>& findings) {
    json::Array list;
    for (const Finding& one : findings) {
        json::Object item{
            {"rule", json::string(one.rule->name)},
            {"level", json::string(lint::to_string(one.level))},
            {"file", json::string(one.at.file)},
            {"line", one.at.line},
            {"column", one.at.column},
            {"path", json::string(one.at.path)},
            {"message", json::string(one.at.message)},
            {"suggestion", json::string(one.at.suggestion)}};
        if (one.ignored_because) item["ignoredBecause"] = json::string(*one.ignored_because);
        list.push_back(std::move(item));
    }
    return json::Object{
        {"findings", std::move(list)},
        {"summary",
         json::Object{
             {"errors", lint::count(findings, Level::error)},
             {"warnings", lint::count(findings, Level::warning)},
             {"infos", lint::count(findings, Level::info)},
             {"ignored", ignored(findings)}}}};
}

json::Value to_sarif(const std::vector<Finding>& findings, const std::string& version) {
    json::Array rules;
    std::map<std::string_view, std::size_t> index;
    for (const lint::Rule& rule : lint::rules()) {
        index.emplace(rule.name, rules.size());
        rules.push_back(json::Object{
            {"id", json::string(rule.name)},
            {"shortDescription", json::Object{{"text", json::string(rule.summary)}}},
            {"defaultConfiguration",
             json::Object{{"level", json::string(sarif_level(rule.level))}}}});
    }
    json::Array results;
    for (const Finding& one : findings) {
        results.push_back(sarif_result(one, index.find(one.rule->name)->second));
    }
    json::Object driver{
        {"name", "serin"}, {"version", json::string(version)}, {"rules", std::move(rules)}};
    json::Object run{
        {"tool", json::Object{{"driver", std::move(driver)}}},
        {"columnKind", "unicodeCodePoints"},
        {"results", std::move(results)}};
    return json::Object{
        {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
        {"version", "2.1.0"},
        {"runs", json::Array{std::move(run)}}};
}

}  // namespace serin::cli
