// The `serin` program: reads the command line and calls one function a command.

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/exit_codes.h"
#include "cli/rehearse.h"
#include "cli/standalone_words.h"
#include "cli/start.h"
#include "cli/up.h"
#include "sim/run.h"
#include "sim/soak.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <functional>

namespace serin::cli {

namespace {

constexpr const char* version_text = SERIN_VERSION;

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// What the words of the command line were read into. Commands take what they need of it.
struct Words {
    ConnectOptions connect;
    std::string output;
    GetOptions get;
    StatusOptions status;
    std::string timeout;
    PromoteOptions promote;
    LogOptions logs;
    std::string since;
    std::int64_t tail = -1;
    UpOptions up;
    CreateRunOptions create_run;
    std::string type;
    std::string name;
    std::vector<std::string> names;
    std::vector<std::string> paths;
    std::vector<std::string> images;
    std::string in = "0s";
    std::int64_t revision = 0;
    bool is_dry_run = false;
    bool orphans = false;
    sim::SimOptions simulation;
    sim::SoakOptions soak{.jobs = 0};
    bool is_soak = false;
    RehearseWords rehearsal;
    JudgeOptions judge;
    KayentaOptions kayenta;
    AbOptions ab;
    SizeOptions size;
    LintCommand lint;
    PlanCommand plan;
    std::string target;
};

// A command that talks to the server: connects, reads -o, then runs.
using ApiCommand = std::function<int(Api&, Format)>;

int with_api(const Words& words, const ApiCommand& command) {
    const auto format = read_format(words.output);
    if (!format) return report(format.error());
    const auto connection = find_server(words.connect);
    if (!connection) return report(connection.error());
    Api api(*connection);
    return command(api, *format);
}

class CommandLine {
public:
    CommandLine() : app_("Serin: progressive delivery that can be trusted", "serin") {
        app_.require_subcommand(1);
        app_.fallthrough();
        app_.set_help_all_flag("--help-all", "Help of all commands");
        add_connection_words(app_, words_.connect);
        add_up();
        add_objects();
        add_rollouts();
        add_actions();
        add_analysis();
        add_views();
        add_rehearsal();
        add_judges();
        add_lint();
        add_plan();
        const auto choose = [this](auto run) { run_ = std::move(run); };
        add_standalone_commands(app_, words_.connect, choose);
        add_adopt_commands(app_, words_.connect, choose);
    }

    int run(int count, char** values) {
        // `kubectl serin` runs the program of this name, and means kubectl's own cluster.
        words_.connect.in_cluster =
            count > 0 && std::string_view(values[0]).ends_with("kubectl-serin");
        try {
            app_.parse(count, values);
        } catch (const CLI::ParseError& error) {
            return app_.exit(error) == 0 ? exit_ok : exit_error;
        }
        return run_();
    }

private:
    CLI::App* command(const char* name, const char* help, std::function<int()> run) {
        CLI::App* sub = app_.add_subcommand(name, help);
        sub->callback([this, run = std::move(run)] { run_ = run; });
        return sub;
    }

    CLI::App* api_command(const char* name, const char* help, const ApiCommand& run) {
        CLI::App* sub = command(name, help, [this, run] { return with_api(words_, run); });
        sub->add_option("-o,--output", words_.output, "json, yaml (get: name, wide)");
        return sub;
    }

