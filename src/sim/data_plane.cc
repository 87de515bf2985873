#include "sim/data_plane.h"

#include <algorithm>
#include <utility>

namespace serin::sim {

namespace {

using std::chrono::seconds;

constexpr Duration apply_usual{150};
constexpr Duration report_usual{100};
constexpr Duration look_again = seconds(1);

// The weights of the first rule; Gateway API counts a missing one as 1.
std::int64_t weight_in(const Object& route, std::string_view service) {
    const json::Array* refs = json::array(route.find("/spec/rules/0/backendRefs"));
    if (!refs) return 0;
    for (const json::Value& ref : *refs) {
        if (json::text(json::find(ref, "/name")) != service) continue;
        return json::integer(json::find(ref, "/weight")).value_or(1);
    }
    return 0;
}

// What InForce tells of one rule.
json::Object weights_of(const json::Value& rule) {
    json::Object weights;
    const json::Array* refs = json::array(json::find(rule, "/backendRefs"));
    if (!refs) return weights;
    for (const json::Value& ref : *refs) {
        const auto name = json::text(json::find(ref, "/name")).value_or("");
        weights[name] = json::integer(json::find(ref, "/weight")).value_or(1);
    }
    return weights;
}

void read_side_routes(const Object& route, DataPlane::Routing& into) {
    const json::Array* rules = json::array(route.find("/spec/rules"));
    for (std::size_t i = 1; rules && i < rules->size(); ++i) {
        const auto name = json::text(json::find((*rules)[i], "/name")).value_or("");
        if (name == header_route) {
            into.header_service =
                json::text(json::find((*rules)[i], "/backendRefs/0/name")).value_or("");
        }
        into.has_mirror_route = into.has_mirror_route || name == mirror_route;
        into.weights_of_others.emplace_back(weights_of((*rules)[i]));
    }
}

CallAgain earlier(CallAgain left, CallAgain right) {
    if (!left || !right) return left ? left : right;
    return std::min(*left, *right);
}

}  // namespace

std::int64_t DataPlane::Routing::share_of(const std::string& revision) const {
    std::int64_t total = stable_weight + candidate_weight;
    std::int64_t weight = 0;
    for (const Arm& arm : arms) {
        total += arm.weight;
        if (arm.revision == revision) weight += arm.weight;
    }
    if (total == 0) return 0;
    if (stable == revision) weight += stable_weight;
    if (candidate == revision) weight += candidate_weight;
    return weight * 1000 / total;
}

std::vector<Trigger> DataPlane::triggers() const {
    const auto route = [this](const Object&) {
        return std::vector{stage_.key(types::http_route(), route_name)};
    };
    return {
        on_change_of(types::http_route()),
        {&types::service(), route},
        {&types::replica_set(), route},
    };
}

Result<CallAgain> DataPlane::reconcile(const ObjectKey& key) {
    const auto route = stage_.store.get(key);
    if (!route) return std::nullopt;
    CallAgain again;
    if (stage_.current(What::plane_down)) {
        stage_.reach(What::plane_down);
        again = look_again;
    } else {
        SERIN_TRY(const Routing wanted, read(*route));
        again = apply(wanted);
    }
    SERIN_TRY(const CallAgain reported, report(*route));
    again = earlier(again, reported);
    if (!in_force_) return again;
    const auto& flip = stage_.scenario.flip;
    if (flip && !flip->is_told) return again;
    SERIN_TRY(
        const CallAgain told,
        report_service(
            stable_service, in_force_->stable, in_force_->stable_generation, stable_report_at_));
    if (flip) return earlier(again, told);
    SERIN_TRY(
        const CallAgain also_told,
        report_service(
            candidate_service,
            in_force_->candidate,
            in_force_->candidate_generation,
            candidate_report_at_));
    return earlier(again, earlier(told, also_told));
}

std::vector<DataPlane::Routing::Arm> DataPlane::read_arms(const Object& route) const {
    std::vector<Routing::Arm> arms;
    const json::Array* refs = json::array(route.find("/spec/rules/0/backendRefs"));
    if (!refs) return arms;
    for (const json::Value& ref : *refs) {
        const std::string name(json::text(json::find(ref, "/name")).value_or(""));
        if (name == stable_service || name == candidate_service) continue;
        const auto service = stage_.store.get(stage_.key(types::service(), name));
        arms.push_back(
            {.service = name,
             .revision = service ? std::string(service->text(hash_pointer)) : std::string(),
             .weight = json::integer(json::find(ref, "/weight")).value_or(1)});
    }
    return arms;
}

Result<DataPlane::Routing> DataPlane::read(const Object& route) const {
    Routing routing{
        .stable_weight = weight_in(route, stable_service),
        .candidate_weight = weight_in(route, candidate_service),
        .generation = route.generation(),
    };
    read_side_routes(route, routing);
    SERIN_TRY(const Object stable, stage_.store.get(stage_.key(types::service(), stable_service)));
    SERIN_TRY(
        const Object candidate, stage_.store.get(stage_.key(types::service(), candidate_service)));
    routing.arms = read_arms(route);
    routing.stable = stable.text(hash_pointer);
    routing.stable_generation = stable.generation();
    if (!stage_.scenario.flip) {
        routing.candidate = candidate.text(hash_pointer);
        routing.candidate_generation = candidate.generation();
    }
    return routing;
}

// What is on its way arrives before anything newer sets out.
CallAgain DataPlane::apply(const Routing& wanted) {
    const Instant now = stage_.loop.now();
    if (coming_ && now >= coming_at_) {
        former_ = std::exchange(in_force_, std::exchange(coming_, std::nullopt));
    }
    if (!coming_ && wanted != in_force_) {
        const Happening* slow = stage_.current(What::route_slow);
        if (slow) stage_.reach(What::route_slow);
        coming_ = wanted;
        coming_at_ =
            now + random_.duration(Duration(1), slow ? seconds(slow->number) : apply_usual);
    }
    if (!coming_) return std::nullopt;
    return coming_at_ - now;
}

// How long a route may have taken to come into force until now.
Duration DataPlane::slowest() const {
    const Duration now = stage_.loop.now() - stage_.start;
    Duration slow = apply_usual;
    for (const Happening& one : stage_.scenario.happenings) {
        if (one.what == What::route_slow && one.at <= now) {
            slow = std::max<Duration>(slow, seconds(one.number));
        }
    }
    return slow;
}

// While the data plane is down a route gets nowhere.
Duration DataPlane::down_since(Instant instant) const {
    const Duration since = instant - stage_.start;
    const Duration now = stage_.loop.now() - stage_.start;
    Duration down{0};
    for (const Happening& one : stage_.scenario.happenings) {
        const Duration end = one.at + one.lasting;
        if (one.what == What::plane_down && one.at <= now && end >= since) {
            down += end - std::max(one.at, since) + look_again;
        }
    }
    return down;
}

// A route sets out before it is replaced, and then takes its time.
Duration DataPlane::lag_max(Instant replaced) const {
    return slowest() + down_since(replaced);
}

Duration DataPlane::turn_max(Instant written) const {
    return 2 * slowest() + down_since(written);
}

bool DataPlane::has_pods(const std::string& revision) const {
    return kubelet_.pods_of(std::string(rollout_name) + "-" + revision).ready > 0;
}

json::Object DataPlane::condition_of(const Object& route) const {
    const json::Value* former = route.find("/status/parents/0/conditions/0/message");
    if (stage_.current(What::plane_down)) {
        return {
            {"type", "serin.dev/InForce"},
            {"status", "False"},
            {"reason", "DataPlaneDown"},
            {"observedGeneration", in_force_->generation},
            {"message", former ? *former : json::Value("[]")}};
    }
    std::int64_t stable = in_force_->stable_weight;
    std::int64_t candidate = in_force_->candidate_weight;
    const bool has_stable = has_pods(in_force_->stable);
    const bool has_candidate = has_pods(in_force_->candidate);
    const bool is_short = (stable > 0 && !has_stable) || (candidate > 0 && !has_candidate);
    if (candidate > 0 && !has_candidate && has_stable) {
        stable += std::exchange(candidate, 0);
    } else if (stable > 0 && !has_stable && has_candidate && candidate > 0) {
        candidate += std::exchange(stable, 0);
    }
    json::Object split{{stable_service, stable}, {candidate_service, candidate}};
    for (const Routing::Arm& arm : in_force_->arms) split[arm.service] = arm.weight;
    json::Array weights{std::move(split)};
    for (const json::Value& other : in_force_->weights_of_others) weights.push_back(other);
    return {
        {"type", "serin.dev/InForce"},
        {"status", "True"},
        {"reason", is_short ? "NoEndpoints" : "InForce"},
        {"observedGeneration", in_force_->generation},
        {"message", json::string(json::print(weights))}};
}

Result<CallAgain> DataPlane::report(const Object& route) {
    if (!in_force_) return std::nullopt;
    json::Object condition = condition_of(route);
    const json::Object* present = json::object(route.find("/status/parents/0/conditions/0"));
    if (present && json::same(*present, condition)) {
        report_at_.reset();
        return std::nullopt;
    }
    const Instant now = stage_.loop.now();
    if (!report_at_) report_at_ = now + random_.duration(Duration(1), report_usual);
    if (now < *report_at_) return *report_at_ - now;
    report_at_.reset();
    const Quiet quiet(stage_);
    Object changed = route;
    changed.put(
        "/status/parents",
        json::Array{json::Object{
            {"controllerName", "serin.dev/gateway"},
            {"parentRef", json::Object{{"name", "web"}}},
            {"conditions", json::Array{std::move(condition)}}}});
    SERIN_TRY_DO(stage_.store.update(std::move(changed), Part::status));
    return std::nullopt;
}

// Which revisions a service leads to that selects `selected`; where that is empty, to all.
json::Object DataPlane::service_condition(
    const std::string& selected, std::int64_t generation) const {
    json::Array revisions;
    ListQuery query;
    query.type = &types::replica_set();
    if (const auto sets = stage_.store.list(query)) {
        for (const Object& set : sets->items) {
            const std::string hash(set.label(hash_label).value_or(""));
            const bool is_selected = selected.empty() || selected == hash;
            if (is_selected && has_pods(hash)) revisions.push_back(json::string(hash));
        }
    }
    const bool is_down = stage_.current(What::plane_down) != nullptr;
    return {
        {"type", "serin.dev/InForce"},
        {"status", is_down ? "False" : "True"},
        {"reason",
         is_down             ? "DataPlaneDown"
         : revisions.empty() ? "NoEndpoints"
                             : "InForce"},
        {"observedGeneration", generation},
        {"message", json::string(json::print(revisions))}};
}

Result<CallAgain> DataPlane::report_service(
    std::string_view name,
    const std::string& selected,
    std::int64_t generation,
    std::optional<Instant>& report_at) {
    SERIN_TRY(Object service, stage_.store.get(stage_.key(types::service(), name)));
    json::Object condition = service_condition(selected, generation);
    const json::Object* present = json::object(service.find("/status/conditions/0"));
    if (present && json::same(*present, condition)) {
        report_at.reset();
        return std::nullopt;
    }
    const Instant now = stage_.loop.now();
    if (!report_at) report_at = now + random_.duration(Duration(1), report_usual);
    if (now < *report_at) return *report_at - now;
    report_at.reset();
    const Quiet quiet(stage_);
    service.put("/status/conditions", json::Array{std::move(condition)});
    SERIN_TRY_DO(stage_.store.update(std::move(service), Part::status));
    return std::nullopt;
}

void DataPlane::restart() {
    if (!former_) return;
    stage_.reach(What::plane_restarts);
    ++mishaps_;
    coming_.reset();
    in_force_ = former_;
    request_(stage_.key(types::http_route(), route_name));
}

}  // namespace serin::sim
