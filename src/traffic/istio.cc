#include "traffic/istio.h"

#include "traffic/routing_apis.h"
#include "traffic/shares.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace serin::traffic {

namespace {

using istio::Named;
using istio::Side;

constexpr std::string_view label_hash = "rollouts-pod-template-hash";
constexpr std::string_view annotation_managed_by = "argo-rollouts.argoproj.io/managed-by-rollouts";
// Names the hosts that were added for the arms of a trial, with commas: they are ours to remove.
constexpr std::string_view annotation_arms = "serin.dev/trial-services";

std::set<std::string> arms_of(const Object& service) {
    std::set<std::string> arms;
    std::string_view text = service.annotation(annotation_arms).value_or("");
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        if (comma > 0) arms.emplace(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return arms;
}

// Weights of a route, in hundredths of its requests.
struct Weights {
    std::int64_t candidate = 0;
    std::int64_t stable = 0;
    std::int64_t foreign = 0;  // Of destinations that a person wrote beside both.
    std::vector<SplitShare> arms;
};

Weights read_weights(
    const json::Object& route, const RouteTarget& target, const std::set<std::string>& arms) {
    Weights weights;
    const json::Array* list = json::array(route.if_contains("route"));
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        const json::Value& one = (*list)[i];
        const json::Value* destination = json::find(one, "/destination");
        const auto weight = json::integer(json::find(one, "/weight")).value_or(0);
        if (destination == nullptr) continue;
        const Side side = istio::side_of(*destination, target);
        const std::string host = istio::host_of(*destination);
        if (side == Side::candidate) {
            weights.candidate += weight;
        } else if (side == Side::stable) {
            weights.stable += weight;
        } else if (arms.contains(host)) {
            weights.arms.push_back({host, static_cast<int>(weight)});
        } else {
            weights.foreign += weight;
        }
    }
    return weights;
}

json::Object make_arm(const SplitShare& share) {
    return {
        {"destination", json::Object{{"host", json::string(share.service)}}},
        {"weight", share.weight}};
}

// The route with the split in it: sides get their weights, arms come and go.
Result<> write_weights(
    json::Object& route,
    const RouteTarget& target,
    const Split& wanted,
    const std::set<std::string>& former_arms) {
    const std::int64_t foreign = read_weights(route, target, former_arms).foreign;
    const std::int64_t stable = stable_weight(wanted) - foreign;
    if (stable < 0) {
        return fail(
            ErrorKind::invalid,
            "other destinations of a route have " + std::to_string(foreign) +
                " of 100: too much beside a canary of " + std::to_string(wanted.candidate));
    }
    json::Array kept;
    for (json::Value& one : route["route"].as_array()) {
        const json::Value* destination = json::find(one, "/destination");
        const Side side =
            destination == nullptr ? Side::neither : istio::side_of(*destination, target);
        if (side == Side::neither && destination != nullptr &&
            former_arms.contains(istio::host_of(*destination))) {
            continue;
        }
        if (side == Side::candidate) one.as_object()["weight"] = wanted.candidate;
        if (side == Side::stable) one.as_object()["weight"] = stable;
        kept.push_back(std::move(one));
    }
    for (const SplitShare& share : wanted.others) kept.emplace_back(make_arm(share));
    route["route"] = std::move(kept);
    return {};
}

void note_arms(Object& service, const Split& wanted) {
    std::string names;
    for (const SplitShare& share : wanted.others) {
        names += (names.empty() ? "" : ",") + share.service;
    }
    if (!names.empty()) {
        service.set_annotation(annotation_arms, names);
    } else if (service.annotation(annotation_arms)) {
        service.remove_annotation(annotation_arms);
    }
}

// The routes that mirror split as the others do.
void add_mirror_routes(
    Object& service, const RouteTarget& target, std::vector<json::Object*>& routes) {
    json::Array* http = array_in(service.document()["spec"], "http");
    for (std::size_t i = 0; http != nullptr && i < http->size(); ++i) {
        json::Value& route = (*http)[i];
        if (!istio::is_managed(route, target) || !json::find(route, "/mirror")) continue;
        if (array_in(route, "route") != nullptr) routes.push_back(&route.as_object());
    }
}

json::Object* subset_in(Object& rule, std::string_view name) {
    json::Value* spec = rule.document().if_contains("spec");
    json::Array* subsets = spec != nullptr ? array_in(*spec, "subsets") : nullptr;
    for (std::size_t i = 0; subsets != nullptr && i < subsets->size(); ++i) {
        if (text_at((*subsets)[i], "/name") == name) return &(*subsets)[i].as_object();
    }
    return nullptr;
}

Result<json::Object*> needed_subset(
    Object& rule, const RouteTarget& target, std::string_view field) {
    const std::string name = config_text(target.config, "/destinationRule/" + std::string(field));
    if (json::Object* subset = subset_in(rule, name)) return subset;
    return fail(
        ErrorKind::invalid,
        "DestinationRule \"" + std::string(rule.name()) + "\" has no subset \"" + name + "\"");
}

void set_hash(json::Object& subset, const std::string& revision) {
    const std::string pointer = "/labels/" + json::escape_pointer(label_hash);
    if (revision.empty()) {
        json::erase(subset, pointer);
    } else {
        json::put(subset, pointer, json::string(revision));
    }
}

std::string hash_of(const json::Object& subset) {
    return std::string(
        json::text(json::find(subset, "/labels/" + json::escape_pointer(label_hash))).value_or(""));
}

// Several routes, in several objects, are to say the same of side routes too.
std::vector<SideRoute> joined(const std::vector<std::vector<SideRoute>>& all) {
    std::map<std::string, SideRoute> by_name;
    for (const auto& own : all) {
        for (const SideRoute& one : own) by_name.emplace(one.name, one);
    }
    std::vector<SideRoute> result;
    for (auto& [name, one] : by_name) {
        const bool is_everywhere = std::ranges::all_of(
            all, [&](const auto& own) { return std::ranges::find(own, one) != own.end(); });
        if (!is_everywhere) one.step = -1;
        result.push_back(one);
    }
    return result;
}

}  // namespace

