#include "cli/standalone_words.h"

#include "cli/commands.h"
#include "cli/crds.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace serin::cli {

namespace {

struct Words {
    std::string shell;
    std::vector<std::string> kinds;
};

}  // namespace

void add_standalone_commands(CLI::App& app, std::function<void(std::function<int()>)> choose) {
    const auto words = std::make_shared<Words>();
    const auto command = [&app, choose = std::move(choose)](
                             const char* name, const char* help, std::function<int()> run) {
        CLI::App* sub = app.add_subcommand(name, help);
        sub->callback([choose, run = std::move(run)] { choose(run); });
        return sub;
    };

    CLI::App* completion =
        command("completion", "Completion for a shell: source <(serin completion bash)", [words] {
            return run_completion(words->shell);
        });
    completion->add_option("shell", words->shell, "bash, zsh or fish")->required();

    CLI::App* crds =
        command("crds", "Print the CustomResourceDefinitions that a cluster needs", [words] {
            return run_crds(words->kinds);
        });
    crds->add_option("kinds", words->kinds, "rollouts, experiments, ... [all]");
}

}  // namespace serin::cli
