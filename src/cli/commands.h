#pragma once

#include "base/time.h"
#include "cli/api.h"
#include "cli/output.h"

#include <optional>
#include <string>
#include <vector>

// The commands of `serin`, one function each. They print their result to standard output and return
// the exit code (exit_codes.h); main.cc reads the words of the command line into their arguments.

namespace serin::sim {
struct SimOptions;
struct SoakOptions;
}  // namespace serin::sim

namespace serin::cli {

// --- Any object (objects.cc)
struct GetOptions {
    std::string type;
    std::string name;  // Empty: all.
    std::string selector;
    bool all_namespaces = false;
    bool watches = false;
    Format format = Format::text;
};
int run_get(Api& api, const GetOptions& options);
int run_describe(Api& api, const std::string& type, const std::string& name, Format format);
int run_delete(
    Api& api,
    const std::string& type,
    const std::vector<std::string>& names,
    bool orphans,
    Format format);
// Reads, validates and applies manifests; with `dry_run` only says what is wrong.
int run_apply(Api& api, const std::vector<std::string>& paths, bool dry_run, Format format);

// --- Rollouts (rollouts.cc, rollout_actions.cc)
int run_get_rollout(Api& api, const std::string& name, bool watches);
int run_get_experiment(Api& api, const std::string& name, bool watches);
struct StatusOptions {
    std::string name;
    bool watches = true;
    std::optional<Duration> timeout;
    Format format = Format::text;
};
int run_status(Api& api, const StatusOptions& options);

struct PromoteOptions {
    std::string name;
    bool is_full = false;
    bool skips_step = false;  // Goes past the current step, whatever it is.
    Format format = Format::text;
};
int run_promote(Api& api, const PromoteOptions& options);
int run_abort(Api& api, const std::vector<std::string>& names, Format format);
// The first name may be "rollout" or "experiment", for what the others are.
int run_retry(Api& api, const std::vector<std::string>& names, Format format);
int run_pause(Api& api, const std::vector<std::string>& names, Format format);
int run_restart(Api& api, const std::vector<std::string>& names, Duration in, Format format);
// Goes back to a revision's template; 0: the one before the current.
int run_undo(Api& api, const std::string& name, std::int64_t revision, Format format);
// `images`: "container=image" or "*=image".
int run_set_image(
    Api& api, const std::string& name, const std::vector<std::string>& images, Format format);

// --- Analysis by hand (analysis_actions.cc)
struct CreateRunOptions {
    std::string from;  // A template of the namespace; with `is_global` a ClusterAnalysisTemplate.
    std::string from_file;
    bool is_global = false;
    std::string name;
    std::string generate_name;  // Without a name; the template's name if empty.
    std::string instance_id;
    std::vector<std::string> arguments;  // "NAME=VALUE".
    Format format = Format::text;
};
int run_create_run(Api& api, const CreateRunOptions& options);
// Of AnalysisRuns and Experiments.
int run_terminate(
    Api& api, const std::string& type, const std::vector<std::string>& names, Format format);

// --- Looking closer (logs.cc, events.cc, evidence.cc)
struct LogOptions {
    std::string name;  // A pod, or rollout/NAME for all its pods.
    std::string container;
    bool follows = false;
    bool is_previous = false;
    bool has_timestamps = false;
    std::optional<std::int64_t> tail;
    std::optional<Duration> since;
};
int run_logs(Api& api, const LogOptions& options);
int run_events(Api& api, const std::string& name, bool watches, Format format);
int run_evidence_show(Api& api, const std::string& rollout, Format format);

// --- Without a server (simulate.cc, lint.cc)
// Plays releases in the simulator and prints what it finds; 1 when an invariant broke.
int run_simulation(const sim::SimOptions& options);
// Plays very many, goes on after failures, and counts what was reached; jobs 0: one a processor.
int run_soak(sim::SoakOptions options);

// Replays recorded outcomes from standard input through the sequential judge (judge_replay.cc).
struct JudgeOptions {
    std::string spec_file;
    std::uint64_t every = 0;  // Print the evidence every so many outcomes; 0: only the verdict.
    bool goes_on = false;     // Past a pass, until the canary fails or the outcomes end.
    Format format = Format::text;
};
int run_judge_sequential(const JudgeOptions& options);

// Judges recorded series as Kayenta does (judge_kayenta.cc).
struct KayentaOptions {
    std::string config_file;
    std::string input_file;
    std::optional<double> pass;  // Else what the configuration suggests, else Kayenta's 95 and 75.
    std::optional<double> marginal;
    Format format = Format::text;
};
int run_judge_kayenta(const KayentaOptions& options);

// Replays the visits of an A/B experiment from standard input (judge_ab.cc).
struct AbOptions {
    std::string arms;  // "control=50,new=50".
    double alpha = 0.05;
    std::uint64_t every = 0;  // As in JudgeOptions.
    bool goes_on = false;     // Past a winner.
    Format format = Format::text;
};
int run_judge_ab(const AbOptions& options);

// What a canary can show at all (plan_size.cc). Shares are text: "1.5%" or "0.015".
struct SizeOptions {
    std::string base;
    std::string bad;
    std::string power = "95%";
    std::string alpha = "1%";  // Of the sequential judge.
    std::string fixed_alpha = "5%";
    std::string weight;   // Empty: the usual ones.
    std::string traffic;  // "500rps"; empty: no durations.
    std::string step = "10m";
    bool is_strict = false;  // Without the judge's margin.
    Format format = Format::text;
};
int run_plan_size(const SizeOptions& options);

struct LintCommand {
    std::vector<std::string> paths;
    std::string ns = "default";
    std::string output;   // "", "text", "json", "yaml", "sarif".
    std::string traffic;  // "500rps"; empty: gates are not computed.
    std::string healthy_errors = "0.5%";
    std::string bad_errors = "5%";
    bool is_strict = false;
    std::string version;  // Of this program.
};
int run_lint(const LintCommand& command);

struct PlanCommand {
    std::vector<std::string> paths;
    std::string ns = "default";
    std::string rollout;  // Empty: all.
    std::string traffic;  // "500rps"; empty: weights are told without requests.
    Format format = Format::text;
};
// Prints what Rollouts will do, without a server.
int run_plan_show(const PlanCommand& command);

// --- The shell (completion.cc)
int run_completion(const std::string& shell);

}  // namespace serin::cli
