#include "manifest/argo/lower.h"

#include "manifest/argo/fields.h"
#include "manifest/argo/hash.h"
#include "manifest/argo/lower_blue_green.h"
#include "manifest/argo/names.h"
#include "manifest/argo/routers.h"
#include "manifest/argo/side_route.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>
#include <utility>

namespace serin::argo {

namespace {

class Lowering : private Fields {
public:
    Lowering(const Object& rollout, Lowered& out)
        : Fields(out.diagnostics), rollout_(rollout), out_(out) {}

    void run() {
        const json::Object* spec = json::object(rollout_.find("/spec"));
        if (!spec) return error("spec", "missing");
        allow(
            *spec,
            "spec",
            {"replicas",
             "selector",
             "template",
             "workloadRef",
             "minReadySeconds",
             "revisionHistoryLimit",
             "progressDeadlineSeconds",
             "progressDeadlineAbort",
             "paused",
             "restartAt",
             "rollbackWindow",
             "analysis",
             "strategy"});
        read_spec(*spec);
        read_strategy(*spec);
    }

private:
    void read_spec(const json::Object& spec) {
        using std::chrono::seconds;
        Plan& plan = out_.plan;
        out_.replicas = integer(spec, "replicas", "spec", 1);
        plan.ready_for = seconds(integer(spec, "minReadySeconds", "spec", 0));
        plan.revisions_kept = integer(spec, "revisionHistoryLimit", "spec", 10);
        plan.progress_deadline = seconds(integer(spec, "progressDeadlineSeconds", "spec", 600));
        plan.aborts_at_deadline =
            json::boolean(spec.if_contains("progressDeadlineAbort")).value_or(false);
        plan.is_held = json::boolean(spec.if_contains("paused")).value_or(false);
        if (const auto at = json::text(spec.if_contains("restartAt"))) {
            if (const auto time = parse_time(*at)) {
                plan.restart_at = std::chrono::floor<seconds>(*time);
            } else {
                error("spec.restartAt", time.error().message);
            }
        }
        if (const json::Object* workload = object_at(spec, "workloadRef")) {
            const std::string handover = text(*workload, "scaleDown");
            if (handover == "onsuccess") plan.handover = Handover::when_healthy;
            if (handover == "progressively") plan.handover = Handover::progressively;
        }
        if (const json::Object* window = object_at(spec, "rollbackWindow")) {
            plan.rollback_window = optional_integer(*window, "revisions", "spec.rollbackWindow");
        }
        if (const json::Object* analysis = object_at(spec, "analysis")) {
            plan.succeeded_runs_kept =
                integer(*analysis, "successfulRunHistoryLimit", "spec.analysis", 5);
            plan.failed_runs_kept =
                integer(*analysis, "unsuccessfulRunHistoryLimit", "spec.analysis", 5);
        }
    }

    void read_strategy(const json::Object& spec) {
        const json::Object* strategy = object_at(spec, "strategy");
        if (!strategy) return error("spec.strategy", "missing", "write canary: {steps: [...]}");
        if (const json::Value* value = strategy->if_contains("blueGreen")) {
            read_roles(value, "spec.strategy.blueGreen", "activeMetadata", "previewMetadata");
            const json::Object nothing;
            const json::Object* blue_green = json::object(value);
            return lower_blue_green(blue_green ? *blue_green : nothing, out_);
        }
        const json::Value* value = strategy->if_contains("canary");
        if (!value) return error("spec.strategy.canary", "missing");
        const json::Object nothing;
        const json::Object* canary = json::object(value);
        read_roles(value, "spec.strategy.canary", "stableMetadata", "canaryMetadata");
        read_canary(canary ? *canary : nothing);
    }

