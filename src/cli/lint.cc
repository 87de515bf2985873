#include "lint/lint.h"

#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/lint_notice.h"
#include "cli/lint_output.h"
#include "manifest/folder.h"
#include "manifest/references.h"
#include "rehearse/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <tuple>

namespace serin::cli {

int run_lint(const LintCommand& command) {
    lint::LintOptions options;
    if (!command.traffic.empty()) {
        const auto traffic = rehearse::read_traffic(command.traffic);
        if (!traffic) return report(Error(traffic.error()).within("--traffic"));
        options.traffic = *traffic;
    }
    for (const auto& [name, text, share] :
         {std::tuple{"--healthy-errors", &command.healthy_errors, &options.healthy_failures},
          std::tuple{"--bad-errors", &command.bad_errors, &options.bad_failures}}) {
        const auto read = rehearse::read_share(*text);
        if (!read) return report(Error(read.error()).within(name));
        *share = *read;
    }

    manifest::FolderRead read = manifest::read_folders(command.paths, command.ns);
    const auto nothing_elsewhere = [](const ObjectKey&) { return std::optional<Object>(); };
    std::ranges::move(
        manifest::check_references(read.documents, nothing_elsewhere),
        std::back_inserter(read.diagnostics));
    const std::vector<lint::Finding> findings =
        lint::lint(read.documents, read.diagnostics, options);

    if (command.output.empty() || command.output == "text") {
        fmt::print("{}", to_text(findings));
    } else if (command.output == "json") {
        fmt::print("{}\n", json::print_pretty(to_json(findings)));
    } else if (command.output == "yaml") {
        fmt::print("{}", json::print_yaml(to_json(findings)));
    } else if (command.output == "sarif") {
        fmt::print("{}\n", json::print_pretty(to_sarif(findings, command.version)));
    } else {
        return report(Error{
            ErrorKind::invalid,
            fmt::format("-o {}: the forms are text, json, yaml and sarif", command.output)});
    }
    if (lint::count(findings, lint::Level::error) > 0) return exit_lint_errors;
    const bool has_warnings = lint::count(findings, lint::Level::warning) > 0;
    if (command.is_strict && has_warnings) return exit_lint_warnings;
    return exit_ok;
}

std::string lint_notice(
    const std::vector<Document>& documents, const std::vector<std::string>& paths) {
    const std::vector<lint::Finding> findings = lint::lint(documents, {}, {});
    const std::size_t warnings = lint::count(findings, lint::Level::warning);
    if (warnings == 0) return {};
    return fmt::format(
        "{} warning{}; run serin lint -f {}",
        warnings,
        warnings == 1 ? "" : "s",
        fmt::join(paths, " -f "));
}

}  // namespace serin::cli
