#include "sim/referee.h"

#include "manifest/argo/lower.h"
#include "manifest/deployment/lower.h"
#include "ports/plugin_exposure.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace serin::sim {

namespace {

using std::chrono::minutes;

constexpr Duration excuse = minutes(15);
constexpr Duration sizes_kept = minutes(20);
constexpr std::int64_t all_tasks_at_once = 50'000;

// The candidate's weight in percent.
int weight_of(const Object& route, std::string_view candidate_name) {
    const json::Array* refs = json::array(route.find("/spec/rules/0/backendRefs"));
    if (!refs) return 0;
    std::int64_t total = 0;
    std::int64_t candidate = 0;
    for (const json::Value& ref : *refs) {
        const auto weight = json::integer(json::find(ref, "/weight")).value_or(1);
        total += weight;
        if (json::text(json::find(ref, "/name")) == candidate_name) candidate = weight;
    }
    return total == 0 ? 0 : static_cast<int>(candidate * 100 / total);
}

// What services beside stable and candidate have, in percent.
int arms_weight_of(const Object& route) {
    const json::Array* refs = json::array(route.find("/spec/rules/0/backendRefs"));
    if (!refs) return 0;
    std::int64_t total = 0;
    std::int64_t arms = 0;
    for (const json::Value& ref : *refs) {
        const auto weight = json::integer(json::find(ref, "/weight")).value_or(1);
        const auto name = json::text(json::find(ref, "/name"));
        total += weight;
        if (name != stable_service && name != candidate_service) arms += weight;
    }
    return total == 0 ? 0 : static_cast<int>(arms * 100 / total);
}

}  // namespace

Referee::Referee(
    Stage& stage,
    const Kubelet& kubelet,
    const DataPlane& plane,
    const Source& source,
    const People& people,
    const Users& users)
    : stage_(stage),
      kubelet_(kubelet),
      plane_(plane),
      source_(source),
      people_(people),
      users_(users) {}

void Referee::accuse(std::string rule, std::string words) {
    if (violation_) return;
    violation_ = Violation{
        .rule = std::move(rule),
        .words = std::move(words),
        .at = stage_.loop.now() - stage_.start,
    };
    stage_.tell("VIOLATION " + violation_->rule + ": " + violation_->words);
}

void Referee::look() {
    const View before = view_;
    read();
    if (stage_.loop.tasks_at_once() > all_tasks_at_once) {
        accuse("I6 liveness", "the controllers turn in circles without time passing");
    }
    check_budget();
    note_candidate(before);
    note_wish(before);
    if (view_ == before) return;
    stage_.tell(describe());
    compare(before);
}

void Referee::read() {
    const auto touched = std::exchange(touched_, {});
    bool reads_sets = false;
    for (const ObjectKey& key : touched) {
        if (key.type == &types::rollout()) read_rollout();
        if (key.type == &types::deployment()) read_deployment();
        if (key.type == &types::http_route()) read_route();
        if (key.type == &types::config_map()) read_wish();
        if (key.type == &types::service()) read_services();
        if (key.type == &types::replica_set()) reads_sets = true;
        if (key.type == &types::analysis_run()) read_run(key);
        if (key.type == &types::event()) read_event(key);
    }
    // What a Rollout owns goes with it, unasked.
    if (reads_sets || !view_.exists) read_sets();
    read_truth();
}

