#include "cli/adopt.h"
#include "cli/connect.h"
#include "cli/exit_codes.h"
#include "cli/standalone_words.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <utility>

namespace serin::cli {

namespace {

struct Words {
    AdoptOptions options;
    std::string output;
};

int with_api(
    const ConnectOptions& connect, const Words& words, int (*run)(Api&, const AdoptOptions&)) {
    AdoptOptions options = words.options;
    const auto format = read_format(words.output);
    const auto connection = find_server(connect);
    if (!format || !connection) {
        report(format ? connection.error() : format.error());
        return exit_adopt_error;
    }
    options.format = *format;
    Api api(*connection);
    return run(api, options);
}

}  // namespace

void add_adopt_commands(
    CLI::App& app,
    const ConnectOptions& connect,
    std::function<void(std::function<int()>)> choose) {
    const auto words = std::make_shared<Words>();
    const auto add = [&](const char* name, const char* help, auto run) {
        CLI::App* command = app.add_subcommand(name, help);
        command->callback([choose, words, &connect, run] {
            choose([words, &connect, run] { return with_api(connect, *words, run); });
        });
        AdoptOptions& options = words->options;
        command->add_option("rollouts", options.names, "Rollouts [all of the namespace]");
        command->add_flag("-A,--all-namespaces", options.all_namespaces, "All namespaces");
        command->add_flag("--plan", options.is_plan, "Only say what would change");
        command->add_flag("--force", options.is_forced, "Although something would change");
        return command;
    };
    CLI::App* adopt =
        add("adopt", "Take Rollouts over from a running Argo Rollouts controller", run_adopt);
    adopt->add_option("-o,--output", words->output, "json, yaml (with --plan)");
    adopt->footer(
        "Writes nothing. Exit code: 0 nothing would change (without --plan: taken over), 1 "
        "something would or is left to do, 2 any error.");
    CLI::App* eject = add("eject", "Hand Rollouts back to Argo Rollouts", run_eject);
    eject->footer("Exit code: 0 ready, 1 something stands against it, 2 any error.");
}

}  // namespace serin::cli
