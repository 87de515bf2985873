#include "cli/experiment_view.h"

#include "cli/rollout_view.h"

#include <fmt/format.h>

#include <optional>
#include <set>

namespace serin::cli {

namespace {

std::optional<Duration> duration_of(const Object& experiment) {
    const json::Value* value = experiment.find("/spec/duration");
    if (const auto number = json::integer(value)) return std::chrono::seconds(*number);
    const auto text = json::text(value).value_or("");
    if (text.empty()) return std::nullopt;
    const auto duration = parse_duration(text);
    return duration ? std::optional(*duration) : std::nullopt;
}

bool is_over(const Object& experiment) {
    const std::string_view phase = experiment.text("/status/phase");
    return !phase.empty() && phase != "Pending" && phase != "Running";
}

std::string images_text(const ExperimentFamily& family) {
    std::set<std::string> images;
    for (const Object& set : family.replica_sets) {
        if (!is_owned_by(set, family.experiment)) continue;
        const json::Array* containers = json::array(set.find("/spec/template/spec/containers"));
        if (containers == nullptr) continue;
        for (const json::Value& container : *containers)
            images.emplace(json::text(json::find(container, "/image")).value_or("?"));
    }
    std::string text;
    for (const std::string& image : images)
        text += fmt::format("{:<17}{}\n", text.empty() ? "Images:" : "", image);
    return text;
}

}  // namespace

std::string experiment_duration(const Object& experiment) {
    const auto duration = duration_of(experiment);
    return duration ? format_duration(*duration) : "";
}

std::string experiment_remaining(const Object& experiment, Instant now) {
    const auto duration = duration_of(experiment);
    const auto since = experiment.time("/status/availableAt");
    if (!duration || !since || is_over(experiment)) return "";
    const Duration left = *since + *duration - now;
    return format_age(std::max(left, Duration(0)));
}

TreeNode experiment_node(const ExperimentFamily& family, Instant now) {
    TreeNode root{
        .icon = "Σ",
        .name = std::string(family.experiment.name()),
        .kind = "Experiment",
        .status = std::string(family.experiment.text("/status/phase", "Pending")),
        .age = age(family.experiment, now)};
    for (const Object& set : family.replica_sets) {
        if (!is_owned_by(set, family.experiment)) continue;
        const auto name = set.annotation("experiment.argoproj.io/template-name").value_or("");
        TreeNode node{
            .icon = "⧉",
            .name = std::string(set.name()),
            .kind = "ReplicaSet",
            .status = replica_set_status(set),
            .age = age(set, now),
            .info = fmt::format("template:{}", name)};
        add_pods(node, family.pods, set, now);
        root.children.push_back(std::move(node));
    }
    for (const Object& run : family.analysis_runs) {
        if (is_owned_by(run, family.experiment))
            root.children.push_back(run_node(run, family.jobs, now));
    }
    return root;
}

std::string render_experiment(const ExperimentFamily& family, Instant now) {
    const Object& experiment = family.experiment;
    const auto line = [](std::string_view name, const std::string& value) {
        return value.empty() ? "" : fmt::format("{:<17}{}\n", name, value);
    };
    const std::string phase(experiment.text("/status/phase", "Pending"));
    std::string text = line("Name:", std::string(experiment.name()));
    text += line("Namespace:", std::string(experiment.ns()));
    text += line("Status:", fmt::format("{} {}", icon_of("Experiment", phase), phase));
    text += line("Message:", std::string(experiment.text("/status/message")));
    text += line("Duration:", experiment_duration(experiment));
    text += line("Remaining:", experiment_remaining(experiment, now));
    text += images_text(family);
    return text + "\n" + render_tree(experiment_node(family, now));
}

}  // namespace serin::cli