void Referee::read_rollout() {
    const auto rollout = stage_.store.get(stage_.release_key());
    view_.exists = rollout.has_value();
    if (!rollout) return;
    if (generation_ != rollout->generation()) {
        generation_ = rollout->generation();
        plan_ = argo::lower(*rollout);
    }
    view_.replicas = plan_.replicas;
    view_.phase = rollout->text("/status/phase");
    view_.message = rollout->text("/status/message");
    view_.waiting_for = rollout->text("/status/serin/waitingFor");
    view_.candidate = rollout->text("/status/currentPodHash");
    view_.stable = rollout->text("/status/stableRS");
    view_.step = static_cast<int>(rollout->integer("/status/currentStepIndex"));
    view_.steps = static_cast<int>(plan_.plan.steps.size());
    view_.limit = rollout->boolean("/status/promoteFull") ? 100 : step_limit();
    view_.arms_limit = 0;
    const auto at = static_cast<std::size_t>(view_.step);
    if (at < plan_.plan.steps.size()) {
        if (const auto* trial = std::get_if<Trial>(&plan_.plan.steps[at])) {
            for (const TrialShare& share : trial->shares) view_.arms_limit += share.weight;
        }
    }
    view_.is_aborted = rollout->boolean("/status/abort");
    view_.hooks_done.clear();
    const json::Array* hooks = json::array(rollout->find("/status/canary/stepPluginStatuses"));
    for (const json::Value& hook : hooks ? *hooks : json::Array()) {
        if (json::text(json::find(hook, "/operation")) != "Run") continue;
        if (json::text(json::find(hook, "/phase")) != "Successful") continue;
        view_.hooks_done.insert(
            static_cast<int>(json::integer(json::find(hook, "/index")).value_or(-1)));
    }
    view_.is_held = rollout->boolean("/spec/paused");
    view_.is_resting = view_.is_held;
    const bool has_swapped = rollout->text("/status/canary/stablePingPong") == "ping";
    if (has_swapped != std::exchange(view_.has_swapped, has_swapped)) {
        read_route();
        read_wish();
        read_services();
    }
    const json::Array* holds = json::array(rollout->find("/status/pauseConditions"));
    if (holds && !holds->empty()) {
        view_.is_resting =
            view_.is_resting || std::ranges::any_of(*holds, [](const auto& hold) {
                return json::text(json::find(hold, "/reason")) == "InconclusiveAnalysisRun";
            });
        const bool is_step = std::ranges::all_of(*holds, [&](const json::Value& hold) {
            const auto reason = json::text(json::find(hold, "/reason"));
            const bool is_timed = plan_.plan.flip && plan_.plan.flip->is_automatic;
            return reason == "CanaryPauseStep" || (reason == "BlueGreenPause" && is_timed);
        });
        const auto index = static_cast<std::size_t>(view_.step);
        const Pause* pause = index < plan_.plan.steps.size()
                                 ? std::get_if<Pause>(&plan_.plan.steps[index])
                                 : nullptr;
        view_.is_held = view_.is_held || !is_step || (pause && !pause->duration);
    }
}

void Referee::read_deployment() {
    if (stage_.scenario.workload != Workload::deployment) return read_source();
    const auto deployment = stage_.store.get(stage_.release_key());
    view_.exists = deployment.has_value();
    if (!deployment) return;
    const deployment::Lowered lowered = deployment::lower(*deployment);
    plan_.plan = lowered.plan;
    plan_.replicas = lowered.replicas;
    view_.replicas = lowered.replicas;
    view_.candidate = deployment->text("/status/serin/candidate");
    view_.stable = deployment->text("/status/serin/stable");
    view_.waiting_for = deployment->text("/status/serin/waitingFor");
    view_.is_held = lowered.plan.is_held;
    const auto counted = [&](std::string_view name) {
        return deployment->integer("/status/" + std::string(name)) == lowered.replicas;
    };
    const bool is_complete =
        deployment->integer("/status/observedGeneration") == deployment->generation() &&
        counted("replicas") && counted("updatedReplicas") && counted("availableReplicas");
    view_.phase = view_.is_held ? "Paused" : is_complete ? "Healthy" : "Progressing";
}

void Referee::read_source() {
    const auto source = stage_.store.get(stage_.template_key());
    if (source) view_.source = static_cast<int>(source->integer("/spec/replicas"));
}

// What the nearest weight up to the current step allows.
int Referee::step_limit() const {
    const auto& steps = plan_.plan.steps;
    if (view_.step >= static_cast<int>(steps.size())) return 100;
    for (int i = view_.step; i >= 0; --i) {
        if (const auto* expose = std::get_if<Expose>(&steps[static_cast<std::size_t>(i)])) {
            return expose->weight;
        }
    }
    return 0;
}

std::optional<int> Referee::least_provisioned() const {
    std::optional<int> least;
    for (const Step& step : plan_.plan.steps) {
        const auto* provision = std::get_if<Provision>(&step);
        if (provision && provision->replicas) {
            least = std::min(least.value_or(*provision->replicas), *provision->replicas);
        }
    }
    return least;
}

void Referee::read_route() {
    const auto route = stage_.store.get(stage_.key(types::http_route(), route_name));
    if (!route) return;
    view_.weight = weight_of(*route, view_.has_swapped ? stable_service : candidate_service);
    view_.side_routes.clear();
    if (route->generation() != route_generation_) {
        routes_replaced_.emplace(route_generation_, stage_.loop.now());
        route_generation_ = route->generation();
    }
    const json::Array* rules = json::array(route->find("/spec/rules"));
    for (std::size_t i = 1; rules && i < rules->size(); ++i) {
        view_.side_routes.emplace_back(json::text(json::find((*rules)[i], "/name")).value_or(""));
    }
    view_.arms_weight = arms_weight_of(*route);
    if (stage_.scenario.has_router_plugin) return;
    view_.asked = view_.weight;
    view_.arms_asked = view_.arms_weight;
    view_.side_asked = view_.side_routes;
}

