#include "cli/commands.h"
#include "cli/exit_codes.h"
#include "cli/experiment_view.h"
#include "cli/rollout_view.h"
#include "ports/job.h"

#include <fmt/format.h>

#include <cstdio>
#include <functional>
#include <unistd.h>

namespace serin::cli {

namespace {

const std::vector<const ResourceType*>& family_types() {
    static const std::vector<const ResourceType*> all = {
        &types::rollout(),
        &types::experiment(),
        &types::replica_set(),
        &types::pod(),
        &types::analysis_run(),
        &types::job()};
    return all;
}

void keep_owned(std::vector<Object>& objects, const Object& owner) {
    std::erase_if(
        objects, [&](const Object& object) { return object.controller_uid() != owner.uid(); });
}

Result<RolloutFamily> read_family(Api& api, const std::string& name) {
    RolloutFamily family;
    SERIN_TRY(family.rollout, api.get(types::rollout(), name));
    SERIN_TRY(family.replica_sets, api.list(types::replica_set()));
    family.experiment_sets = family.replica_sets;
    keep_owned(family.replica_sets, family.rollout);
    SERIN_TRY(family.experiments, api.list(types::experiment()));
    keep_owned(family.experiments, family.rollout);
    SERIN_TRY(family.jobs, api.list(types::job()));
    SERIN_TRY(family.pods, api.list(types::pod()));
    SERIN_TRY(family.analysis_runs, api.list(types::analysis_run()));
    family.experiment_runs = family.analysis_runs;
    keep_owned(family.analysis_runs, family.rollout);
    return family;
}

Result<ExperimentFamily> read_experiment(Api& api, const std::string& name) {
    ExperimentFamily family;
    SERIN_TRY(family.experiment, api.get(types::experiment(), name));
    SERIN_TRY(family.replica_sets, api.list(types::replica_set()));
    SERIN_TRY(family.pods, api.list(types::pod()));
    SERIN_TRY(family.analysis_runs, api.list(types::analysis_run()));
    SERIN_TRY(family.jobs, api.list(types::job()));
    return family;
}

int exit_code_of(const PhaseView& view) {
    if (view.phase == "Healthy") return exit_ok;
    if (view.phase == "Degraded") return exit_degraded;
    return view.phase == "Paused" ? exit_paused : exit_unfinished;
}

void print_status(const StatusOptions& options, const PhaseView& view, int code) {
    if (options.format == Format::json || options.format == Format::yaml) {
        print_document(
            json::Object{
                {"name", json::string(options.name)},
                {"phase", json::string(view.phase)},
                {"message", json::string(view.message)},
                {"exitCode", code}},
            options.format);
    } else {
        fmt::print("{}{}{}\n", view.phase, view.message.empty() ? "" : " - ", view.message);
    }
    std::fflush(stdout);
}

// Prints what `render` gives, with `watches` again whenever it is something else.
int show_tree(Api& api, bool watches, const std::function<Result<std::string>()>& render) {
    std::string shown;
    const auto show = [&](bool clears) -> Result<bool> {
        SERIN_TRY(const std::string text, render());
        if (text != shown) {
            // Home, then clear: no flicker, and nothing of a longer former picture stays.
            if (clears) fmt::print("\x1b[H\x1b[2J");
            fmt::print("{}{}", text, clears || !watches ? "" : "\n");
            std::fflush(stdout);
            shown = text;
        }
        return false;
    };
    if (!watches) {
        const auto shown_once = show(false);
        return shown_once ? exit_ok : report(shown_once.error());
    }
    const bool is_terminal = isatty(STDOUT_FILENO) == 1;
    const auto watched = api.watch(family_types(), std::nullopt, [&] { return show(is_terminal); });
    return watched ? exit_ok : report(watched.error());
}

}  // namespace

int run_get_rollout(Api& api, const std::string& name, bool watches) {
    return show_tree(api, watches, [&]() -> Result<std::string> {
        SERIN_TRY(const RolloutFamily family, read_family(api, name));
        return render_rollout(family, api.now());
    });
}

int run_get_experiment(Api& api, const std::string& name, bool watches) {
    return show_tree(api, watches, [&]() -> Result<std::string> {
        SERIN_TRY(const ExperimentFamily family, read_experiment(api, name));
        return render_experiment(family, api.now());
    });
}

int run_status(Api& api, const StatusOptions& options) {
    PhaseView last{"", ""};
    const auto look = [&]() -> Result<bool> {
        SERIN_TRY(const Object rollout, api.get(types::rollout(), options.name));
        const PhaseView view = phase_of(rollout);
        const bool is_over = view.phase == "Healthy" || view.phase == "Degraded";
        const bool has_changed = view.phase != last.phase || view.message != last.message;
        if (options.watches && has_changed && options.format == Format::text) {
            print_status(options, view, 0);
        }
        last = view;
        return is_over;
    };
    if (!options.watches) {
        const auto looked = look();
        if (!looked) return report(looked.error());
        print_status(options, last, exit_code_of(last));
        return exit_code_of(last);
    }
    const auto ended = api.watch({&types::rollout()}, options.timeout, look);
    if (!ended) return report(ended.error());
    const int code = exit_code_of(last);
    if (options.format != Format::text) print_status(options, last, code);
    if (!*ended) {
        fmt::print(
            stderr,
            "Error: Rollout status watch exceeded timeout{}\n",
            code == exit_paused ? ": it is paused and waits for a person" : "");
    } else if (code == exit_degraded) {
        fmt::print(
            stderr, "Error: The rollout is in a degraded state with message: {}\n", last.message);
    }
    return code;
}

}  // namespace serin::cli