    // What the roles of revisions bring along, whatever the strategy.
    void read_roles(
        const json::Value* strategy,
        const std::string& path,
        const std::string& stable,
        const std::string& candidate) {
        const json::Object* object = json::object(strategy);
        if (!object) return;
        out_.stable_metadata = read_pod_metadata(object->if_contains(stable));
        out_.candidate_metadata = read_pod_metadata(object->if_contains(candidate));
        check_pod_metadata(out_.stable_metadata, rollout_, path + "." + stable, out_.diagnostics);
        check_pod_metadata(
            out_.candidate_metadata, rollout_, path + "." + candidate, out_.diagnostics);
        if (const json::Object* wish = object_at(*object, "antiAffinity")) {
            if (wish->size() != 1) {
                error(
                    path + ".antiAffinity",
                    "expected requiredDuringSchedulingIgnoredDuringExecution or "
                    "preferredDuringSchedulingIgnoredDuringExecution");
            }
            out_.anti_affinity = *wish;
        }
    }

    void read_canary(const json::Object& canary) {
        const std::string path = "spec.strategy.canary";
        allow(
            canary,
            path,
            {"canaryService",
             "stableService",
             "steps",
             "trafficRouting",
             "maxSurge",
             "maxUnavailable",
             "analysis",
             "scaleDownDelaySeconds",
             "scaleDownDelayRevisionLimit",
             "abortScaleDownDelaySeconds",
             "minPodsPerReplicaSet",
             "dynamicStableScale",
             "replicaProgressThreshold",
             "pingPong",
             "canaryMetadata",
             "stableMetadata",
             "antiAffinity"});
        Plan& plan = out_.plan;
        out_.stable_service = text(canary, "stableService");
        out_.candidate_service = text(canary, "canaryService");
        read_ping_pong(canary, path);
        plan.has_stable_service = !out_.stable_service.empty();
        plan.has_candidate_service = !out_.candidate_service.empty();
        if (plan.has_stable_service && out_.stable_service == out_.candidate_service) {
            error(path + ".canaryService", "must differ from stableService");
        }
        plan.surge = amount(canary, "maxSurge", path);
        plan.unavailable = amount(canary, "maxUnavailable", path);
        read_threshold(canary, path + ".replicaProgressThreshold");
        read_routing(canary, path);
        if (const json::Object* analysis = object_at(canary, "analysis")) {
            const json::Array* templates = json::array(analysis->if_contains("templates"));
            if (templates && !templates->empty()) {
                plan.judge_from = integer(*analysis, "startingStep", path + ".analysis", 0);
            }
        }
        read_steps(canary, path + ".steps");
        plan.steps_digest = steps_digest(canary.if_contains("steps"));
    }

    // Which of the two services is the stable one stands in the status.
    void read_ping_pong(const json::Object& canary, const std::string& path) {
        const json::Object* services = object_at(canary, "pingPong");
        if (!services) return;
        const std::string at = path + ".pingPong";
        const std::string ping = text(*services, "pingService");
        const std::string pong = text(*services, "pongService");
        if (ping.empty()) error(at + ".pingService", "missing");
        if (pong.empty()) error(at + ".pongService", "missing");
        if (!ping.empty() && ping == pong)
            error(at + ".pongService", "must differ from pingService");
        if (!object_at(canary, "trafficRouting")) error(at, "needs trafficRouting");
        const bool is_ping_stable = rollout_.text("/status/canary/stablePingPong") == "ping";
        out_.stable_service = is_ping_stable ? ping : pong;
        out_.candidate_service = is_ping_stable ? pong : ping;
    }

    void read_threshold(const json::Object& canary, const std::string& path) {
        const json::Object* threshold = object_at(canary, "replicaProgressThreshold");
        if (!threshold) return;
        const std::string type = text(*threshold, "type");
        if (type != "Percent" && type != "Pods") error(path + ".type", "expected Percent or Pods");
        const Amount enough{integer(*threshold, "value", path, 0), type == "Percent"};
        if (enough.is_percent && enough.value > 100) error(path + ".value", "must be at most 100");
        out_.plan.enough = enough;
    }