std::vector<ObjectKey> IstioApi::objects(const RouteTarget& target) const {
    std::vector<ObjectKey> keys;
    for (Named& named : istio::virtual_services(target)) keys.push_back(std::move(named.key));
    if (target.has_sides) keys.push_back(istio::destination_rule(target));
    return keys;
}

Result<SplitSeen> IstioApi::read(const Objects& now, const RouteTarget& target) const {
    Readings readings;
    std::vector<std::vector<SideRoute>> beside;
    for (const Named& named : istio::virtual_services(target)) {
        SERIN_TRY(const Object* const found, needed(now, named.key));
        Object service = *found;
        SERIN_TRY(std::vector<json::Object*> routes, istio::routes_of(service, named, target));
        add_mirror_routes(service, target, routes);
        const std::set<std::string> arms = arms_of(*found);
        for (const json::Object* route : routes) {
            Weights weights = read_weights(*route, target, arms);
            readings.add(split_of(
                weights.candidate, weights.stable + weights.foreign, std::move(weights.arms)));
        }
        beside.push_back(istio::find_side_routes(*found, named, target));
    }
    readings.seen.side_routes = joined(beside);
    return readings.seen;
}

Result<Objects> IstioApi::write(Objects now, const RouteTarget& target, const Split& wanted) const {
    for (const Named& named : istio::virtual_services(target)) {
        SERIN_TRY(Object* const service, needed(now, named.key));
        const std::set<std::string> arms = arms_of(*service);
        // It gets a document of its own first: routes are pointers into it.
        note_arms(*service, wanted);
        SERIN_TRY(std::vector<json::Object*> routes, istio::routes_of(*service, named, target));
        add_mirror_routes(*service, target, routes);
        for (json::Object* route : routes) {
            SERIN_TRY_DO(write_weights(*route, target, wanted, arms));
        }
    }
    return now;
}

Result<Objects> IstioApi::write_side_routes(
    Objects now, const RouteTarget& target, const std::vector<SideRoute>& wanted) const {
    for (const Named& named : istio::virtual_services(target)) {
        SERIN_TRY(Object* const service, needed(now, named.key));
        SERIN_TRY_DO(istio::put_side_routes(*service, named, target, wanted));
    }
    return now;
}

Result<SidesSeen> IstioApi::sides(const Objects& now, const RouteTarget& target) const {
    SERIN_TRY(const Object* const found, needed(now, istio::destination_rule(target)));
    Object rule = *found;
    SERIN_TRY(const json::Object* const stable, needed_subset(rule, target, "stableSubsetName"));
    SERIN_TRY(const json::Object* const canary, needed_subset(rule, target, "canarySubsetName"));
    return SidesSeen{.stable = hash_of(*stable), .candidate = hash_of(*canary)};
}

// Other subsets stay: they are somebody else's.
Result<Objects> IstioApi::point_sides(
    Objects now, const RouteTarget& target, const SidesSeen& wanted) const {
    SERIN_TRY(Object* const rule, needed(now, istio::destination_rule(target)));
    rule->set_annotation(annotation_managed_by, target.release);
    SERIN_TRY(json::Object* const stable, needed_subset(*rule, target, "stableSubsetName"));
    SERIN_TRY(json::Object* const canary, needed_subset(*rule, target, "canarySubsetName"));
    set_hash(*stable, wanted.stable);
    set_hash(*canary, wanted.candidate);
    return now;
}

}  // namespace serin::traffic