void Referee::read_wish() {
    if (!stage_.scenario.has_router_plugin) return;
    const auto wish = stage_.store.get(exposure_key(ns, rollout_name));
    if (!wish) return;
    const std::string_view name = view_.has_swapped ? stable_service : candidate_service;
    int total = 0;
    int candidate = 0;
    int arms = 0;
    const PluginExposure wanted = read_exposure(*wish);
    for (const auto& [service, weight] : wanted.weights) {
        total += weight;
        if (service == name) candidate = weight;
        if (service != stable_service && service != candidate_service) arms += weight;
    }
    view_.asked = total == 0 ? 0 : candidate * 100 / total;
    view_.arms_asked = total == 0 ? 0 : arms * 100 / total;
    view_.side_asked.clear();
    for (const json::Value& route : wanted.routes) {
        view_.side_asked.emplace_back(json::text(json::find(route, "/name")).value_or(""));
    }
}

void Referee::read_services() {
    const auto selected = [&](std::string_view name) {
        const auto service = stage_.store.get(stage_.key(types::service(), name));
        return service ? std::string(service->text(hash_pointer)) : std::string();
    };
    view_.stable_selected = selected(view_.has_swapped ? candidate_service : stable_service);
    view_.candidate_selected = selected(view_.has_swapped ? stable_service : candidate_service);
}

void Referee::read_sets() {
    ListQuery query;
    query.type = &types::replica_set();
    const auto sets = stage_.store.list(query);
    if (!sets) return;
    view_.revisions.clear();
    for (const Object& set : sets->items) {
        const auto hash = set.label(stage_.revision_label());
        if (!hash) continue;  // Of the workload taken over from.
        Revision& revision = view_.revisions[std::string(*hash)];
        revision.group = set.name();
        revision.is_arm = set.annotation("experiment.argoproj.io/name").has_value();
        revision.desired = static_cast<int>(set.integer("/spec/replicas"));
        revision.ready_told = static_cast<int>(set.integer("/status/readyReplicas"));
        revision.available_told = static_cast<int>(set.integer("/status/availableReplicas"));
        revision.image = image_of(set);
    }
}

void Referee::read_truth() {
    for (auto& [hash, revision] : view_.revisions) {
        revision.pods = kubelet_.pods_of(revision.group);
        revision.share = plane_.in_force() ? plane_.in_force()->share_of(hash) : 0;
        revision.has_side = plane_.in_force() && plane_.in_force()->has_side_of(hash);
        if (revision.has_side) with_side_.insert(hash);
        revision.had_side = with_side_.contains(hash);
    }
    view_.source_able = 0;
    if (stage_.scenario.workload == Workload::takeover) {
        view_.source_able = kubelet_.pods_with(std::string(source_name) + "-").able;
    }
    const Instant now = stage_.loop.now();
    if (sizes_.empty() || sizes_.back().second != view_.replicas) {
        sizes_.emplace_back(now, view_.replicas);
    }
    // The size before one that has lasted long enough no longer counts.
    while (sizes_.size() > 1 && sizes_[1].first + sizes_kept < now) sizes_.pop_front();
    note_size_served();
    note_size_held();
    const int mishaps = plane_.mishaps() + people_.routes_written();
    if (std::exchange(mishaps_, mishaps) != mishaps) excused_until_ = now + excuse;
}

void Referee::read_run(const ObjectKey& key) {
    const auto run = stage_.store.get(key);
    if (run) read_budget(*run);
    if (!run || run->text("/status/phase") != "Successful") return;
    if (run->boolean("/spec/terminate")) return;  // Told to end: it advances nothing.
    if (breaks(Check::values_of_run, source_.values_given(key.name) == 0)) {
        accuse(Check::values_of_run, "run " + key.name + " succeeded without a single value");
    }
    const std::string hash(run->label(hash_label).value_or(""));
    judged_.insert(hash + "/" + std::string(run->label("step-index").value_or("")));
    judged_.insert(hash + "/" + std::string(run->label("rollout-type").value_or("")));
}

// A decision that the engine's own invariants refuse is a defect of the engine.
void Referee::read_event(const ObjectKey& key) {
    const auto event = stage_.store.get(key);
    if (!event || event->text("/reason") != "ReconciliationError") return;
    const std::string_view message = event->text("/message");
    if (message.starts_with("refused a decision")) accuse("refused", std::string(message));
}

