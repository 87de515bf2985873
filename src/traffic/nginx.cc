#include "ports/routing_types.h"
#include "traffic/routing_apis.h"
#include "traffic/shares.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace serin::traffic {

namespace {

constexpr std::string_view class_annotation = "kubernetes.io/ingress.class";

struct Pair {
    ObjectKey stable;
    ObjectKey canary;
};

ObjectKey ingress_key(const RouteTarget& target, std::string name) {
    return {.type = &routing_type("Ingress"), .ns = target.ns, .name = std::move(name)};
}

std::string canary_name(const std::string& release, const std::string& ingress) {
    constexpr std::string_view end = "-canary";
    constexpr std::size_t name_max = 253;
    return (release + "-" + ingress).substr(0, name_max - end.size()) + std::string(end);
}

std::vector<Pair> pairs_of(const RouteTarget& target) {
    std::vector<Pair> pairs;
    for (const std::string& name : names_in(target.config, "stableIngress", "stableIngresses")) {
        pairs.push_back(
            {ingress_key(target, name), ingress_key(target, canary_name(target.release, name))});
    }
    return pairs;
}

std::string prefix_of(const RouteTarget& target) {
    return config_text(target.config, "/annotationPrefix", "nginx.ingress.kubernetes.io");
}

std::optional<int> number_of(std::optional<std::string_view> text) {
    int number = 0;
    if (!text) return std::nullopt;
    const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (failure != std::errc() || end != text->data() + text->size()) return std::nullopt;
    return number;
}

// Nothing gets to a canary that nginx does not take for one.
Split read_canary(const Object& canary, const std::string& prefix) {
    const int total = number_of(canary.annotation(prefix + "/canary-weight-total")).value_or(100);
    const int weight = number_of(canary.annotation(prefix + "/canary-weight")).value_or(0);
    if (canary.annotation(prefix + "/canary") != "true" || total <= 0) return {};
    return {.candidate = std::clamp(weight, 0, total), .total = total};
}

// The rule's paths to the stable Service, to the candidate's.
json::Array canary_paths(const json::Value& rule, const RouteTarget& target) {
    json::Array paths;
    const json::Array* all = json::array(json::find(rule, "/http/paths"));
    if (all == nullptr) return paths;
    for (const json::Value& path : *all) {
        if (text_at(path, "/backend/service/name") != target.stable_service) continue;
        json::Object changed = path.as_object();
        json::put(changed, "/backend/service/name", json::string(target.candidate_service));
        paths.emplace_back(std::move(changed));
    }
    return paths;
}

Result<json::Array> canary_rules(const Object& stable, const RouteTarget& target) {
    json::Array rules;
    if (const json::Array* all = json::array(stable.find("/spec/rules"))) {
        for (const json::Value& rule : *all) {
            json::Array paths = canary_paths(rule, target);
            if (paths.empty()) continue;
            json::Object changed = rule.as_object();
            json::put(changed, "/http/paths", std::move(paths));
            rules.emplace_back(std::move(changed));
        }
    }
    if (rules.empty()) {
        return fail(
            ErrorKind::invalid,
            "Ingress \"" + std::string(stable.name()) + "\" has no rule with Service \"" +
                target.stable_service + "\" as the backend of a path");
    }
    return rules;
}

void annotate(Object& canary, const json::Object& config, const std::string& prefix) {
    const auto set_all = [&](std::string_view member, bool is_short) {
        const json::Object* annotations = json::object(config.if_contains(member));
        if (annotations == nullptr) return;
        for (const auto& one : *annotations) {
            const std::string key(one.key());
            const bool has_prefix = !is_short || key.starts_with(prefix + "/");
            canary.set_annotation(
                has_prefix ? key : prefix + "/" + key, json::text(&one.value()).value_or(""));
        }
    };
    set_all("additionalIngressAnnotations", true);
    set_all("canaryIngressAnnotations", false);
}

// The canary's Ingress: rules, TLS and class follow the stable one; annotations that somebody added
// stay.
Result<Object> make_canary(
    const Object& stable, Object canary, const RouteTarget& target, const Split& wanted) {
    const std::string prefix = prefix_of(target);
    SERIN_TRY(json::Array rules, canary_rules(stable, target));
    canary.put("/spec/rules", std::move(rules));
    for (const char* field : {"/spec/tls", "/spec/ingressClassName"}) {
        if (const json::Value* value = stable.find(field)) {
            canary.put(field, *value);
        } else {
            canary.erase(field);
        }
    }
    if (const auto name = stable.annotation(class_annotation)) {
        canary.set_annotation(class_annotation, *name);
    }
    annotate(canary, target.config, prefix);
    canary.set_annotation(prefix + "/canary", "true");
    canary.set_annotation(prefix + "/canary-weight", std::to_string(wanted.candidate));
    if (wanted.total != 100) {
        canary.set_annotation(prefix + "/canary-weight-total", std::to_string(wanted.total));
    } else if (canary.annotation(prefix + "/canary-weight-total")) {
        canary.remove_annotation(prefix + "/canary-weight-total");
    }
    return canary;
}

}  // namespace

std::vector<ObjectKey> NginxApi::objects(const RouteTarget& target) const {
    std::vector<ObjectKey> keys;
    for (Pair& pair : pairs_of(target)) {
        keys.push_back(std::move(pair.stable));
        keys.push_back(std::move(pair.canary));
    }
    return keys;
}

Result<SplitSeen> NginxApi::read(const Objects& now, const RouteTarget& target) const {
    Readings readings;
    for (const Pair& pair : pairs_of(target)) {
        SERIN_TRY(const Object* const stable, needed(now, pair.stable));
        SERIN_TRY_DO(canary_rules(*stable, target));
        SERIN_TRY_DO(check_own(now, pair.canary, target));
        const auto canary = now.find(pair.canary);
        readings.add(
            canary == now.end() ? Split{} : read_canary(canary->second, prefix_of(target)));
    }
    return readings.seen;
}

Result<Objects> NginxApi::write(Objects now, const RouteTarget& target, const Split& wanted) const {
    for (const Pair& pair : pairs_of(target)) {
        SERIN_TRY_DO(check_own(now, pair.canary, target));
        SERIN_TRY(const Object* const stable, needed(std::as_const(now), pair.stable));
        const auto former = now.find(pair.canary);
        Object canary = former == now.end()
                            ? Object(*pair.canary.type, pair.canary.ns, pair.canary.name)
                            : former->second;
        SERIN_TRY(now[pair.canary], make_canary(*stable, std::move(canary), target, wanted));
    }
    return now;
}

}  // namespace serin::traffic