    void add_up() {
        CLI::App* up = command("up", "Run Serin on this machine", [this] {
            words_.up.state_dir =
                words_.connect.state_dir.empty() ? default_state_dir() : words_.connect.state_dir;
            words_.up.token_file = words_.connect.token_file;
            words_.up.authorities = from_environment("SSL_CERT_FILE");
            if (!words_.connect.ns.empty()) words_.up.ns = words_.connect.ns;
            return run_up(words_.up);
        });
        up->add_option("-f,--filename", words_.up.paths, "Manifests: files and folders")
            ->check(CLI::ExistingPath);
        up->add_option("--images", words_.up.images_dir, "Release folders [images beside -f]");
        up->add_option("--address", words_.up.address, "Listen address of the API")
            ->capture_default_str();
        up->add_option("--port", words_.up.port, "Port of the API, 0 for any")
            ->capture_default_str()
            ->check(CLI::Range(0, 65535));
        up->add_option("--tls-certificate", words_.up.tls_certificate, "PEM file: serve https");
        up->add_option("--tls-key", words_.up.tls_key, "PEM file");
        up->add_option(
            "--client-ca", words_.up.client_ca, "PEM file: ask clients for certificates");
        words_.up.prometheus_address = from_environment("ARGO_ROLLOUTS_PROMETHEUS_ADDRESS");
        up->add_option(
            "--prometheus",
            words_.up.prometheus_address,
            "Prometheus of metrics that name none (ARGO_ROLLOUTS_PROMETHEUS_ADDRESS)");
        up->add_option("--haproxy", words_.up.haproxy, "HAProxy program")->capture_default_str();
        up->add_flag("--log-json", words_.up.logs_json, "Logs as JSON lines");
        up->add_flag("-v,--verbose", words_.up.is_verbose, "Logs in detail");

        CLI::App* down =
            command("down", "End the pods and the gateway that `up` left running", [this] {
                return run_down(
                    words_.connect.state_dir.empty() ? default_state_dir()
                                                     : words_.connect.state_dir,
                    words_.up.haproxy);
            });
        down->add_option("--haproxy", words_.up.haproxy, "HAProxy program")->capture_default_str();
    }

    void add_objects() {
        CLI::App* apply = api_command(
            "apply", "Create or change objects from manifests", [this](Api& api, Format format) {
                return run_apply(api, words_.paths, words_.is_dry_run, format);
            });
        apply->add_option("-f,--filename", words_.paths, "Files and folders")->required();
        apply->add_flag("--dry-run", words_.is_dry_run, "Only check");

        CLI::App* get = api_command(
            "get", "Show objects; a rollout by name as a tree", [this](Api& api, Format format) {
                words_.get.format = format;
                return run_get(api, words_.get);
            });
        get->add_option("type", words_.get.type, "rollouts, pods, ...")->required();
        get->add_option("name", words_.get.name, "Name of one object");
        get->add_option("-l,--selector", words_.get.selector, "Labels: app=shop");
        get->add_flag("-A,--all-namespaces", words_.get.all_namespaces, "All namespaces");
        get->add_flag("-w,--watch", words_.get.watches, "Go on when something changes");

        CLI::App* list =
            api_command("list", "Show all objects of a type", [this](Api& api, Format format) {
                words_.get.format = format;
                return run_get(api, words_.get);
            });
        list->add_option("type", words_.get.type, "rollouts, pods, ...")->required();
        list->add_option("-l,--selector", words_.get.selector, "Labels: app=shop");
        list->add_flag("-A,--all-namespaces", words_.get.all_namespaces, "All namespaces");
        list->add_flag("-w,--watch", words_.get.watches, "Go on when something changes");

        CLI::App* describe = api_command(
            "describe", "Show an object with its events", [this](Api& api, Format format) {
                return run_describe(api, words_.type, words_.name, format);
            });
        describe->add_option("type", words_.type)->required();
        describe->add_option("name", words_.name)->required();

        CLI::App* remove = api_command("delete", "Delete objects", [this](Api& api, Format format) {
            return run_delete(api, words_.type, words_.names, words_.orphans, format);
        });
        remove->add_option("type", words_.type)->required();
        remove->add_option("names", words_.names)->required();
        remove->add_flag("--orphan", words_.orphans, "Leave what belongs to them");
    }

    void add_rollouts() {
        CLI::App* status =
            api_command("status", "Follow a rollout to its end", [this](Api& api, Format format) {
                words_.status.format = format;
                if (!words_.timeout.empty()) {
                    const auto timeout = parse_duration(words_.timeout);
                    if (!timeout) return report(timeout.error());
                    if (*timeout > Duration(0)) words_.status.timeout = *timeout;
                }
                return run_status(api, words_.status);
            });
        status->add_option("rollout", words_.status.name)->required();
        status->add_flag(
            "-w,--watch,!--no-watch", words_.status.watches, "Until Healthy or Degraded [true]");
        status->add_option("-t,--timeout", words_.timeout, "Longest wait: 30s, 10m [none]");
        status->footer(
            "Exit code: 0 healthy, 2 degraded or aborted, 3 paused, 4 not finished in time, "
            "5 not found, 1 any other error.");
    }