void Referee::compare(const View& before) {
    if (!view_.exists || !before.exists) {
        // A Rollout that is deleted takes its replicas along, and nobody serves: routing that still
        // names them is no defect of the one that follows, until it has brought it in order.
        if (before.exists) {
            excused_until_ = stage_.loop.now() + excuse;
            generation_ = 0;
        }
        judged_.clear();
        return;
    }
    const bool is_candidate = !before.candidate.empty() && view_.candidate != view_.stable;
    if (view_.candidate != before.candidate && is_candidate) ++releases_;
    check_steps(before);
    check_source(before);
    if (stage_.scenario.recreates) return check_alone(before);
    check_last_copy(before);
    if (stage_.scenario.flip) check_flip(before);
    if (!stage_.scenario.has_router) return check_together(before);
    check_route(before);
    check_side_routes(before);
    check_capacity(before);
    check_scaling(before);
    check_retired(before);
}

bool Referee::is_excused() const {
    return stage_.loop.now() < excused_until_;
}

int Referee::replicas_min() const {
    return std::ranges::min(sizes_, {}, &std::pair<Instant, int>::second).second;
}

int Referee::unavailable_max(int replicas) const {
    const auto count = [&](const Amount& amount, bool rounds_up) {
        if (!amount.is_percent) return amount.value;
        return (replicas * amount.value + (rounds_up ? 99 : 0)) / 100;
    };
    const int unavailable = count(plan_.plan.unavailable, false);
    return unavailable == 0 && count(plan_.plan.surge, true) == 0 ? 1 : unavailable;
}

// How many replicas carry the revision's share.
int Referee::needed(const std::string& hash, const Revision& revision) const {
    if (revision.is_arm) return 1;  // Its author says how many it takes.
    int replicas = replicas_min();
    if (hash == view_.stable) {
        if (!stage_.scenario.scales_stable) replicas = std::min(replicas, size_served_);
        const auto carrying = static_cast<int>(revision.share * replicas / 1000);
        return std::max(1, carrying - unavailable_max(replicas));
    }
    auto carrying = static_cast<int>((revision.share * replicas + 999) / 1000);
    if (const auto provisioned = least_provisioned()) {
        // A person says that so many carry all that a step gives them, also when that comes late.
        const std::int64_t all = std::min(revision.desired, *provisioned);
        carrying = std::min(carrying, static_cast<int>((revision.share * all + 999) / 1000));
    }
    if (plan_.plan.enough) {
        // A person says that fewer suffice.
        const int percent = plan_.plan.enough->value;
        carrying = std::min(carrying, (carrying * percent + 99) / 100);
    }
    return std::max(1, carrying);
}

void Referee::check_capacity(const View& before) {
    if (is_excused() || replicas_min() == 0) return;
    for (const auto& [hash, revision] : view_.revisions) {
        const auto former = before.revisions.find(hash);
        if (revision.share == 0 || former == before.revisions.end()) continue;
        const Revision& was = former->second;
        if (revision.share <= was.share && revision.pods.able >= was.pods.able) continue;
        const int wanted = needed(hash, revision);
        if (!breaks(Check::capacity_of_share, revision.pods.able < wanted)) continue;
        accuse(
            Check::capacity_of_share,
            fmt::format(
                "revision {} gets {} of 1000 requests (before: {}) with {} replicas (before: {}) "
                "where {} carry it",
                hash,
                revision.share,
                was.share,
                revision.pods.able,
                was.pods.able,
                wanted));
    }
}

int Referee::able_elsewhere(const std::string& hash) const {
    int able = 0;
    for (const auto& [other, revision] : view_.revisions) {
        if (other != hash && !revision.is_arm) able += revision.pods.able;
    }
    return able;
}

void Referee::check_last_copy(const View& before) {
    if (view_.replicas == 0) return;
    for (const auto& [hash, was] : before.revisions) {
        const auto now = view_.revisions.find(hash);
        const int desired = now == view_.revisions.end() ? 0 : now->second.desired;
        if (was.desired == 0 || desired > 0 || was.pods.able == 0) continue;
        // An experiment begun while nothing was wanted ends with the update that it was for.
        if (was.is_arm) continue;
        // Nor is it a copy to keep that no request reaches and of which nobody knows a replica
        // that was ready for long enough to count: what comes up beside it is no later than it
        // would be.
        const bool is_idle = stage_.scenario.has_router && was.share == 0 && !was.has_side &&
                             was.available_told == 0;
        if (is_idle) continue;
        if (breaks(Check::last_copy, able_elsewhere(hash) == 0)) {
            accuse(Check::last_copy, "revision " + hash + " is gone");
        }
    }
    const auto able = [&](const std::string& hash) {
        const auto found = view_.revisions.find(hash);
        return found == view_.revisions.end() ? 0 : found->second.pods.able;
    };
    if (view_.stable_selected == before.stable_selected || able(before.stable_selected) == 0) {
        return;
    }
    if (breaks(Check::last_copy_of_service, able(view_.stable_selected) == 0)) {
        accuse(Check::last_copy_of_service, "the stable service leaves healthy replicas for none");
    }
}

