#include "base/time.h"
#include "manifest/argo/analysis_spec.h"
#include "manifest/rules.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

namespace serin::manifest {

namespace {

constexpr std::int64_t revisions_kept_default = 10;
constexpr std::int64_t progress_deadline_default_seconds = 600;
constexpr std::int64_t pause_max_seconds = 100LL * 366 * 24 * 3600;

// Routers that split between two Services, and those that can do without.
constexpr const char* routers_with_services[] = {
    "nginx", "traefik", "ambassador", "apisix", "smi", "appMesh"};

bool is_zero(const Part& amount) {
    if (const auto number = amount.integer()) return *number == 0;
    const std::string text = amount.text();
    return text == "0" || text == "0%";
}

void check_run(const Part& analysis, const Part& rollout, Findings& findings) {
    const Part arguments = analysis["args"];
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const Part argument = arguments[i];
        if (argument["value"].is_given() && argument["valueFrom"].is_given()) {
            findings.error(argument["valueFrom"].pointer(), "use either value or valueFrom");
        }
        const Part path = argument["valueFrom"]["fieldRef"]["fieldPath"];
        if (!path.text().starts_with("metadata")) continue;  // Others may come into being.
        const auto text = argo::field_text(Object(*rollout.object()), path.text());
        if (!text) findings.error(path.pointer(), text.error().message);
    }
}

void check_workload_kind(const Part& reference, Findings& findings) {
    const std::string kind = reference["kind"].text();
    const std::string version = reference["apiVersion"].text();
    const bool is_app = kind == "Deployment" || kind == "ReplicaSet";
    if (!is_app && kind != "PodTemplate") {
        if (kind.empty()) return;
        return findings.error(
            reference["kind"].pointer(),
            fmt::format("'{}' has no template to take", kind),
            "name a Deployment, a ReplicaSet or a PodTemplate");
    }
    const std::string_view wanted = is_app ? "apps/v1" : "v1";
    if (!version.empty() && version != wanted) {
        findings.error(
            reference["apiVersion"].pointer(),
            fmt::format("'{}' is not the apiVersion of a {}", version, kind),
            fmt::format("write {}", wanted));
    }
}

void check_workload(const Part& rollout, Findings& findings) {
    const Part spec = rollout["spec"];
    const bool has_reference = spec["workloadRef"].is_given();
    if (has_reference) {
        const json::Object* pods = spec["template"].object();
        if (pods && !pods->empty()) {
            findings.error(
                spec["template"].pointer(),
                "template must be empty for workload reference rollout");
        }
        check_workload_kind(spec["workloadRef"], findings);
        return;
    }
    if (!spec["selector"].is_given()) {
        findings.error(spec["selector"].pointer(), "required field is missing");
    }
    if (!spec["template"].is_given()) {
        findings.error(
            spec["template"].pointer(), "required field is missing", "or name a workloadRef");
    }
    check_selector(spec, findings);
    check_pod_spec(spec["template"]["spec"], findings);
    const Part restart = spec["template"]["spec"]["restartPolicy"];
    if (restart.is_given() && restart.text() != "Always") {
        findings.error(restart.pointer(), "must be Always in a Rollout");
    }
}

void check_deadlines(const Part& spec, Findings& findings) {
    const Part deadline = spec["progressDeadlineSeconds"];
    const std::int64_t ready = spec["minReadySeconds"].integer().value_or(0);
    if (deadline.integer().value_or(progress_deadline_default_seconds) <= ready) {
        findings.error(
            deadline.is_given() ? deadline.pointer() : spec["minReadySeconds"].pointer(),
            "progressDeadlineSeconds must be greater than minReadySeconds");
    }
}

void check_blue_green(const Part& rollout, Findings& findings) {
    const Part spec = rollout["spec"];
    const Part strategy = spec["strategy"]["blueGreen"];
    if (!strategy.is_given()) return;
    const std::string active = strategy["activeService"].text();
    if (!active.empty() && active == strategy["previewService"].text()) {
        findings.error(
            strategy["previewService"].pointer(),
            "This rollout uses the same service for the active and preview services, but two "
            "different services are required.");
    }
    const auto limit = strategy["scaleDownDelayRevisionLimit"].integer();
    if (limit.value_or(0) >
        spec["revisionHistoryLimit"].integer().value_or(revisions_kept_default)) {
        findings.error(
            strategy["scaleDownDelayRevisionLimit"].pointer(),
            "This rollout's revision history limit can not be smaller than the rollout's scale "
            "down limit");
    }
    check_run(strategy["prePromotionAnalysis"], rollout, findings);
    check_run(strategy["postPromotionAnalysis"], rollout, findings);
}

class CanaryRules {
public:
    CanaryRules(const Part& rollout, Findings& findings)
        : rollout_(rollout),
          canary_(rollout["spec"]["strategy"]["canary"]),
          routing_(canary_["trafficRouting"]),
          weight_max_(routing_["maxTrafficWeight"].integer().value_or(100)),
          findings_(findings) {}