    void read_routing(const json::Object& canary, const std::string& path) {
        using std::chrono::seconds;
        const json::Object* routing = object_at(canary, "trafficRouting");
        if (!routing) {
            for (const char* name :
                 {"scaleDownDelaySeconds", "minPodsPerReplicaSet", "abortScaleDownDelaySeconds"}) {
                if (canary.if_contains(name)) {
                    error(path + "." + name, "needs trafficRouting");
                }
            }
            if (json::boolean(canary.if_contains("dynamicStableScale")).value_or(false)) {
                error(path + ".dynamicStableScale", "needs trafficRouting");
            }
            return;
        }
        const std::string at = path + ".trafficRouting";
        Routing policies;
        policies.replicas_min = integer(canary, "minPodsPerReplicaSet", path, 0);
        policies.retire_delay = seconds(integer(canary, "scaleDownDelaySeconds", path, 30));
        policies.retire_limit = optional_integer(canary, "scaleDownDelayRevisionLimit", path);
        if (const auto delay = optional_integer(canary, "abortScaleDownDelaySeconds", path)) {
            policies.abort_retire_delay = seconds(*delay);
        }
        policies.scales_stable =
            json::boolean(canary.if_contains("dynamicStableScale")).value_or(false);
        policies.alternates = object_at(canary, "pingPong") != nullptr;
        if (policies.scales_stable) {
            if (canary.if_contains("scaleDownDelaySeconds")) {
                error(path + ".scaleDownDelaySeconds", "cannot be used with dynamicStableScale");
            }
            // What has no weight any more has next to no replicas either.
            policies.retire_delay = seconds(0);
        }
        out_.plan.routing = policies;
        out_.plan.weight_max = integer(*routing, "maxTrafficWeight", at, 100, 1);
        read_router(*routing, at);
        if (out_.route && out_.route->has_sides) return;
        if (out_.stable_service.empty()) error(path + ".stableService", "trafficRouting needs it");
        if (out_.candidate_service.empty()) {
            error(path + ".canaryService", "trafficRouting needs it");
        }
    }

    void read_router(const json::Object& routing, const std::string& path) {
        out_.route = argo::read_router(routing, path, out_.diagnostics);
        if (!out_.route) return;
        out_.route->ns = rollout_.ns();
        out_.route->release = rollout_.name();
        out_.route->stable_service = out_.stable_service;
        out_.route->candidate_service = out_.candidate_service;
        if (out_.route->has_sides) {
            // Subsets lead to revisions as Services do.
            out_.plan.has_stable_service = true;
            out_.plan.has_candidate_service = true;
        }
        if (!out_.plan.routing->alternates) return;
        if (!abilities_of(router_key(*out_.route)).alternates) {
            error(
                "spec.strategy.canary.pingPong", "needs trafficRouting with alb, istio or plugins");
        }
        // Its action is named like a Service that does not alternate.
        if (out_.route->router == "alb" && text(out_.route->config, "rootService").empty()) {
            error(path + ".alb.rootService", "missing", "pingPong needs it");
        }
    }

    void read_steps(const json::Object& canary, const std::string& path) {
        const json::Value* value = canary.if_contains("steps");
        const json::Array* steps = json::array(value);
        if (!steps) {
            if (value && !value->is_null()) error(path, "expected a list");
            return;
        }
        for (std::size_t i = 0; i < steps->size(); ++i) {
            const std::string at = path + "[" + std::to_string(i) + "]";
            const json::Object* step = json::object(&(*steps)[i]);
            if (!step || step->size() != 1) {
                error(at, "a step has exactly one key");
                continue;
            }
            read_step(*step, at);
        }
    }