    void add_actions() {
        CLI::App* promote = api_command(
            "promote",
            "Go on from a pause, or to the end with --full",
            [this](Api& api, Format format) {
                words_.promote.format = format;
                return run_promote(api, words_.promote);
            });
        promote->add_option("rollout", words_.promote.name)->required();
        promote->add_flag("--full", words_.promote.is_full, "Skip all steps, pauses and analyses");
        promote->add_flag(
            "--skip-current-step", words_.promote.skips_step, "Go past the current step");

        add_action("abort", "Send all traffic back to stable", run_abort);
        add_action("retry", "Start an aborted rollout again", run_retry);
        add_action("pause", "Hold a rollout where it is", run_pause);

        CLI::App* restart =
            api_command("restart", "Replace all pods, one by one", [this](Api& api, Format format) {
                const auto in = parse_duration(words_.in);
                return in ? run_restart(api, words_.names, *in, format) : report(in.error());
            });
        restart->add_option("rollouts", words_.names)->required();
        restart->add_option("-i,--in", words_.in, "Not before: 10m")->capture_default_str();

        CLI::App* undo =
            api_command("undo", "Go back to an earlier revision", [this](Api& api, Format format) {
                return run_undo(api, words_.name, words_.revision, format);
            });
        undo->add_option("rollout", words_.name)->required();
        undo->add_option("--to-revision", words_.revision, "Revision [the one before]")
            ->check(CLI::NonNegativeNumber);

        CLI::App* set = app_.add_subcommand("set", "Change a rollout");
        set->require_subcommand(1);
        CLI::App* image =
            set->add_subcommand("image", "Release an image: set image shop shop=shop:v2");
        image->add_option("rollout", words_.name)->required();
        image->add_option("images", words_.images, "CONTAINER=IMAGE, or *=IMAGE")->required();
        image->add_option("-o,--output", words_.output, "json, yaml");
        image->callback([this] {
            run_ = [this] {
                return with_api(words_, [this](Api& api, Format format) {
                    return run_set_image(api, words_.name, words_.images, format);
                });
            };
        });
    }

    void add_action(
        const char* name,
        const char* help,
        int (*act)(Api&, const std::vector<std::string>&, Format)) {
        CLI::App* action = api_command(name, help, [this, act](Api& api, Format format) {
            return act(api, words_.names, format);
        });
        action->add_option("rollouts", words_.names)->required();
    }

    void add_analysis() {
        CLI::App* create = app_.add_subcommand("create", "Create an analysis run from a template");
        create->require_subcommand(1);
        CLI::App* run = create->add_subcommand("analysisrun", "Measure what a template says, once");
        run->add_option("--from", words_.create_run.from, "AnalysisTemplate of the namespace");
        run->add_option("--from-file", words_.create_run.from_file, "File with one template")
            ->check(CLI::ExistingFile);
        run->add_flag(
            "--global", words_.create_run.is_global, "--from names a ClusterAnalysisTemplate");
        run->add_option("--name", words_.create_run.name, "Name of the run");
        run->add_option(
            "--generate-name", words_.create_run.generate_name, "Beginning of a name [TEMPLATE-]");
        run->add_option("--instance-id", words_.create_run.instance_id, "Label of the controller");
        run->add_option("-a,--argument", words_.create_run.arguments, "NAME=VALUE")
            ->allow_extra_args(false);
        run->add_option("-o,--output", words_.output, "json, yaml");
        run->callback([this] {
            run_ = [this] {
                return with_api(words_, [this](Api& api, Format format) {
                    words_.create_run.format = format;
                    return run_create_run(api, words_.create_run);
                });
            };
        });

        CLI::App* terminate = api_command(
            "terminate", "End an analysisrun or experiment early", [this](Api& api, Format format) {
                return run_terminate(api, words_.type, words_.names, format);
            });
        terminate->add_option("type", words_.type, "analysisrun, experiment")->required();
        terminate->add_option("names", words_.names)->required();
    }

