#include "cli/adopt_plan.h"

#include "control/release_controller.h"
#include "manifest/argo/read_status.h"
#include "ports/manual_loop.h"
#include "store/memory.h"
#include "traffic/http_route.h"
#include "traffic/object_router.h"
#include "traffic/plugin_router.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace serin::cli {

namespace {

// A plugin may do anything: a plan only says that it would be asked, by what waits for it.
class SilentPlugins : public PluginRunner {
public:
    std::unique_ptr<Call> call(PluginCall, Done) override { return std::make_unique<Call>(); }
};

std::string shown(const json::Value* value) {
    constexpr std::size_t most = 80;
    if (!value) return {};
    std::string text = json::print(*value);
    if (text.size() > most) text = text.substr(0, most) + "...";
    return text;
}

// Where two values differ, as deep as their shapes are alike.
void find_differences(
    const std::string& object,
    const std::string& path,
    const json::Value* before,
    const json::Value* after,
    std::vector<Foreseen::Change>& found) {
    if (before && after && json::same(*before, *after)) return;
    const json::Object* left = json::object(before);
    const json::Object* right = json::object(after);
    if (left && right) {
        for (const auto& member : *left) {
            const std::string name(member.key());
            find_differences(
                object,
                path + "/" + json::escape_pointer(name),
                &member.value(),
                right->if_contains(name),
                found);
        }
        for (const auto& member : *right) {
            const std::string name(member.key());
            if (left->contains(name)) continue;
            const std::string at = path + "/" + json::escape_pointer(name);
            found.push_back({object, at, "", shown(&member.value())});
        }
        return;
    }
    const json::Array* items = json::array(before);
    const json::Array* other_items = json::array(after);
    if (items && other_items && items->size() == other_items->size()) {
        for (std::size_t i = 0; i < items->size(); ++i) {
            find_differences(
                object, path + "/" + std::to_string(i), &(*items)[i], &(*other_items)[i], found);
        }
        return;
    }
    found.push_back({object, path, shown(before), shown(after)});
}

// Of a Rollout's status, what says where the release is.
constexpr std::string_view where_it_is[] = {
    "/phase",
    "/message",
    "/currentPodHash",
    "/stableRS",
    "/currentStepIndex",
    "/abort",
    "/promoteFull",
    "/pauseConditions",
    "/canary/weights/canary/weight",
    "/canary/weights/stable/weight",
    "/canary/currentStepAnalysisRunStatus/name",
    "/canary/currentExperiment",
    "/blueGreen/activeSelector",
    "/blueGreen/previewSelector"};

void tell_status(const Object& before, const Object& after, Foreseen& foreseen) {
    for (const std::string_view pointer : where_it_is) {
        const std::string at = "/status" + std::string(pointer);
        const json::Value* was = before.find(at);
        const json::Value* is = after.find(at);
        if (was || is) {
            find_differences("status", std::string(pointer), was, is, foreseen.changes);
        }
    }
}

void tell(const CopiedStore::Change& change, Foreseen& foreseen) {
    const std::string name = fmt::format("{} {}", change.key.type->kind, change.key.name);
    if (change.before.is_empty() || change.after.is_empty()) {
        const bool is_created = change.before.is_empty();
        foreseen.changes.push_back(
            {name, "", is_created ? "" : "there", is_created ? "created" : "removed"});
        return;
    }
    std::vector<Foreseen::Change> all;
    const json::Value before(change.before.document());
    const json::Value after(change.after.document());
    find_differences(name, "", &before, &after, all);
    const bool is_rollout = change.key.type == &types::rollout();
    for (Foreseen::Change& one : all) {
        if (one.path.starts_with("/status")) continue;  // A Rollout's follows; others' are theirs.
        if (one.path == "/metadata/generation") continue;
        const bool is_note = one.path.starts_with("/metadata/");
        (is_note ? foreseen.notes : foreseen.changes).push_back(std::move(one));
    }
    if (is_rollout) tell_status(change.before, change.after, foreseen);
}

void warn(const Object& rollout, Foreseen& foreseen) {
    const bool is_under_way =
        rollout.text("/status/currentPodHash") != rollout.text("/status/stableRS");
    if (is_under_way && !argo::is_of_this_generation(rollout)) {
        foreseen.warnings.push_back(fmt::format(
            "its controller has not followed the manifest yet (generation {}, observed {}): wait "
            "until it has, or the steps may begin anew",
            rollout.generation(),
            rollout.text("/status/observedGeneration", "none")));
    }
}

}  // namespace

Foreseen foresee(CopiedStore& store, const Object& rollout, Instant now) {
    Foreseen foreseen{
        .ns = std::string(rollout.ns()),
        .name = std::string(rollout.name()),
        .phase = std::string(rollout.text("/status/phase"))};
    warn(rollout, foreseen);

    ManualLoop loop(now);
    store::MemoryEvidenceLog evidence;
    traffic::HttpRouteRouter routes(store);
    traffic::ObjectRouter objects(store);
    traffic::Routers router(routes, routes, &objects);
    SilentPlugins plugins;
    control::ReleaseController controller(loop, store, evidence, router, plugins);
    constexpr int turns_max = 20;  // Far more than an end state takes while nothing answers.
    for (int turn = 0; turn < turns_max; ++turn) {
        const std::int64_t writes = store.writes();
        const auto done = controller.reconcile(rollout.key());
        if (!done) foreseen.problem = done.error().message;
        if (!done || store.writes() == writes) break;
    }
    const auto after = store.get(rollout.key());
    if (after && foreseen.problem.empty()) {
        foreseen.problem = after->text("/status/serin/problem");
    }
    for (const CopiedStore::Change& change : store.take_changes()) tell(change, foreseen);
    return foreseen;
}

}  // namespace serin::cli