    void check() {
        if (!canary_.is_given()) return;
        check_services();
        check_sizes();
        check_routing();
        check_background();
        const Part steps = canary_["steps"];
        for (std::size_t i = 0; i < steps.size(); ++i) check_step(steps[i]);
    }

private:
    void error(const Part& part, std::string message, std::string suggestion = {}) {
        findings_.error(part.pointer(), std::move(message), std::move(suggestion));
    }

    void check_services() {
        const std::string stable = canary_["stableService"].text();
        const std::string candidate = canary_["canaryService"].text();
        if (!stable.empty() && stable == candidate) {
            error(
                canary_["canaryService"],
                "This rollout uses the same service for the stable and canary services, but two "
                "different services are required.");
        }
        const Part ping_pong = canary_["pingPong"];
        const std::string ping = ping_pong["pingService"].text();
        if (!ping.empty() && ping == ping_pong["pongService"].text()) {
            error(
                ping_pong["pongService"],
                "This rollout uses the same service for the ping and pong services, but two "
                "different services are required.");
        }
        if (ping_pong.is_given() && !has_router("alb") && !has_router("istio") &&
            !has_router("plugins")) {
            error(ping_pong, "needs trafficRouting with alb, istio or plugins");
        }
    }

    bool has_router(std::string_view name) const { return routing_[name].is_given(); }

    // Both 0 would leave no way to replace a pod; only surge and unavailable as numbers are known
    // to be 0 whatever the number of replicas.
    void check_sizes() {
        if (is_zero(canary_["maxSurge"]) && is_zero(canary_["maxUnavailable"])) {
            error(canary_["maxUnavailable"], "maxSurge and maxUnavailable both can not be Zero");
        }
    }

    void check_routing() {
        if (!routing_.is_given()) {
            for (const char* field :
                 {"scaleDownDelaySeconds",
                  "abortScaleDownDelaySeconds",
                  "dynamicStableScale",
                  "minPodsPerReplicaSet"}) {
                const Part part = canary_[field];
                const bool is_switch = part.is_given() && part.value()->is_bool();
                if (!part.is_given() || (is_switch && !part.boolean())) continue;
                error(
                    part,
                    fmt::format("Canary {} can only be used with traffic routing", field),
                    "add trafficRouting, or remove it");
            }
            return;
        }
        if (canary_["dynamicStableScale"].boolean() &&
            canary_["scaleDownDelaySeconds"].is_given()) {
            error(
                canary_["scaleDownDelaySeconds"],
                "Canary dynamicStableScale cannot be used with scaleDownDelaySeconds");
        }
        if (routing_["maxTrafficWeight"].is_given() && !has_router("nginx") &&
            !has_router("plugins")) {
            error(routing_["maxTrafficWeight"], "is only possible with nginx or plugins");
        }
        check_router_services();
    }

    void check_router_services() {
        const bool has_ping_pong = canary_["pingPong"].is_given();
        bool needs_services = has_router("plugins") && !has_ping_pong;
        for (const char* router : routers_with_services) {
            needs_services = needs_services || has_router(router);
        }
        if (has_router("istio") && !has_ping_pong) {
            needs_services = needs_services || !routing_["istio"]["destinationRule"].is_given();
        }
        if (has_router("alb") && !has_ping_pong) needs_services = true;
        if (!needs_services) return;
        for (const char* service : {"stableService", "canaryService"}) {
            if (canary_[service].is_given()) continue;
            error(canary_[service], "trafficRouting needs it");
        }
    }

