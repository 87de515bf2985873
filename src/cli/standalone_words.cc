#include "cli/standalone_words.h"

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/controller.h"
#include "cli/crds.h"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace serin::cli {

namespace {

struct Words {
    std::string shell;
    std::vector<std::string> kinds;
    ControllerOptions controller;
};

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

void add_controller(CLI::App& controller, ControllerOptions& options) {
    controller
        .add_option(
            "--kubeconfig",
            options.kubeconfig,
            "Files, as KUBECONFIG lists them [a pod: its own; else ~/.kube/config]")
        ->delimiter(':')
        ->envname("KUBECONFIG");
    controller.add_option("--context", options.context, "Context of the kubeconfig [current]");
    controller.add_option("--namespaces", options.namespaces, "Only these: a,b [all]")
        ->delimiter(',');
    controller.add_option(
        "--lease-namespace",
        options.lease_ns,
        "Of the Lease of leadership [own, or the context's]");
    controller.add_option("--lease", options.lease_name, "Its name")->capture_default_str();
    controller.add_option(
        "--identity", options.identity, "Name of this process [host and process]");
    controller.add_option("--address", options.address, "Listen address of probes and metrics")
        ->capture_default_str();
    controller.add_option("--port", options.port, "Its port, 0 for any")
        ->capture_default_str()
        ->check(CLI::Range(0, 65535));
    options.prometheus_address = from_environment("ARGO_ROLLOUTS_PROMETHEUS_ADDRESS");
    options.authorities = from_environment("SSL_CERT_FILE");
    controller.add_option(
        "--prometheus",
        options.prometheus_address,
        "Prometheus of metrics that name none (ARGO_ROLLOUTS_PROMETHEUS_ADDRESS)");
    controller.add_flag("--log-json", options.logs_json, "Logs as JSON lines");
    controller.add_flag("-v,--verbose", options.is_verbose, "Logs in detail");
}

}  // namespace

void add_standalone_commands(
    CLI::App& app,
    const ConnectOptions& connect,
    std::function<void(std::function<int()>)> choose) {
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

    CLI::App* controller =
        command("controller", "Run releases on a Kubernetes cluster", [words, &connect] {
            words->controller.state_dir =
                connect.state_dir.empty() ? default_state_dir() : connect.state_dir;
            return run_controller(words->controller);
        });
    add_controller(*controller, words->controller);
}

}  // namespace serin::cli