    void read_step(const json::Object& step, const std::string& path) {
        std::vector<Step>& steps = out_.plan.steps;
        const auto& member = *step.begin();
        const std::string_view kind(member.key().data(), member.key().size());
        const json::Object nothing;
        const json::Object* payload = json::object(&member.value());
        const json::Object& body = payload ? *payload : nothing;
        if (kind == "setWeight") {
            const int weight = integer(step, kind, path, 0);
            if (weight > out_.plan.weight_max) {
                error(
                    path + ".setWeight", "must be at most " + std::to_string(out_.plan.weight_max));
            }
            steps.emplace_back(Expose{weight});
        } else if (kind == "pause") {
            steps.emplace_back(Pause{duration(body, path + ".pause.duration")});
        } else if (kind == "setCanaryScale") {
            read_scale(body, path + ".setCanaryScale");
        } else if (kind == "analysis") {
            const json::Array* templates = json::array(body.if_contains("templates"));
            if (!templates || templates->empty()) {
                error(path + ".analysis.templates", "must not be empty");
            }
            steps.emplace_back(Judge{});
        } else if (kind == "plugin") {
            const std::string name = text(body, "name");
            if (name.empty()) error(path + ".plugin.name", "missing");
            steps.emplace_back(Hook{.name = name});
        } else if (kind == "setHeaderRoute" || kind == "setMirrorRoute") {
            read_side_route(body, kind == "setMirrorRoute", path + "." + std::string(kind));
        } else if (kind == "experiment") {
            read_experiment(body, path + ".experiment");
        } else {
            error(path + "." + std::string(kind), not_supported);
        }
    }

    // As the plugin has it: a single HTTPRoute does, one of a list when it says so.
    static bool takes_header_routes(const json::Object& config) {
        if (config.contains("httpRoute")) return true;
        const json::Array* routes = json::array(config.if_contains("httpRoutes"));
        return routes && std::ranges::any_of(*routes, [](const json::Value& route) {
                   return json::boolean(json::find(route, "/useHeaderRoutes")).value_or(false);
               });
    }

    void check_side_route(const RouteTarget& route, bool is_mirror, const std::string& path) {
        const RouterAbilities& can = abilities_of(router_key(route));
        if (is_mirror ? can.has_mirror_routes : can.has_header_routes) return;
        error(path, std::string(can.key) + " has no such routes", "istio and plugins have them");
    }

    void read_side_route(const json::Object& body, bool is_mirror, const std::string& path) {
        SetSideRoute step{
            .name = text(body, "name"), .step = static_cast<int>(out_.plan.steps.size())};
        std::vector<SideRouteShape> none;
        std::vector<SideRouteShape>& shapes = out_.route ? out_.route->side_routes : none;
        if (!out_.route) {
            error(path, "needs trafficRouting");
        } else if (
            std::ranges::find(out_.route->managed_routes, step.name) ==
            out_.route->managed_routes.end()) {
            error(
                path + ".name",
                "\"" + step.name + "\" is not in trafficRouting.managedRoutes",
                "add {name: " + step.name + "} there");
        }
        if (out_.route) check_side_route(*out_.route, is_mirror, path);
        const bool is_gateway_api =
            out_.route && router_key(*out_.route) == "plugins" && out_.route->plugin.empty();
        if (is_gateway_api && is_mirror && !out_.route->config.contains("httpRoute") &&
            !out_.route->config.contains("httpRoutes")) {
            error(path, "no HTTPRoute takes mirror routes", "name one in httpRoute");
        }
        if (is_gateway_api && !is_mirror && !takes_header_routes(out_.route->config)) {
            error(
                path,
                "no HTTPRoute takes header routes",
                "write useHeaderRoutes: true beside its name in httpRoutes");
        }
        SideRouteShape shape = is_mirror ? read_mirror_route(body, path, out_.diagnostics)
                                         : read_header_route(body, path, out_.diagnostics);
        shape.name = step.name;
        shape.step = step.step;
        step.removes = shape.matches.empty();
        if (!step.removes) {
            // Equal texts under one name are one route: nothing changes between them.
            const auto same = std::ranges::find_if(shapes, [&](SideRouteShape other) {
                other.step = shape.step;
                return other == shape;
            });
            if (same == shapes.end()) {
                shapes.push_back(std::move(shape));
            } else {
                step.step = same->step;
            }
        }
        out_.plan.steps.emplace_back(std::move(step));
    }

