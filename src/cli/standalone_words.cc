#include "cli/standalone_words.h"

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/controller.h"
#include "cli/crds.h"
#include "cli/gateway_role.h"

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
    GatewayOptions gateway;
};

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// What all roles in a cluster have.
void add_role(CLI::App& role, auto& options) {
    role.add_option(
            "--kubeconfig",
            options.kubeconfig,
            "Files, as KUBECONFIG lists them [a pod: its own; else ~/.kube/config]")
        ->delimiter(':')
        ->envname("KUBECONFIG");
    role.add_option("--context", options.context, "Context of the kubeconfig [current]");
    role.add_option("--namespaces", options.namespaces, "Only these: a,b [all]")->delimiter(',');
    role.add_option(
        "--lease-namespace",
        options.lease_ns,
        "Of the Lease of leadership [own, or the context's]");
    role.add_option("--lease", options.lease_name, "Its name")->capture_default_str();
    role.add_option("--identity", options.identity, "Name of this process [host and process]");
    role.add_option("--address", options.address, "Listen address of probes and metrics")
        ->capture_default_str();
    role.add_option("--port", options.port, "Its port, 0 for any")
        ->capture_default_str()
        ->check(CLI::Range(0, 65535));
    role.add_flag("--log-json", options.logs_json, "Logs as JSON lines");
    role.add_flag("-v,--verbose", options.is_verbose, "Logs in detail");
}

void add_gateway(CLI::App& gateway, GatewayOptions& options) {
    add_role(gateway, options);
    gateway
        .add_option("--listen-address", options.listen_address, "Of Gateways that name no address")
        ->capture_default_str();
    gateway.add_option(
        "--reader",
        options.reader,
        "User who may read the outcomes of requests "
        "[system:serviceaccount:(the Lease's namespace):serin-controller]");
    gateway
        .add_option(
            "--drain",
            options.drain_seconds,
            "Seconds to serve on when told to end, while endpoints are updated")
        ->capture_default_str()
        ->check(CLI::Range(0, 3600));
    gateway.add_option("--haproxy", options.haproxy, "HAProxy's program")->capture_default_str();
}

void add_controller(CLI::App& controller, ControllerOptions& options) {
    add_role(controller, options);
    options.prometheus_address = from_environment("ARGO_ROLLOUTS_PROMETHEUS_ADDRESS");
    options.authorities = from_environment("SSL_CERT_FILE");
    controller.add_option(
        "--prometheus",
        options.prometheus_address,
        "Prometheus of metrics that name none (ARGO_ROLLOUTS_PROMETHEUS_ADDRESS)");
    controller.add_option(
        "--gateway-namespace",
        options.gateway_ns,
        "Where the pods of serin gateways are [the Lease's]");
    controller
        .add_option(
            "--gateway-token",
            options.gateway_token,
            "File with this process's token of audience serin-gateway")
        ->capture_default_str();
}

}  // namespace

void add_connection_words(CLI::App& app, ConnectOptions& connect) {
    connect.server = from_environment("SERIN_SERVER");
    connect.token_file = from_environment("SERIN_TOKEN_FILE");
    connect.state_dir = from_environment("SERIN_STATE");
    connect.context = from_environment("SERIN_CONTEXT");
    app.add_option("--server", connect.server, "URL of the server (SERIN_SERVER)");
    app.add_option(
        "--token-file", connect.token_file, "File with the bearer token (SERIN_TOKEN_FILE)");
    app.add_option("--certificate-authority", connect.ca_file, "PEM file for https");
    app.add_option("--state", connect.state_dir, "State folder of `serin up` (SERIN_STATE)");
    app.add_option(
           "--kubeconfig",
           connect.kubeconfig,
           "Files of a cluster to speak to instead [KUBECONFIG, ~/.kube/config]")
        ->delimiter(':');
    app.add_option(
        "--context",
        connect.context,
        "Context of the kubeconfig: a cluster to speak to (SERIN_CONTEXT)");
    app.add_option("-n,--namespace", connect.ns, "Namespace [default, or the context's]");
}

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

    CLI::App* gateway =
        command("gateway", "Serve the Gateways of a Kubernetes cluster", [words, &connect] {
            words->gateway.state_dir =
                connect.state_dir.empty() ? default_state_dir() : connect.state_dir;
            return run_gateway(words->gateway);
        });
    add_gateway(*gateway, words->gateway);
}

}  // namespace serin::cli
