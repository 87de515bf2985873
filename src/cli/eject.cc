#include "cli/adopt.h"
#include "cli/controllers.h"
#include "cli/exit_codes.h"
#include "manifest/argo/defaults.h"
#include "manifest/argo/hash.h"
#include "manifest/argo/names.h"
#include "manifest/argo/pod_metadata.h"
#include "manifest/argo/read_status.h"
#include "manifest/argo/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace serin::cli {

namespace {

int report_ejection(const Error& error) {
    report(error);
    return exit_adopt_error;
}

// Whether Argo's controller, which cannot know hashes of Serin's making, finds the ReplicaSet of
// the manifest: it compares templates as Kubernetes stores them.
Result<std::string> find_lost_group(Api& api, Object rollout) {
    if (const auto workload = argo::workload_of(rollout)) {
        SERIN_TRY(const Object source, api.get(*workload));
        rollout = argo::with_template_of(std::move(rollout), source);
    }
    const json::Value* pod_template = rollout.find("/spec/template");
    const std::string_view hash = rollout.text("/status/currentPodHash");
    SERIN_TRY(
        const std::vector<Object> groups,
        list_in(api, types::replica_set(), std::string(rollout.ns())));
    for (const Object& group : groups) {
        if (group.controller_uid() != rollout.uid()) continue;
        if (group.label(argo::label_hash) != hash) continue;
        if (pod_template && argo::is_same_when_stored(argo::plain_template(group), *pod_template)) {
            return std::string();
        }
        return fmt::format(
            "Argo would not know ReplicaSet {} as the manifest's, because its template was changed "
            "on the way (by a webhook?), and would release the manifest again",
            group.name());
    }
    return std::string();
}

// Why Argo's controller would not go on where the release stands; empty when it would.
Result<std::vector<std::string>> find_obstacles(Api& api, const Object& rollout) {
    std::vector<std::string> obstacles;
    if (!argo::is_of_this_generation(rollout)) {
        obstacles.emplace_back(
            "Serin has not followed the manifest, or refuses it: wait, or correct it");
    }
    const bool is_under_way =
        rollout.text("/status/currentPodHash") != rollout.text("/status/stableRS");
    if (is_under_way && rollout.find("/spec/strategy/canary")) {
        const auto steps = argo::argo_steps_hash(rollout.find("/spec/strategy/canary/steps"));
        if (!steps || *steps != rollout.text("/status/currentStepHash")) {
            obstacles.emplace_back(
                "it is in the middle of steps whose hash Serin does not know as Argo's: Argo would "
                "begin them anew, and forget an abort. Let it end first, or take the template "
                "back");
        }
    }
    if (is_under_way && !rollout.text("/status/canary/currentExperiment").empty()) {
        obstacles.emplace_back("an experiment is under way: let it end first");
    }
    SERIN_TRY(std::string lost, find_lost_group(api, rollout));
    if (!lost.empty()) obstacles.push_back(std::move(lost));
    return obstacles;
}

// What only Serin remembers would be of former releases when Serin comes back.
Result<> forget(Api& api, const Object& rollout) {
    if (!rollout.find("/status/serin")) return {};
    SERIN_TRY_DO(api.merge_patch(
        rollout.key(), json::Object{{"status", json::Object{{"serin", nullptr}}}}, Part::status));
    return {};
}

void print_obstacles(const Object& rollout, const std::vector<std::string>& obstacles) {
    fmt::print(
        "{}/{} {}: {}\n",
        rollout.ns(),
        rollout.name(),
        rollout.text("/status/phase", "(no phase)"),
        obstacles.empty() ? "Argo goes on where it stands" : "not as it stands");
    for (const std::string& one : obstacles) fmt::print("  {}\n", one);
}

}  // namespace

int run_eject(Api& api, const AdoptOptions& options) {
    const auto rollouts = list_rollouts(api, options.names, options.all_namespaces);
    if (!rollouts) return report_ejection(rollouts.error());
    bool is_clean = true;
    for (const Object& rollout : *rollouts) {
        const auto obstacles = find_obstacles(api, rollout);
        if (!obstacles) return report_ejection(obstacles.error());
        is_clean = is_clean && obstacles->empty();
        print_obstacles(rollout, *obstacles);
    }
    if (options.is_plan || (!is_clean && !options.is_forced)) {
        return is_clean ? exit_adopt_clean : exit_adopt_moves;
    }
    const auto leader = find_leader(api);
    if (!leader) return report_ejection(leader.error());
    if (*leader) {
        const std::string ns = (*leader)->substr(0, (*leader)->find('/'));
        fmt::print(
            "Serin's controller leads still: {}\nNext: {}\n",
            **leader,
            scale_command({&types::deployment(), ns, "serin-controller"}, 0));
        return exit_adopt_moves;
    }
    for (const Object& rollout : *rollouts) {
        const auto done = forget(api, rollout);
        if (!done) return report_ejection(done.error());
    }
    fmt::print(
        "{} Rollouts are ready for Argo's controller.\n"
        "Next: kubectl -n argo-rollouts scale deployment/argo-rollouts --replicas=1\n",
        rollouts->size());
    return exit_adopt_clean;
}

}  // namespace serin::cli