    void read_experiment(const json::Object& body, const std::string& path) {
        Trial trial;
        int all = weight_before();
        const json::Array* templates = json::array(body.if_contains("templates"));
        if (!templates || templates->empty()) error(path + ".templates", "must not be empty");
        for (std::size_t i = 0; templates && i < templates->size(); ++i) {
            const json::Object* arm = json::object(&(*templates)[i]);
            if (!arm) continue;
            const std::string at = path + ".templates[" + std::to_string(i) + "]";
            const int weight = integer(*arm, "weight", at, 0);
            if (weight == 0) continue;
            if (!out_.plan.routing) error(at + ".weight", "needs trafficRouting");
            if (out_.route && !abilities_of(router_key(*out_.route)).has_arms) {
                error(
                    at + ".weight",
                    out_.route->router + " has no weights for experiments",
                    "istio, alb, smi and plugins have them");
            }
            if (!has_container_port())
                error(at + ".weight", "needs a container port in spec.template");
            all += weight;
            trial.shares.push_back({.arm = text(*arm, "name"), .weight = weight});
        }
        if (all > out_.plan.weight_max) {
            error(
                path + ".templates",
                "their weights and the canary's are " + std::to_string(all) + " together",
                "stay within " + std::to_string(out_.plan.weight_max));
        }
        out_.plan.steps.emplace_back(std::move(trial));
    }

    int weight_before() const {
        for (auto step = out_.plan.steps.rbegin(); step != out_.plan.steps.rend(); ++step) {
            if (const auto* expose = std::get_if<Expose>(&*step)) return expose->weight;
        }
        return 0;
    }

    bool has_container_port() const {
        const json::Array* containers =
            json::array(rollout_.find("/spec/template/spec/containers"));
        if (!containers) return rollout_.find("/spec/workloadRef") != nullptr;
        for (const json::Value& container : *containers) {
            const json::Array* ports = json::array(json::find(container, "/ports"));
            if (ports && !ports->empty()) return true;
        }
        return false;
    }

    void read_scale(const json::Object& body, const std::string& path) {
        if (!out_.plan.routing) error(path, "needs trafficRouting");
        const auto replicas = optional_integer(body, "replicas", path);
        const auto weight = optional_integer(body, "weight", path);
        const bool matches = json::boolean(body.if_contains("matchTrafficWeight")).value_or(false);
        if ((replicas ? 1 : 0) + (weight ? 1 : 0) + (matches ? 1 : 0) != 1) {
            error(path, "expected exactly one of replicas, weight, matchTrafficWeight: true");
        }
        if (weight && *weight > out_.plan.weight_max) {
            error(path + ".weight", "must be at most " + std::to_string(out_.plan.weight_max));
        }
        out_.plan.steps.emplace_back(Provision{replicas, weight});
    }

    // A number is seconds, quoted or not; other text is a Go duration, cut to whole seconds:
    // "1500ms" pauses for one.
    std::optional<Duration> duration(const json::Object& pause, const std::string& path) {
        const json::Value* value = pause.if_contains("duration");
        if (!value || value->is_null()) return std::nullopt;
        std::int64_t count = -1;
        if (const auto number = json::integer(value)) {
            count = *number;
        } else if (const auto text = json::text(value)) {
            const auto [end, failure] =
                std::from_chars(text->data(), text->data() + text->size(), count);
            if (failure != std::errc() || end != text->data() + text->size()) {
                const auto exact = parse_duration(*text);
                count =
                    exact ? std::chrono::duration_cast<std::chrono::seconds>(*exact).count() : -1;
            }
        }
        constexpr std::int64_t century = 100LL * 366 * 24 * 3600;
        if (count < 0 || count > century) {
            error(path, "expected seconds or a duration", "write 30, \"30s\" or \"10m\"");
            return std::nullopt;
        }
        return std::chrono::seconds(count);
    }

    const Object& rollout_;
    Lowered& out_;
};

}  // namespace

Lowered lower(const Object& rollout) {
    Lowered out;
    Lowering(rollout, out).run();
    return out;
}

}  // namespace serin::argo