    void check_background() {
        const Part analysis = canary_["analysis"];
        const Part start = analysis["startingStep"];
        const auto last = static_cast<std::int64_t>(canary_["steps"].size()) - 1;
        if (start.integer().value_or(0) > std::max<std::int64_t>(last, 0)) {
            error(start, fmt::format("must be the index of a step, from 0 to {}", last));
        }
        check_run(analysis, rollout_, findings_);
    }

    void check_weight(const Part& weight) {
        const auto number = weight.integer();
        if (!number || *number <= weight_max_) return;
        error(weight, fmt::format("must be from 0 to {}, is {}", weight_max_, *number));
    }

    void check_step(const Part& step) {
        check_weight(step["setWeight"]);
        check_pause(step["pause"]["duration"]);
        check_weight(step["setCanaryScale"]["weight"]);
        if (step["setCanaryScale"].is_given() && !routing_.is_given()) {
            error(step["setCanaryScale"], "SetCanaryScale requires TrafficRouting to be set");
        }
        const Part analysis = step["analysis"];
        if (analysis.is_given() && analysis["templates"].size() == 0) {
            error(analysis["templates"], "needs at least one template");
        }
        check_run(analysis, rollout_, findings_);
        check_experiment_step(step["experiment"]);
        check_managed(step["setHeaderRoute"]);
        check_managed(step["setMirrorRoute"]);
    }

    void check_pause(const Part& duration) {
        if (!duration.is_given()) return;
        const auto seconds = pause_seconds(*duration.value());
        if (!seconds) {
            error(
                duration,
                duration.text().empty() ? "is not a duration"
                                        : fmt::format("'{}' is not a duration", duration.text()),
                "write 30, \"30s\" or \"10m\"");
        } else if (*seconds < 0) {
            error(duration, "must not be negative");
        } else if (*seconds > pause_max_seconds) {
            error(duration, "must be at most 100 years");
        }
    }

    void check_experiment_step(const Part& experiment) {
        const Part templates = experiment["templates"];
        for (std::size_t i = 0; i < templates.size(); ++i) {
            check_weight(templates[i]["weight"]);
            if (templates[i]["weight"].is_given() && !routing_.is_given()) {
                error(templates[i]["weight"], "Experiment template weight needs trafficRouting");
            }
        }
        const Part analyses = experiment["analyses"];
        for (std::size_t i = 0; i < analyses.size(); ++i) {
            check_run(analyses[i], rollout_, findings_);
        }
    }

    void check_managed(const Part& route) {
        const std::string name = route["name"].text();
        if (name.empty()) return;
        const Part managed = routing_["managedRoutes"];
        for (std::size_t i = 0; i < managed.size(); ++i) {
            if (managed[i]["name"].text() == name) return;
        }
        error(
            route["name"],
            fmt::format("'{}' is not in trafficRouting.managedRoutes", name),
            fmt::format("add '- name: {}' there", name));
    }

    const Part& rollout_;
    Part canary_;
    Part routing_;
    std::int64_t weight_max_;
    Findings& findings_;
};

}  // namespace

std::optional<std::int64_t> pause_seconds(const json::Value& duration) {
    if (const auto number = json::integer(&duration)) return number;
    const auto text = json::text(&duration);
    if (!text) return std::nullopt;
    std::int64_t number = 0;
    const auto read = std::from_chars(text->data(), text->data() + text->size(), number);
    if (read.ec == std::errc() && read.ptr == text->data() + text->size()) return number;
    const auto exact = parse_duration(*text);
    if (!exact) return std::nullopt;
    // Cut to whole seconds, and yet less than nothing stays negative.
    return std::chrono::floor<std::chrono::seconds>(*exact).count();
}

void check_rollout(const Part& rollout, Findings& findings) {
    check_workload(rollout, findings);
    check_deadlines(rollout["spec"], findings);
    check_blue_green(rollout, findings);
    CanaryRules(rollout, findings).check();
}

}  // namespace serin::manifest
