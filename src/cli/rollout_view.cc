#include "cli/rollout_view.h"

#include "cli/experiment_view.h"
#include "cli/tree.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace serin::cli {

namespace {

constexpr std::string_view hash_label = "rollouts-pod-template-hash";
constexpr std::string_view revision_annotation = "rollout.argoproj.io/revision";

std::int64_t number(std::string_view text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::int64_t revision_of(const Object& object) {
    return number(object.annotation(revision_annotation).value_or("0"));
}

const json::Array* steps_of(const Object& rollout) {
    return json::array(rollout.find("/spec/strategy/canary/steps"));
}

std::string hash_of(const Object& object) {
    return std::string(object.label(hash_label).value_or(""));
}

struct Roles {
    std::string stable;
    std::string current;
    // With strategy.blueGreen, in place of the canary.
    bool is_blue_green = false;
    std::string active;
    std::string preview;
};

Roles roles_of(const Object& rollout) {
    return {
        std::string(rollout.text("/status/stableRS")),
        std::string(rollout.text("/status/currentPodHash")),
        is_blue_green(rollout),
        std::string(rollout.text("/status/blueGreen/activeSelector")),
        std::string(rollout.text("/status/blueGreen/previewSelector"))};
}

std::vector<std::string> images_of(const Object& replica_set) {
    std::vector<std::string> images;
    if (const auto* containers = json::array(replica_set.find("/spec/template/spec/containers"))) {
        for (const json::Value& container : *containers) {
            images.emplace_back(json::text(json::find(container, "/image")).value_or("?"));
        }
    }
    return images;
}

// "stable", "canary", "active", "preview"; none for a revision that takes no part.
std::vector<std::string> roles_of(const Object& replica_set, const Roles& roles) {
    const std::string hash = hash_of(replica_set);
    std::vector<std::string> found;
    if (hash == roles.stable) found.emplace_back("stable");
    if (!roles.is_blue_green) {
        if (hash == roles.current && found.empty()) found.emplace_back("canary");
    } else if (hash == roles.active) {
        found.emplace_back("active");
    } else if (hash == roles.preview) {
        found.emplace_back("preview");
    }
    return found;
}

std::string replica_set_info(const Object& replica_set, const Roles& roles, Instant now) {
    std::string info = fmt::format("{}", fmt::join(roles_of(replica_set, roles), ","));
    if (const auto deadline = replica_set.annotation("scale-down-deadline")) {
        const auto at = parse_time(*deadline);
        if (at && replica_set.integer("/spec/replicas") > 0) {
            if (!info.empty()) info += ",";
            info += "delay:" + (*at > now ? format_age(*at - now) : "passed");
        }
    }
    return info;
}

TreeNode replica_set_node(const RolloutFamily& family, const Object& replica_set, Instant now) {
    TreeNode node{
        .icon = "⧉",
        .name = std::string(replica_set.name()),
        .kind = "ReplicaSet",
        .status = replica_set_status(replica_set),
        .age = age(replica_set, now),
        .info = replica_set_info(replica_set, roles_of(family.rollout), now)};
    add_pods(node, family.pods, replica_set, now);
    return node;
}

TreeNode tree_of(const RolloutFamily& family, Instant now) {
    TreeNode root{
        .icon = "⟳",
        .name = std::string(family.rollout.name()),
        .kind = "Rollout",
        .status = phase_of(family.rollout).phase,
        .age = age(family.rollout, now)};
    std::set<std::int64_t, std::greater<>> revisions;
    for (const Object& set : family.replica_sets) revisions.insert(revision_of(set));
    for (const Object& run : family.analysis_runs) revisions.insert(revision_of(run));
    for (const Object& one : family.experiments) revisions.insert(revision_of(one));
    for (const std::int64_t revision : revisions) {
        TreeNode node{.icon = "#", .name = fmt::format("revision:{}", revision)};
        for (const Object& set : family.replica_sets) {
            if (revision_of(set) != revision) continue;
            node.children.push_back(replica_set_node(family, set, now));
        }
        for (const Object& experiment : family.experiments) {
            if (revision_of(experiment) != revision) continue;
            node.children.push_back(experiment_node(
                {.experiment = experiment,
                 .replica_sets = family.experiment_sets,
                 .pods = family.pods,
                 .analysis_runs = family.experiment_runs,
                 .jobs = family.jobs},
                now));
        }
        for (const Object& run : family.analysis_runs) {
            if (revision_of(run) != revision) continue;
            node.children.push_back(run_node(run, family.jobs, now));
        }
        root.children.push_back(std::move(node));
    }
    return root;
}

std::string images_text(const RolloutFamily& family) {
    const Roles roles = roles_of(family.rollout);
    std::map<std::string, std::set<std::string>> tags;
    for (const Object& set : family.replica_sets) {
        if (set.integer("/spec/replicas") == 0 && set.integer("/status/replicas") == 0) continue;
        for (const std::string& image : images_of(set)) {
            auto& of = tags[image];
            for (std::string& role : roles_of(set, roles)) of.insert(std::move(role));
        }
    }
    std::string text;
    for (const auto& [image, of] : tags) {
        std::string line = image;
        if (!of.empty()) line += fmt::format(" ({})", fmt::join(of, ", "));
        text += fmt::format("{:<17}{}\n", text.empty() ? "Images:" : "", line);
    }
    return text;
}

std::string header(const RolloutFamily& family) {
    const Object& rollout = family.rollout;
    const PhaseView view = phase_of(rollout);
    const auto line = [](std::string_view name, const std::string& value) {
        return fmt::format("{:<17}{}\n", name, value);
    };
    std::string text = line("Name:", std::string(rollout.name()));
    text += line("Namespace:", std::string(rollout.ns()));
    text += line("Status:", fmt::format("{} {}", icon_of("Rollout", view.phase), view.phase));
    if (!view.message.empty()) text += line("Message:", view.message);
    text += line("Strategy:", is_blue_green(rollout) ? "BlueGreen" : "Canary");
    if (!is_blue_green(rollout)) {
        text += line("  Step:", step_text(rollout));
        text += line("  SetWeight:", fmt::format("{}", set_weight(rollout)));
        text += line("  ActualWeight:", fmt::format("{}", actual_weight(rollout)));
    }
    text += images_text(family);
    text += "Replicas:\n";
    const std::pair<std::string_view, std::int64_t> counts[] = {
        {"  Desired:", rollout.integer("/spec/replicas", 1)},
        {"  Current:", rollout.integer("/status/replicas")},
        {"  Updated:", rollout.integer("/status/updatedReplicas")},
        {"  Ready:", rollout.integer("/status/readyReplicas")},
        {"  Available:", rollout.integer("/status/availableReplicas")}};
    for (const auto& [name, count] : counts) text += line(name, fmt::format("{}", count));
    return text;
}

}  // namespace

bool is_blue_green(const Object& rollout) {
    return rollout.find("/spec/strategy/blueGreen") != nullptr;
}

PhaseView phase_of(const Object& rollout) {
    const auto observed = rollout.text("/status/observedGeneration");
    if (number(observed) != rollout.generation()) {
        return {"Progressing", "waiting for rollout spec update to be observed"};
    }
    const json::Array* pauses = json::array(rollout.find("/status/pauseConditions"));
    if (rollout.boolean("/status/controllerPause") && (pauses == nullptr || pauses->empty()) &&
        !rollout.boolean("/spec/paused") && rollout.text("/status/phase") != "Degraded") {
        return {"Progressing", "waiting for rollout to unpause"};
    }
    return {
        std::string(rollout.text("/status/phase", "Progressing")),
        std::string(rollout.text("/status/message"))};
}

std::string_view icon_of(std::string_view kind, std::string_view status) {
    if (status == "Running" && kind != "Pod") return "◌";
    static const std::map<std::string_view, std::string_view> icons = {
        {"Healthy", "✔"},
        {"Running", "✔"},
        {"Successful", "✔"},
        {"Completed", "✔"},
        {"Succeeded", "✔"},
        {"Degraded", "✖"},
        {"Failed", "✖"},
        {"CrashLoopBackOff", "✖"},
        {"OOMKilled", "✖"},
        {"ImagePullBackOff", "✖"},
        {"ErrImagePull", "✖"},
        {"CreateContainerConfigError", "✖"},
        {"Error", "⚠"},
        {"Inconclusive", "?"},
        {"Unknown", "?"},
        {"Progressing", "◌"},
        {"ContainerCreating", "◌"},
        {"Terminating", "◌"},
        {"Pending", "◷"},
        {"Paused", "॥"},
        {"ScaledDown", "•"}};
    const auto found = icons.find(status);
    return found == icons.end() ? "•" : found->second;
}

std::string pod_status(const Object& pod) {
    if (pod.is_being_deleted()) return "Terminating";
    if (const json::Array* statuses = json::array(pod.find("/status/containerStatuses"))) {
        for (const json::Value& status : *statuses) {
            if (const auto reason = json::text(json::find(status, "/state/waiting/reason"))) {
                return std::string(*reason);
            }
            if (const auto reason = json::text(json::find(status, "/state/terminated/reason"))) {
                return std::string(*reason);
            }
        }
    }
    return std::string(pod.text("/status/phase", "Pending"));
}

std::string step_text(const Object& rollout) {
    const json::Array* steps = steps_of(rollout);
    if (steps == nullptr || steps->empty()) return "";
    return fmt::format("{}/{}", rollout.integer("/status/currentStepIndex"), steps->size());
}

std::int64_t set_weight(const Object& rollout) {
    const json::Array* steps = steps_of(rollout);
    if (rollout.boolean("/status/abort")) return 0;
    if (steps == nullptr) return 100;
    const auto index = static_cast<size_t>(rollout.integer("/status/currentStepIndex"));
    if (index >= steps->size()) return 100;
    for (size_t i = index + 1; i-- > 0;) {
        if (const auto weight = json::integer(json::find(steps->at(i), "/setWeight"))) {
            return *weight;
        }
    }
    return 0;
}

std::int64_t actual_weight(const Object& rollout) {
    const json::Array* steps = steps_of(rollout);
    const bool is_past = steps != nullptr && rollout.integer("/status/currentStepIndex") >=
                                                 static_cast<std::int64_t>(steps->size());
    if (is_past || rollout.text("/status/stableRS") == rollout.text("/status/currentPodHash")) {
        return 100;
    }
    return rollout.integer("/status/canary/weights/canary/weight");
}

std::string render_rollout(const RolloutFamily& family, Instant now) {
    return header(family) + "\n" + render_tree(tree_of(family, now));
}

}  // namespace serin::cli