    void add_views() {
        CLI::App* logs = api_command("logs", "Show what a pod printed", [this](Api& api, Format) {
            if (words_.tail >= 0) words_.logs.tail = words_.tail;
            if (!words_.since.empty()) {
                const auto since = parse_duration(words_.since);
                if (!since) return report(since.error());
                words_.logs.since = *since;
            }
            return run_logs(api, words_.logs);
        });
        logs->add_option("name", words_.logs.name, "A pod, or rollout/NAME")->required();
        logs->add_option("-c,--container", words_.logs.container, "Container");
        logs->add_flag("-f,--follow", words_.logs.follows, "Go on as it prints");
        logs->add_flag(
            "-p,--previous", words_.logs.is_previous, "Of the run before the last restart");
        logs->add_flag("--timestamps", words_.logs.has_timestamps, "When each line came");
        logs->add_option("--tail", words_.tail, "Last lines only");
        logs->add_option("--since", words_.since, "Newer than: 10m");

        CLI::App* events =
            api_command("events", "Show what happened", [this](Api& api, Format format) {
                return run_events(api, words_.name, words_.get.watches, format);
            });
        events->add_option(
            "name", words_.name, "A rollout (with all that belongs to it) or KIND/NAME");
        events->add_flag("-w,--watch", words_.get.watches, "Go on when something happens");

        CLI::App* evidence = app_.add_subcommand("evidence", "The record of every decision");
        evidence->require_subcommand(1);
        CLI::App* show = evidence->add_subcommand("show", "The timeline of a rollout");
        show->add_option("rollout", words_.name)->required();
        show->add_option("-o,--output", words_.output, "json, yaml");
        show->callback([this] {
            run_ = [this] {
                return with_api(words_, [this](Api& api, Format format) {
                    return run_evidence_show(api, words_.name, format);
                });
            };
        });

        CLI::App* sim = command("sim", "Play random releases in a simulated world", [this] {
            if (!words_.is_soak) return run_simulation(words_.simulation);
            words_.soak.seed = words_.simulation.seed;
            words_.soak.runs = words_.simulation.runs;
            return run_soak(words_.soak);
        });
        sim->add_option("--seed", words_.simulation.seed, "First seed")->capture_default_str();
        sim->add_option("--runs", words_.simulation.runs, "How many seeds")->capture_default_str();
        sim->add_flag("--soak", words_.is_soak, "Go on after failures, and count what was reached");
        sim->add_option("--jobs", words_.soak.jobs, "Threads of --soak; 0: one a processor")
            ->capture_default_str();
        sim->add_flag("--trace", words_.simulation.is_traced, "Print what happens");
        sim->add_option(
               "--keep", words_.simulation.kept, "Only these of the seed's happenings: 0,3,4")
            ->delimiter(',');

        command("version", "The version of this program", [] {
            fmt::print("serin {}\n", version_text);
            return static_cast<int>(exit_ok);
        });
    }

    void add_rehearsal() {
        RehearseWords& words = words_.rehearsal;
        CLI::App* rehearse = command(
            "rehearse", "Play a release of manifests many times on virtual time", [this, &words] {
                if (!words_.connect.ns.empty()) words.ns = words_.connect.ns;
                return run_rehearse(words);
            });
        const auto add = [&](const char* name, auto& value, const char* help) {
            return rehearse->add_option(name, value, help)->capture_default_str();
        };
        add("-f,--filename", words.paths, "Manifests: files and folders")
            ->required()
            ->check(CLI::ExistingPath);
        add("--rollout", words.rollout, "Rollout to rehearse, where there are several");
        add("--traffic", words.traffic, "Requests: 500rps, 30rpm");
        add("--users", words.users, "People behind them; 0: each makes one request a minute");
        add("--stable", words.stable, "The old version: error=0.1%,p50=40ms,p95=120ms");
        add("--canary", words.canary, "The new version, where it differs: error=5%");
        add("--fault", words.faults, "What goes wrong: pods-crash=5m, metric-empty@2m+30s, ...");
        add("--metric", words.metrics, "What a metric answers: NAME=0.99, NAME=nodata");
        add("--promote-after", words.promote_after, "A person goes on from pauses after 10m");
        add("--pod-start", words.pod_start, "Longest time until a pod is ready");
        add("--scrape", words.scrape, "How often Prometheus looks");
        add("--horizon", words.horizon, "A release that lasts longer has stalled");
        add("--pod-cost", words.pod_cost, "Cost of a pod for an hour")
            ->check(CLI::NonNegativeNumber);
        add("--runs", words.runs, "Releases")->check(CLI::Range(1, 10'000'000));
        add("--seed", words.seed, "Equal seeds, equal reports");
        add("--jobs", words.jobs, "Threads; 0: one a processor");
        add("-o,--output", words.output, "text, json, html [text]")
            ->check(CLI::IsMember({"text", "json", "html"}));
        rehearse->add_flag("--ci", words.is_ci, "Exit with 7 when a limit is exceeded");
        add("--max-exposed-failures",
            words.exposed_failures_max,
            "Limit: requests that the new version fails (95th percentile); below 0: none");
        add("--min-abort-probability", words.abort_probability_min, "Limit: 95% or 0.95");
        add("--min-promote-probability", words.promote_probability_min, "Limit: 95% or 0.95");
        add("--max-duration", words.duration_max, "Limit: time to promote (95th percentile)");
    }

