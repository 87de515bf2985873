#include "sim/people.h"

#include "base/check.h"
#include "sim/manifests.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace serin::sim {

namespace {

int revision_of(const Object& set) {
    int number = 0;
    const auto of_deployment = set.annotation("deployment.kubernetes.io/revision").value_or("0");
    const auto text = set.annotation("rollout.argoproj.io/revision").value_or(of_deployment);
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

json::Object with_image(int image) {
    return {
        {"template", json::Object{{"spec", json::Object{{"containers", make_containers(image)}}}}}};
}

}  // namespace

void People::apply_all() {
    const Quiet quiet(stage_);
    for (Object& object : make_manifests(stage_.scenario)) {
        const auto created = stage_.store.create(std::move(object));
        SERIN_CHECK(created.has_value());
    }
}

void People::patch(json::Object spec) {
    const Quiet quiet(stage_);
    static_cast<void>(stage_.store.patch(
        stage_.release_key(),
        PatchKind::merge,
        json::Object{{"spec", std::move(spec)}}));  // Nothing to patch once it is deleted.
}

void People::patch_status(json::Object status) {
    const Quiet quiet(stage_);
    static_cast<void>(stage_.store.patch(
        stage_.key(types::rollout(), rollout_name),
        PatchKind::merge,
        json::Object{{"status", std::move(status)}},
        Part::status));
}

// What was said of an image counts until another one is wanted.
void People::forget_push(int image) {
    const auto wanted = stage_.store.get(stage_.template_key());
    if (wanted && image_of(*wanted) != image) has_pushed_ = false;
}

void People::set_image(int image, std::optional<int> replicas) {
    forget_push(image);
    {
        const Quiet quiet(stage_);
        static_cast<void>(stage_.store.patch(
            stage_.template_key(), PatchKind::merge, json::Object{{"spec", with_image(image)}}));
    }
    if (replicas) patch({{"replicas", *replicas}});
}

void People::promote() {
    const auto rollout = stage_.store.get(stage_.key(types::rollout(), rollout_name));
    if (!rollout) return;
    has_pushed_ = true;
    const bool is_inconclusive =
        rollout->text("/status/canary/currentStepAnalysisRunStatus/status") == "Inconclusive";
    if (is_inconclusive && rollout->boolean("/status/controllerPause")) {
        patch_status(
            {{"pauseConditions", nullptr},
             {"controllerPause", false},
             {"currentStepIndex", rollout->integer("/status/currentStepIndex") + 1}});
        return;
    }
    const json::Array* holds = json::array(rollout->find("/status/pauseConditions"));
    if (holds && !holds->empty()) patch_status({{"pauseConditions", nullptr}});
}

void People::undo() {
    const auto rollout = stage_.store.get(stage_.release_key());
    ListQuery query;
    query.type = &types::replica_set();
    auto sets = stage_.store.list(query);
    if (!rollout || !sets || sets->items.size() < 2) return;
    std::erase_if(sets->items, [&](const Object& set) {
        return !set.label(stage_.revision_label()).has_value();
    });
    if (sets->items.size() < 2) return;
    std::ranges::sort(sets->items, [](const Object& left, const Object& right) {
        return revision_of(left) > revision_of(right);
    });
    set_image(image_of(sets->items[1]), std::nullopt);
}

void People::reapply(bool is_with_image) {
    const auto rollout = stage_.store.get(stage_.release_key());
    if (!rollout) return;
    const std::vector<Object> manifests = make_manifests(stage_.scenario);
    const json::Object* spec = json::object(manifests.back().find("/spec"));
    json::Object again = *spec;
    if (!is_with_image) again.erase("template");
    if (is_with_image) forget_push(1);
    patch(std::move(again));
}

void People::reapply_route() {
    const ObjectKey key = stage_.key(types::http_route(), route_name);
    const auto present = stage_.store.get(key);
    if (!present) return;
    const Object plain = stage_.scenario.flip ? make_flip_route() : make_route(std::nullopt);
    if (!stage_.scenario.flip) ++routes_written_;  // Else it is as it was.
    const Quiet quiet(stage_);
    static_cast<void>(
        stage_.store.patch(key, PatchKind::merge, json::Object{{"spec", *plain.find("/spec")}}));
}

void People::edit_steps(int weight) {
    if (stage_.scenario.flip) {
        json::Object blue_green = make_blue_green(stage_.scenario);
        blue_green["autoPromotionSeconds"] = weight;
        return patch({{"strategy", json::Object{{"blueGreen", std::move(blue_green)}}}});
    }
    std::vector<StepShape> steps = stage_.scenario.steps;
    steps.insert(steps.begin(), {StepShape::Kind::weight, weight});
    json::Object canary{{"steps", make_steps(steps)}};
    patch({{"strategy", json::Object{{"canary", std::move(canary)}}}});
}

void People::scale(int replicas) {
    if (replicas == 0) stage_.reach("fault scaled to zero");
    patch({{"replicas", replicas}});
}

void People::remove() {
    const Quiet quiet(stage_);
    static_cast<void>(stage_.store.remove(stage_.key(types::rollout(), rollout_name)));
}

void People::create_again(int image) {
    has_pushed_ = false;
    Object rollout = make_manifests(stage_.scenario).back();
    const Quiet quiet(stage_);
    static_cast<void>(stage_.store.create(std::move(rollout)));  // Unless somebody else was first.
    if (image != 1) set_image(image, std::nullopt);
}

void People::act(const Happening& happening) {
    const What what = happening.what;
    // What a Deployment does not know.
    const bool is_of_steps = what == What::abort || what == What::retry || what == What::promote ||
                             what == What::promote_full || what == What::edit_steps;
    if (is_of_steps && stage_.scenario.workload == Workload::deployment) return;
    stage_.tell(describe(happening));
    stage_.reach(what);
    const int number = happening.number;
    if (what == What::set_image) set_image(number, std::nullopt);
    if (what == What::scale_and_image) set_image(number, number * 2);
    if (what == What::abort) patch_status({{"abort", true}});
    if (what == What::retry) patch_status({{"abort", false}});
    if (what == What::promote) promote();
    if (what == What::promote_full) {
        has_pushed_ = true;
        patch_status({{"promoteFull", true}});
    }
    if (what == What::pause) patch({{"paused", true}});
    if (what == What::resume) patch({{"paused", false}});
    if (what == What::undo) undo();
    if (what == What::scale) scale(number);
    if (what == What::edit_steps) edit_steps(number);
    if (what == What::reapply) reapply(false);
    if (what == What::reapply_image) reapply(true);
    if (what == What::reapply_route) reapply_route();
}

}  // namespace serin::sim
