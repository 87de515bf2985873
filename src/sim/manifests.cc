#include "sim/manifests.h"

#include <fmt/format.h>

#include <utility>

namespace serin::sim {

namespace {

std::int64_t whole_seconds(Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

json::Object make_analysis() {
    return {{"templates", json::Array{json::Object{{"templateName", template_name}}}}};
}

// One arm with a part of the traffic, if any, and one beside it; half of them are judged.
json::Object make_trial(int weight) {
    json::Object exposed{{"name", "exposed"}, {"specRef", "canary"}};
    if (weight > 0) exposed["weight"] = weight;
    json::Object trial{
        {"duration", "40s"},
        {"scaleDownDelaySeconds", weight % 3},
        {"templates",
         json::Array{
             std::move(exposed),
             json::Object{{"name", "baseline"}, {"specRef", "stable"}, {"replicas", 2}}}}};
    if (weight % 2 == 0) {
        trial["analyses"] = json::Array{json::Object{
            {"name", "judge"}, {"templateName", template_name}, {"requiredForCompletion", true}}};
    }
    return trial;
}

json::Object make_step(const StepShape& step) {
    switch (step.kind) {
        case StepShape::Kind::weight:
            return {{"setWeight", step.number}};
        case StepShape::Kind::pause:
            return {{"pause", json::Object{{"duration", fmt::format("{}s", step.number)}}}};
        case StepShape::Kind::gate:
            return {{"pause", json::Object()}};
        case StepShape::Kind::provision:
            return {{"setCanaryScale", json::Object{{"replicas", step.number}}}};
        case StepShape::Kind::hook:
            return {{"plugin", json::Object{{"name", "acme/smoke"}}}};
        case StepShape::Kind::judge:
            return {{"analysis", make_analysis()}};
        case StepShape::Kind::header: {
            const std::string group = std::to_string(step.number);
            return {
                {"setHeaderRoute",
                 json::Object{
                     {"name", header_route},
                     {"match",
                      json::Array{json::Object{
                          {"headerName", "x-group"},
                          {"headerValue", json::Object{{"exact", json::string(group)}}}}}}}}};
        }
        case StepShape::Kind::mirror:
            return {
                {"setMirrorRoute",
                 json::Object{
                     {"name", mirror_route},
                     {"match",
                      json::Array{json::Object{{"method", json::Object{{"exact", "GET"}}}}}}}}};
        case StepShape::Kind::end_header:
            return {{"setHeaderRoute", json::Object{{"name", header_route}}}};
        case StepShape::Kind::trial:
            return {{"experiment", make_trial(step.number)}};
    }
    return {};
}

// The plugin that steps name; see Plugins.
Object make_plugin_config() {
    Object config(types::config_map(), "argo-rollouts", "argo-rollouts-config");
    config.put("/data/stepPlugins", "[{name: acme/smoke, location: 'file:///plugins/smoke'}]");
    config.put(
        "/data/trafficRouterPlugins", "[{name: acme/edge, location: 'file:///plugins/edge'}]");
    return config;
}

Object make_service(std::string_view name) {
    Object service(types::service(), ns, name);
    service.put("/spec/selector/app", "shop");
    return service;
}

Object make_template() {
    Object analysis(types::analysis_template(), ns, template_name);
    analysis.put(
        "/spec/metrics",
        json::Array{json::Object{
            {"name", "success"},
            {"interval", "10s"},
            {"count", 3},
            {"successCondition", "result[0] >= 0.95"},
            {"provider",
             json::Object{{"plugin", json::Object{{"serin/requests", json::Object()}}}}}}});
    return analysis;
}

Object make_guard(const GuardShape& guard) {
    json::Object budget;
    if (guard.requests > 0) budget["requests"] = guard.requests;
    if (guard.failed > 0) budget["failedRequests"] = guard.failed;
    const auto metric = [](std::string_view name, const char* provider, json::Object config) {
        return json::Object{
            {"name", name},
            {"provider", json::Object{{"plugin", json::Object{{provider, std::move(config)}}}}}};
    };
    json::Array metrics{metric(guard_name, "serin/budget", std::move(budget))};
    if (guard.has_judge) metrics.push_back(metric("judge", "serin/sequential", {}));
    Object analysis(types::analysis_template(), ns, guard_name);
    analysis.put("/spec/metrics", std::move(metrics));
    return analysis;
}

// What runs beside the steps.
json::Object make_background(const Scenario& scenario) {
    json::Array templates;
    if (scenario.background_from) {
        templates.push_back(json::Object{{"templateName", template_name}});
    }
    if (scenario.guard) templates.push_back(json::Object{{"templateName", guard_name}});
    json::Object analysis{{"templates", std::move(templates)}};
    if (scenario.background_from) analysis["startingStep"] = *scenario.background_from;
    return analysis;
}

json::Object make_canary(const Scenario& scenario) {
    json::Object canary{{"steps", make_steps(scenario.steps)}};
    if (scenario.background_from || scenario.guard) canary["analysis"] = make_background(scenario);
    if (scenario.enough_percent) {
        canary["replicaProgressThreshold"] =
            json::Object{{"type", "Percent"}, {"value", *scenario.enough_percent}};
    }
    if (scenario.has_metadata) {
        for (const char* role : {"stable", "canary"}) {
            canary[std::string(role) + "Metadata"] =
                json::Object{{"labels", json::Object{{"role", role}}}};
        }
    }
    if (!scenario.has_router) return canary;
    if (scenario.scales_stable) canary["dynamicStableScale"] = true;
    if (scenario.alternates) {
        canary["pingPong"] =
            json::Object{{"pingService", candidate_service}, {"pongService", stable_service}};
    } else {
        canary["stableService"] = stable_service;
        canary["canaryService"] = candidate_service;
    }
    canary["trafficRouting"] = json::Object{
        {"plugins",
         json::Object{
             {scenario.has_router_plugin ? "acme/edge" : "argoproj-labs/gatewayAPI",
              json::Object{{"httpRoute", route_name}}}}},
        {"managedRoutes",
         json::Array{json::Object{{"name", header_route}}, json::Object{{"name", mirror_route}}}}};
    if (scenario.retire_delay) {
        canary["scaleDownDelaySeconds"] = whole_seconds(*scenario.retire_delay);
    }
    if (scenario.abort_retire_delay) {
        canary["abortScaleDownDelaySeconds"] = whole_seconds(*scenario.abort_retire_delay);
    }
    if (scenario.replicas_min > 0) canary["minPodsPerReplicaSet"] = scenario.replicas_min;
    return canary;
}

}  // namespace

json::Object make_blue_green(const Scenario& scenario) {
    const FlipShape& flip = *scenario.flip;
    json::Object blue_green{
        {"activeService", stable_service},
        {"autoPromotionEnabled", flip.is_automatic},
        {"autoPromotionSeconds", whole_seconds(flip.wait)}};
    if (flip.has_preview) blue_green["previewService"] = candidate_service;
    if (flip.preview_replicas) blue_green["previewReplicaCount"] = *flip.preview_replicas;
    if (flip.retire_limit) blue_green["scaleDownDelayRevisionLimit"] = *flip.retire_limit;
    if (flip.has_judge_before) blue_green["prePromotionAnalysis"] = make_analysis();
    if (flip.has_judge_after) blue_green["postPromotionAnalysis"] = make_analysis();
    if (scenario.retire_delay) {
        blue_green["scaleDownDelaySeconds"] = whole_seconds(*scenario.retire_delay);
    }
    if (scenario.abort_retire_delay) {
        blue_green["abortScaleDownDelaySeconds"] = whole_seconds(*scenario.abort_retire_delay);
    }
    return blue_green;
}

namespace {

void put_template(Object& workload) {
    workload.put("/spec/selector/matchLabels/app", "shop");
    workload.put("/spec/template/metadata/labels/app", "shop");
    workload.put("/spec/template/spec/containers", make_containers(1));
}

Object make_deployment(const Scenario& scenario, std::string_view name) {
    Object deployment(types::deployment(), ns, name);
    deployment.put("/spec/replicas", scenario.replicas);
    deployment.put("/spec/progressDeadlineSeconds", whole_seconds(scenario.deadline));
    deployment.put("/spec/minReadySeconds", whole_seconds(scenario.ready_for));
    deployment.put("/spec/strategy/type", scenario.recreates ? "Recreate" : "RollingUpdate");
    put_template(deployment);
    return deployment;
}

Object make_rollout(const Scenario& scenario) {
    Object rollout(types::rollout(), ns, rollout_name);
    rollout.put("/spec/replicas", scenario.replicas);
    rollout.put("/spec/progressDeadlineSeconds", whole_seconds(scenario.deadline));
    rollout.put("/spec/progressDeadlineAbort", scenario.aborts_at_deadline);
    rollout.put("/spec/minReadySeconds", whole_seconds(scenario.ready_for));
    if (scenario.rollback_window) {
        rollout.put("/spec/rollbackWindow/revisions", *scenario.rollback_window);
    }
    if (scenario.workload == Workload::takeover) {
        rollout.put(
            "/spec/workloadRef",
            json::Object{
                {"apiVersion", "apps/v1"},
                {"kind", "Deployment"},
                {"name", source_name},
                {"scaleDown", scenario.takes_over_slowly ? "progressively" : "onsuccess"}});
    } else {
        put_template(rollout);
    }
    if (scenario.flip) {
        rollout.put("/spec/strategy/blueGreen", make_blue_green(scenario));
    } else {
        rollout.put("/spec/strategy/canary", make_canary(scenario));
    }
    return rollout;
}

}  // namespace

json::Array make_steps(const std::vector<StepShape>& steps) {
    json::Array made;
    for (const StepShape& step : steps) made.emplace_back(make_step(step));
    return made;
}

Object make_route(std::optional<int> weight) {
    json::Object stable{{"name", stable_service}, {"port", 80}};
    json::Object candidate{{"name", candidate_service}, {"port", 80}};
    if (weight) {
        stable["weight"] = 100 - *weight;
        candidate["weight"] = *weight;
    }
    Object route(types::http_route(), ns, route_name);
    route.put("/spec/parentRefs", json::Array{json::Object{{"name", "web"}}});
    route.put(
        "/spec/rules",
        json::Array{
            json::Object{{"backendRefs", json::Array{std::move(stable), std::move(candidate)}}}});
    return route;
}

Object make_flip_route() {
    Object route(types::http_route(), ns, route_name);
    route.put("/spec/parentRefs", json::Array{json::Object{{"name", "web"}}});
    route.put(
        "/spec/rules",
        json::Array{json::Object{
            {"backendRefs", json::Array{json::Object{{"name", stable_service}, {"port", 80}}}}}});
    return route;
}

json::Array make_containers(int image) {
    return {json::Object{
        {"name", "shop"},
        {"image", json::string(image_name(image))},
        {"ports", json::Array{json::Object{{"containerPort", 8080}}}}}};
}

std::vector<Object> make_manifests(const Scenario& scenario) {
    std::vector<Object> objects{make_template(), make_plugin_config()};
    if (scenario.guard) objects.push_back(make_guard(*scenario.guard));
    if (scenario.has_router) {
        objects.push_back(make_service(stable_service));
        objects.push_back(make_service(candidate_service));
        objects.push_back(scenario.flip ? make_flip_route() : make_route(0));
    }
    if (scenario.workload == Workload::takeover) {
        objects.push_back(make_deployment(scenario, source_name));
    }
    const bool is_deployment = scenario.workload == Workload::deployment;
    objects.push_back(
        is_deployment ? make_deployment(scenario, rollout_name) : make_rollout(scenario));
    return objects;
}

}  // namespace serin::sim