void Referee::check_retired(const View& before) {
    if (is_excused() || view_.replicas == 0) return;
    for (const auto& [hash, was] : before.revisions) {
        const auto now = view_.revisions.find(hash);
        const int desired = now == view_.revisions.end() ? 0 : now->second.desired;
        if (was.desired == 0 || desired > 0 || was.pods.able == 0) continue;
        const std::int64_t share = plane_.in_force() ? plane_.in_force()->share_of(hash) : 0;
        if (was.has_side || was.had_side) {
            const bool has_side = plane_.in_force() && plane_.in_force()->has_side_of(hash);
            if (breaks(Check::side_route_of_retired, has_side)) {
                accuse(
                    Check::side_route_of_retired,
                    "revision " + hash + " ends while requests by header reach it");
            }
        }
        if (!breaks(Check::share_of_retired, share > 0)) continue;
        accuse(
            Check::share_of_retired,
            fmt::format("revision {} ends while {} of 1000 requests reach it", hash, share));
    }
}

// Without a router all revisions together carry the traffic. The arms of an experiment may serve
// too, but only for as long as it takes: they are neither counted on nor missed.
void Referee::check_together(const View& before) {
    const auto total = [](const View& view, int Kubelet::Pods::* count) {
        int sum = 0;
        for (const auto& [hash, revision] : view.revisions) {
            if (!revision.is_arm) sum += revision.pods.*count;
        }
        return sum;
    };
    const int able = total(view_, &Kubelet::Pods::able);
    const int needed = replicas_min() - unavailable_max(replicas_min());
    const bool has_fallen =
        able < total(before, &Kubelet::Pods::able) &&
        total(view_, &Kubelet::Pods::ready) < total(before, &Kubelet::Pods::ready);
    if (!has_fallen || !breaks(Check::capacity_of_all, able < needed)) return;
    accuse(
        Check::capacity_of_all,
        fmt::format("{} replicas are left where {} are needed", able, needed));
}

// The workload taken over from goes no faster than the release's replicas come.
void Referee::check_source(const View& before) {
    if (view_.source >= before.source || before.source_able == 0) return;
    int able = 0;
    for (const auto& [hash, revision] : view_.revisions) able += revision.pods.able;
    const int left = able + std::min(view_.source, before.source_able);
    const int needed = replicas_min() - unavailable_max(replicas_min());
    const bool is_short = left < needed && left < able + before.source_able;
    if (!breaks(Check::last_copy_of_source, is_short)) return;
    accuse(
        Check::last_copy_of_source,
        fmt::format(
            "the workload taken over from goes to {} replicas while the release has {} of {}",
            view_.source,
            able,
            needed));
}

// Recreated, two versions never run together.
void Referee::check_alone(const View& before) {
    const auto running = [](const View& view) {
        return std::ranges::count_if(
            view.revisions, [](const auto& one) { return one.second.pods.desired > 0; });
    };
    if (running(view_) <= running(before)) return;
    if (breaks(Check::alone, running(view_) > 1)) {
        accuse(Check::alone, "two versions run at once where the old one is to end first");
    }
}

void Referee::check_steps(const View& before) {
    if (view_.candidate != before.candidate || view_.step != before.step + 1) return;
    const auto passed = static_cast<std::size_t>(before.step);
    if (passed >= plan_.plan.steps.size() || people_.has_pushed()) return;
    if (view_.candidate == view_.stable || stage_.scenario.rollback_window) return;
    if (std::holds_alternative<Hook>(plan_.plan.steps[passed]) &&
        breaks(Check::answer_of_hook, !view_.hooks_done.contains(before.step))) {
        accuse(
            Check::answer_of_hook,
            fmt::format("step {} is passed before its plugin is done", passed));
    }
    if (!std::holds_alternative<Judge>(plan_.plan.steps[passed])) return;
    const bool is_judged = judged_.contains(view_.candidate + "/" + std::to_string(passed));
    if (breaks(Check::verdict_of_step, !is_judged)) {
        accuse(Check::verdict_of_step, fmt::format("step {} is passed without a verdict", passed));
    }
}

}  // namespace serin::sim