    void add_judges() {
        CLI::App* judge = app_.add_subcommand("judge", "Judge what was recorded, without a server");
        judge->require_subcommand(1);
        CLI::App* sequential = judge->add_subcommand(
            "sequential", "Replay outcomes from standard input, one JSON object a line");
        sequential->add_option("--spec", words_.judge.spec_file, "YAML, as under serin/sequential")
            ->check(CLI::ExistingFile);
        sequential->add_option("--every", words_.judge.every, "Print the evidence every N outcomes")
            ->check(CLI::PositiveNumber);
        sequential->add_flag("--to-end", words_.judge.goes_on, "Go on after a pass");
        sequential->add_option("-o,--output", words_.output, "json, yaml");
        sequential->callback([this] {
            run_ = [this] {
                const auto format = read_format(words_.output);
                if (!format) return report(format.error());
                words_.judge.format = *format;
                return run_judge_sequential(words_.judge);
            };
        });
        add_kayenta(judge);
        add_ab(judge);
    }

    void add_ab(CLI::App* judge) {
        AbOptions& words = words_.ab;
        CLI::App* ab = judge->add_subcommand(
            "ab", "Replay an A/B experiment's visits from standard input, one JSON object a line");
        ab->add_option("--arms", words.arms, "Names and weights: control=50,new=50")->required();
        ab->add_option("--alpha", words.alpha, "Highest chance of a wrong winner")
            ->capture_default_str()
            ->check(CLI::Range(1e-9, 0.5));
        ab->add_option("--every", words.every, "Print the evidence every N visits")
            ->check(CLI::PositiveNumber);
        ab->add_flag("--to-end", words.goes_on, "Go on after a winner");
        ab->add_option("-o,--output", words_.output, "json, yaml");
        ab->footer("Exit code: 0 winner, 4 none, 2 the split is broken, 1 bad input.");
        ab->callback([this, &words] {
            run_ = [this, &words] {
                const auto format = read_format(words_.output);
                if (!format) return report(format.error());
                words.format = *format;
                return run_judge_ab(words);
            };
        });
    }

    void add_size(CLI::App* plan) {
        SizeOptions& words = words_.size;
        CLI::App* size = plan->add_subcommand(
            "size", "How many requests a canary needs, and how long that takes");
        const auto add = [&](const char* name, std::string& value, const char* help) {
            return size->add_option(name, value, help)->capture_default_str();
        };
        add("--base", words.base, "Failures of a healthy version: 1%")->required();
        add("--bad", words.bad, "Failures that have to be found: 1.5%")->required();
        add("--power", words.power, "How surely");
        add("--alpha", words.alpha, "False aborts of the sequential judge");
        add("--fixed-alpha", words.fixed_alpha, "False alarms of one look at the end");
        add("--weight", words.weight, "Of the canary: 10% [several]");
        add("--traffic", words.traffic, "Requests of the service: 500rps, 100rpm, 10M/day");
        add("--step", words.step, "Length of a step");
        size->add_flag("--strict", words.is_strict, "Without the sequential judge's margin");
        size->add_option("-o,--output", words_.output, "json, yaml");
        size->callback([this, &words] {
            run_ = [this, &words] {
                const auto format = read_format(words_.output);
                if (!format) return report(format.error());
                words.format = *format;
                return run_plan_size(words);
            };
        });
    }

