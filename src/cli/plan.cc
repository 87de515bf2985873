#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "lint/plan_view.h"
#include "manifest/folder.h"
#include "rehearse/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace serin::cli {

int run_plan_show(const PlanCommand& command) {
    lint::PlanOptions options{.traffic = std::nullopt, .rollout = command.rollout};
    if (!command.traffic.empty()) {
        const auto traffic = rehearse::read_traffic(command.traffic);
        if (!traffic) return report(Error(traffic.error()).within("--traffic"));
        options.traffic = *traffic;
    }
    const manifest::FolderRead read = manifest::read_folders(command.paths, command.ns);
    for (const Diagnostic& one : read.diagnostics) {
        if (one.severity == Severity::error) fmt::print(stderr, "{}\n", to_string(one));
    }
    if (has_errors(read.diagnostics)) {
        return report(
            Error{ErrorKind::invalid, "manifests with errors have no plan; run serin lint"});
    }
    const std::vector<lint::PlanView> plans = lint::plans_of(read.documents, options);
    if (plans.empty()) {
        return report(Error{
            ErrorKind::not_found,
            command.rollout.empty() ? "there is no Rollout in these manifests"
                                    : fmt::format("there is no Rollout '{}'", command.rollout)});
    }
    if (command.format == Format::json || command.format == Format::yaml) {
        json::Array out;
        for (const lint::PlanView& plan : plans) out.push_back(lint::to_json(plan));
        print_document(out, command.format);
        return exit_ok;
    }
    for (std::size_t i = 0; i < plans.size(); ++i) {
        fmt::print("{}{}", i == 0 ? "" : "\n", lint::to_text(plans[i]));
    }
    return exit_ok;
}

}  // namespace serin::cli
