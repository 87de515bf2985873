#include "ports/routing_types.h"
#include "traffic/routing_apis.h"
#include "traffic/shares.h"

#include <utility>

namespace serin::traffic {

namespace {

std::vector<ObjectKey> ingresses_of(const RouteTarget& target) {
    std::vector<ObjectKey> keys;
    for (const std::string& name : names_in(target.config, "ingress", "ingresses")) {
        keys.push_back({.type = &routing_type("Ingress"), .ns = target.ns, .name = name});
    }
    return keys;
}

std::string root_of(const RouteTarget& target) {
    return config_text(target.config, "/rootService", target.stable_service);
}

std::string action_of(const RouteTarget& target) {
    return config_text(target.config, "/annotationPrefix", "alb.ingress.kubernetes.io") +
           "/actions." + root_of(target);
}

// The action is asked for by a path whose backend has the name of the action.
Result<> check_ingress(const Object& ingress, const RouteTarget& target) {
    const std::string root = root_of(target);
    if (const json::Array* rules = json::array(ingress.find("/spec/rules"))) {
        for (const json::Value& rule : *rules) {
            const json::Array* paths = json::array(json::find(rule, "/http/paths"));
            for (std::size_t i = 0; paths != nullptr && i < paths->size(); ++i) {
                if (text_at((*paths)[i], "/backend/service/name") == root) return {};
            }
        }
    }
    return fail(
        ErrorKind::invalid,
        "Ingress \"" + std::string(ingress.name()) + "\" has no rule with Service \"" + root +
            "\" as the backend of a path");
}

// An action that is not ours, or none, leads to the stable side as far as anybody can tell.
Split read_action(const Object& ingress, const RouteTarget& target) {
    const auto action = json::parse(ingress.annotation(action_of(target)).value_or("{}"));
    const json::Array* groups =
        action ? json::array(json::find(*action, "/ForwardConfig/TargetGroups")) : nullptr;
    if (groups == nullptr) return {};
    std::int64_t candidate = 0;
    std::int64_t stable = 0;
    std::vector<SplitShare> others;
    for (const json::Value& group : *groups) {
        const std::string service(text_at(group, "/ServiceName"));
        const auto weight = json::integer(json::find(group, "/Weight")).value_or(0);
        if (service == target.candidate_service) {
            candidate = weight;
        } else if (service == target.stable_service) {
            stable = weight;
        } else {
            others.push_back({service, static_cast<int>(weight)});
        }
    }
    return split_of(candidate, stable, std::move(others));
}

std::string make_action(const RouteTarget& target, const Split& wanted) {
    const auto port = json::integer(target.config.if_contains("servicePort")).value_or(80);
    const auto group = [&](const std::string& service, int weight) {
        return json::Object{
            {"ServiceName", json::string(service)},
            {"ServicePort", std::to_string(port)},
            {"Weight", weight}};
    };
    json::Array groups{group(target.candidate_service, wanted.candidate)};
    for (const SplitShare& other : wanted.others) {
        groups.emplace_back(group(other.service, other.weight));
    }
    groups.emplace_back(group(target.stable_service, stable_weight(wanted)));
    json::Object forward{{"TargetGroups", std::move(groups)}};
    if (const json::Object* sticky = json::object(target.config.if_contains("stickinessConfig"))) {
        forward["TargetGroupStickinessConfig"] = json::Object{
            {"Enabled", json::boolean(sticky->if_contains("enabled")).value_or(false)},
            {"DurationSeconds", json::integer(sticky->if_contains("durationSeconds")).value_or(0)}};
    }
    return json::print(json::Object{{"Type", "forward"}, {"ForwardConfig", std::move(forward)}});
}

}  // namespace

std::vector<ObjectKey> AlbApi::objects(const RouteTarget& target) const {
    return ingresses_of(target);
}

Result<SplitSeen> AlbApi::read(const Objects& now, const RouteTarget& target) const {
    Readings readings;
    for (const ObjectKey& key : ingresses_of(target)) {
        SERIN_TRY(const Object* const ingress, needed(now, key));
        SERIN_TRY_DO(check_ingress(*ingress, target));
        readings.add(read_action(*ingress, target));
    }
    return readings.seen;
}

Result<Objects> AlbApi::write(Objects now, const RouteTarget& target, const Split& wanted) const {
    for (const ObjectKey& key : ingresses_of(target)) {
        SERIN_TRY(Object* const ingress, needed(now, key));
        SERIN_TRY_DO(check_ingress(*ingress, target));
        ingress->set_annotation(action_of(target), make_action(target, wanted));
    }
    return now;
}

}  // namespace serin::traffic