    void add_kayenta(CLI::App* judge) {
        CLI::App* kayenta =
            judge->add_subcommand("kayenta", "Judge recorded series as Kayenta's NetflixACAJudge");
        kayenta
            ->add_option("--config", words_.kayenta.config_file, "Kayenta's canary configuration")
            ->required()
            ->check(CLI::ExistingFile);
        kayenta->add_option("--input", words_.kayenta.input_file, "Metric set pairs, or both sides")
            ->required()
            ->check(CLI::ExistingFile);
        kayenta->add_option("--pass", words_.kayenta.pass, "Score that passes [95]")
            ->check(CLI::Range(0.0, 100.0));
        kayenta->add_option("--marginal", words_.kayenta.marginal, "Score that is no failure [75]")
            ->check(CLI::Range(0.0, 100.0));
        kayenta->add_option("-o,--output", words_.output, "json, yaml");
        kayenta->footer("Exit code: 0 Pass, 4 Marginal, 2 Fail, 1 bad input.");
        kayenta->callback([this] {
            run_ = [this] {
                const auto format = read_format(words_.output);
                if (!format) return report(format.error());
                words_.kayenta.format = *format;
                return run_judge_kayenta(words_.kayenta);
            };
        });
    }

    void add_lint() {
        CLI::App* lint =
            command("lint", "Say what is wrong with manifests, and what will be", [this] {
                if (!words_.connect.ns.empty()) words_.lint.ns = words_.connect.ns;
                words_.lint.version = version_text;
                return run_lint(words_.lint);
            });
        lint->add_option("-f,--filename", words_.lint.paths, "Files and folders, - for stdin")
            ->required();
        lint->add_option("-o,--output", words_.lint.output, "text, json, yaml, sarif [text]");
        lint->add_flag("--strict", words_.lint.is_strict, "Warnings make it fail too");
        lint->add_option("--traffic", words_.lint.traffic, "Requests of the service: 500rps");
        lint->add_option(
                "--healthy-errors", words_.lint.healthy_errors, "Errors when nothing is wrong")
            ->capture_default_str();
        lint->add_option("--bad-errors", words_.lint.bad_errors, "Errors that have to be stopped")
            ->capture_default_str();
        lint->footer("Exit code: 0 clean, 1 warnings with --strict (or wrong use), 2 errors.");
    }

    void add_plan() {
        CLI::App* plan =
            app_.add_subcommand("plan", "What a release will do, and what it can show");
        plan->require_subcommand(1);
        CLI::App* show = plan->add_subcommand("show", "Print the plan of manifests step by step");
        show->add_option("rollout", words_.plan.rollout, "Rollout [all]");
        show->add_option("-o,--output", words_.output, "json, yaml");
        show->callback([this] { run_ = [this] { return show_plan(words_.output); }; });
        add_size(plan);

        CLI::App* convert = command("convert", "Print manifests in another form", [this] {
            if (words_.target == "plan") return show_plan("");
            return report(Error{
                ErrorKind::invalid,
                fmt::format("-o {}: manifests can be converted to plan", words_.target)});
        });
        convert->add_option("-o,--output", words_.target, "plan")->required();
        for (CLI::App* one : {show, convert}) {
            one->add_option("-f,--filename", words_.plan.paths, "Files and folders, - for stdin")
                ->required();
            one->add_option("--traffic", words_.plan.traffic, "Requests of the service: 500rps");
        }
    }

    int show_plan(const std::string& output) {
        const auto format = read_format(output);
        if (!format) return report(format.error());
        words_.plan.format = *format;
        if (!words_.connect.ns.empty()) words_.plan.ns = words_.connect.ns;
        return run_plan_show(words_.plan);
    }

    CLI::App app_;
    Words words_;
    std::function<int()> run_;
};

}  // namespace

}  // namespace serin::cli

int main(int count, char** words) {
    serin::cli::fill_standard_streams();
    return serin::cli::CommandLine().run(count, words);
}
