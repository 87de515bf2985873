#include "traffic/http_route.h"

#include "ports/routing_types.h"
#include "traffic/managed_rules.h"
#include "traffic/shares.h"
#include "traffic/side_routes.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <type_traits>
#include <utility>

namespace serin::traffic {
namespace {

constexpr std::string_view our_controller = "serin.dev/gateway";

std::string_view text_at(const json::Value& value, std::string_view pointer) {
    return json::text(json::find(value, pointer)).value_or("");
}

// Names the services that were added for the arms of a trial, with commas: they are ours to remove.
constexpr std::string_view annotation_arms = "serin.dev/trial-services";

std::set<std::string> arms_of(const Object& route) {
    std::set<std::string> arms;
    std::string_view text = route.annotation(annotation_arms).value_or("");
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        if (comma > 0) arms.emplace(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return arms;
}

// The weights of the two services in one rule's backendRefs; null where a service is not named.
// To read, or in a rule that is being changed.
template <bool is_changed>
struct RefsOf {
    template <class T>
    using Seen = std::conditional_t<is_changed, T, const T>;

    Seen<json::Object>* stable = nullptr;
    Seen<json::Object>* candidate = nullptr;
    Seen<json::Array>* all = nullptr;
};
using Refs = RefsOf<false>;

template <class Rule>
auto find_refs(Rule& rule, const RouteTarget& target) {
    RefsOf<!std::is_const_v<Rule>> refs;
    auto* array = rule.is_object() ? rule.as_object().if_contains("backendRefs") : nullptr;
    if (array == nullptr || !array->is_array()) return refs;
    refs.all = &array->as_array();
    for (auto& item : array->as_array()) {
        if (!item.is_object() || text_at(item, "/name").empty()) continue;
        const std::string_view kind = text_at(item, "/kind");
        if (!kind.empty() && kind != "Service") continue;
        if (text_at(item, "/name") == target.stable_service) refs.stable = &item.as_object();
        if (text_at(item, "/name") == target.candidate_service) refs.candidate = &item.as_object();
    }
    return refs;
}

std::int64_t weight_of(const json::Object& ref) {
    return json::integer(ref.if_contains("weight")).value_or(1);
}

// The weights of those services of the rule that are arms, and the names of those that are neither.
struct Beside {
    std::vector<SplitShare> arms;
    std::set<std::string> foreign;
};

Beside look_beside(const Refs& refs, const std::set<std::string>& arms) {
    Beside beside;
    for (const json::Value& item : *refs.all) {
        const json::Object* ref = json::object(&item);
        if (ref == nullptr || ref == refs.stable || ref == refs.candidate) continue;
        std::string name(text_at(item, "/name"));
        if (arms.contains(name)) {
            beside.arms.push_back({std::move(name), static_cast<int>(weight_of(*ref))});
        } else {
            beside.foreign.insert(std::move(name));
        }
    }
    return beside;
}

// Calls `visit(index, refs)` for each rule that names both services; `invalid` without any. A route
// that is only read is const: changing one copies what others share.
template <class Route>
Result<> for_each_rule(Route& route, const RouteTarget& target, const auto& visit) {
    bool found = false;
    auto* spec = route.document().if_contains("spec");
    auto* rules =
        spec != nullptr && spec->is_object() ? spec->as_object().if_contains("rules") : nullptr;
    if (rules != nullptr && rules->is_array()) {
        std::size_t index = 0;
        for (auto& rule : rules->as_array()) {
            const auto refs = find_refs(rule, target);
            if (refs.stable != nullptr && refs.candidate != nullptr) {
                visit(index, refs);
                found = true;
            }
            ++index;
        }
    }
    if (found) return {};
    return fail(
        ErrorKind::invalid,
        "HTTPRoute \"" + std::string(route.name()) + "\": no rule has backendRefs to both \"" +
            target.stable_service + "\" and \"" + target.candidate_service + "\"");
}

const json::Value* find_condition(const json::Value& parent, std::string_view type) {
    const json::Array* conditions = json::array(json::find(parent, "/conditions"));
    if (conditions == nullptr) return nullptr;
    for (const json::Value& item : *conditions) {
        if (text_at(item, "/type") == type) return &item;
    }
    return nullptr;
}

// What the route's controllers say about it.
struct Report {
    bool is_ours = false;
    bool is_current = false;              // About the route's newest version.
    std::optional<json::Value> in_force;  // Ours only: [{"service": weight, ...}, ...].
};

void read_our_parent(const json::Value& parent, std::int64_t generation, Report& into) {
    const json::Value* condition = find_condition(parent, "serin.dev/InForce");
    if (condition == nullptr || text_at(*condition, "/status") != "True") {
        into.is_current = false;
        return;
    }
    const auto observed = json::integer(json::find(*condition, "/observedGeneration"));
    into.is_current = into.is_current && observed == generation;
    if (auto message = json::parse(text_at(*condition, "/message"))) into.in_force = *message;
}

Report read_report(const Object& route) {
    Report report{.is_current = true};
    const json::Array* parents = json::array(route.find("/status/parents"));
    if (parents == nullptr) return report;
    for (const json::Value& parent : *parents) {
        report.is_ours = report.is_ours || text_at(parent, "/controllerName") == our_controller;
    }
    for (const json::Value& parent : *parents) {
        if (report.is_ours) {
            if (text_at(parent, "/controllerName") != our_controller) continue;
            read_our_parent(parent, route.generation(), report);
        } else if (const json::Value* accepted = find_condition(parent, "Accepted")) {
            const auto observed = json::integer(json::find(*accepted, "/observedGeneration"));
            const bool has_it = !observed || *observed >= route.generation();
            report.is_current =
                report.is_current && has_it && text_at(*accepted, "/status") == "True";
        }
    }
    return report;
}

// The split of rule `index` in an InForce message.
// What the route did not name before its arms were added or after they were removed is an arm.
std::optional<Split> split_in_force(
    const json::Value& message,
    std::size_t index,
    const RouteTarget& target,
    const std::set<std::string>& foreign) {
    const json::Array* rules = json::array(&message);
    if (rules == nullptr || index >= rules->size()) return std::nullopt;
    const json::Object* weights = json::object(&(*rules)[index]);
    if (weights == nullptr) return std::nullopt;
    const auto stable = json::integer(weights->if_contains(target.stable_service));
    const auto candidate = json::integer(weights->if_contains(target.candidate_service));
    if (!stable || !candidate) return std::nullopt;
    std::vector<SplitShare> others;
    for (const auto& member : *weights) {
        const std::string service(member.key());
        if (service == target.stable_service || service == target.candidate_service) continue;
        if (foreign.contains(service)) continue;
        others.push_back({service, static_cast<int>(json::integer(&member.value()).value_or(0))});
    }
    return split_of(*candidate, *stable, std::move(others));
}

Result<SplitSeen> observe_route(const Object& route, const RouteTarget& target) {
    const Report report = read_report(route);
    SplitSeen seen{.is_settled = report.is_current};
    if (!target.managed_routes.empty()) {
        seen.side_routes = find_side_routes(named_rules(route), target);
    }
    const std::set<std::string> arms = arms_of(route);
    bool is_first = true;
    SERIN_TRY_DO(for_each_rule(route, target, [&](std::size_t index, const Refs& refs) {
        const Beside beside = look_beside(refs, arms);
        const Split written =
            split_of(weight_of(*refs.candidate), weight_of(*refs.stable), beside.arms);
        std::optional<Split> in_force;
        if (report.in_force)
            in_force = split_in_force(*report.in_force, index, target, beside.foreign);
        if (!report.is_ours && report.is_current) in_force = written;
        seen.is_settled = seen.is_settled && in_force && is_same_share(*in_force, written);
        if (is_first || gives_more(written, seen.written)) seen.written = written;
        if (in_force && (!seen.in_force || gives_more(*in_force, *seen.in_force))) {
            seen.in_force = in_force;
        }
        is_first = false;
    }));
    return seen;
}

struct NamedRoute {
    ObjectKey key;
    bool takes_headers = false;  // A route in a list says so itself.
};

std::vector<std::string> names_of_grpc_routes(const json::Object& config) {
    std::vector<std::string> names;
    if (const auto one = json::text(config.if_contains("grpcRoute"))) names.emplace_back(*one);
    if (const json::Array* list = json::array(config.if_contains("grpcRoutes"))) {
        for (const json::Value& item : *list) names.emplace_back(text_at(item, "/name"));
    }
    std::erase(names, "");
    return names;
}

Result<std::vector<NamedRoute>> named_routes(const RouteTarget& target) {
    if (!target.plugin.empty()) {
        return fail(
            ErrorKind::invalid,
            "plugins." + target.plugin +
                ": programs move no traffic on a cluster: use argoproj-labs/gatewayAPI");
    }
    const std::string ns(json::text(target.config.if_contains("namespace")).value_or(target.ns));
    std::vector<NamedRoute> routes;
    const auto add = [&](const json::Value* name, bool takes_headers) -> Result<> {
        const auto text = json::text(name);
        if (!text || text->empty()) return fail(ErrorKind::invalid, "httpRoute: a name is needed");
        routes.push_back(
            {{.type = &types::http_route(), .ns = ns, .name = std::string(*text)}, takes_headers});
        return {};
    };
    for (const std::string& name : names_of_grpc_routes(target.config)) {
        routes.push_back({{.type = &routing_type("GRPCRoute"), .ns = ns, .name = name}});
    }
    if (const json::Value* name = target.config.if_contains("httpRoute")) {
        SERIN_TRY_DO(add(name, true));
    }
    if (const json::Array* list = json::array(target.config.if_contains("httpRoutes"))) {
        for (const json::Value& item : *list) {
            const json::Value* switched = json::find(item, "/useHeaderRoutes");
            SERIN_TRY_DO(add(json::find(item, "/name"), json::boolean(switched).value_or(false)));
        }
    }
    if (!routes.empty()) return routes;
    return fail(
        ErrorKind::invalid,
        "httpRoute, httpRoutes, grpcRoute or grpcRoutes must name at least one route");
}

// Side routes match paths, which a GRPCRoute has none of.
bool takes(const NamedRoute& route, const SideRouteShape& shape) {
    if (route.key.type != &types::http_route()) return false;
    return shape.kind == SideRouteShape::Kind::mirror || route.takes_headers;
}

// Of several routes: as a step says only where every one that takes it has it so.
std::vector<SideRoute> joined_side_routes(
    const std::vector<std::pair<NamedRoute, std::vector<SideRoute>>>& found,
    const RouteTarget& target) {
    std::vector<SideRoute> joined;
    for (const auto& [route, own] : found) {
        for (const SideRoute& one : own) {
            if (std::ranges::find(joined, one.name, &SideRoute::name) == joined.end()) {
                joined.push_back(one);
            }
        }
    }
    std::ranges::sort(joined, {}, &SideRoute::name);
    for (SideRoute& one : joined) {
        const auto shape = std::ranges::find(target.side_routes, one.step, &SideRouteShape::step);
        const bool is_everywhere = std::ranges::all_of(found, [&](const auto& item) {
            const auto& [route, own] = item;
            const bool has_it = std::ranges::find(own, one) != own.end();
            return shape != target.side_routes.end() && has_it == takes(route, *shape);
        });
        if (!is_everywhere) one.step = -1;
    }
    return joined;
}

void set_label(Object& route, const RouteTarget& target, bool is_in_progress) {
    const json::Object& config = target.config;
    if (json::boolean(config.if_contains("disableInProgressLabel")).value_or(false)) return;
    const std::string key(json::text(config.if_contains("inProgressLabelKey"))
                              .value_or("rollouts.argoproj.io/gatewayapi-canary"));
    const std::string value(
        json::text(config.if_contains("inProgressLabelValue")).value_or("in-progress"));
    if (is_in_progress) {
        route.set_label(key, value);
    } else {
        route.erase("/metadata/labels/" + json::escape_pointer(key));
    }
}

// The arms wanted take the place of those that were there; all else stays.
void set_arms(
    json::Array& refs,
    const std::set<std::string>& former,
    const std::map<std::string, json::Object>& arms) {
    json::Array kept;
    for (json::Value& item : refs) {
        const std::string name(text_at(item, "/name"));
        if (!former.contains(name) && !arms.contains(name)) kept.push_back(std::move(item));
    }
    for (const auto& [name, ref] : arms) kept.push_back(ref);
    refs = std::move(kept);
}

void note_arms(Object& route, const std::map<std::string, json::Object>& arms) {
    std::string names;
    for (const auto& [name, ref] : arms) names += (names.empty() ? "" : ",") + name;
    if (!names.empty()) {
        route.set_annotation(annotation_arms, names);
    } else if (route.annotation(annotation_arms)) {
        route.remove_annotation(annotation_arms);
    }
}

}  // namespace

// A service of an arm has the ports of its containers, which need not be those of the others.
Result<json::Object> HttpRouteRouter::make_ref(
    const std::string& ns, const SplitShare& share) const {
    const auto service = store_.get({&types::service(), ns, share.service});
    if (!service) {
        if (service.error().kind != ErrorKind::not_found) return std::unexpected(service.error());
        return fail(ErrorKind::unavailable, "service \"" + share.service + "\" is not there yet");
    }
    const auto port = json::integer(service->find("/spec/ports/0/port"));
    if (!port) {
        return fail(ErrorKind::invalid, "service \"" + share.service + "\" has no ports");
    }
    return json::Object{{"name", share.service}, {"port", *port}, {"weight", share.weight}};
}

RouterLimits HttpRouteRouter::limits() const {
    return {
        .weight_max = 1'000'000, .can_match_headers = true, .can_mirror = true, .can_verify = true};
}

Result<std::vector<ObjectKey>> HttpRouteRouter::objects(const RouteTarget& target) const {
    SERIN_TRY(const auto routes, named_routes(target));
    std::vector<ObjectKey> keys;
    for (const NamedRoute& route : routes) keys.push_back(route.key);
    return keys;
}

Result<SplitSeen> HttpRouteRouter::observe(const RouteTarget& target) const {
    SERIN_TRY(const auto routes, named_routes(target));
    std::vector<std::pair<NamedRoute, std::vector<SideRoute>>> beside;
    std::optional<SplitSeen> all;
    for (const NamedRoute& named : routes) {
        Result<Object> route = store_.get(named.key);
        if (!route) return std::unexpected(std::move(route.error()).within(to_string(named.key)));
        SERIN_TRY(SplitSeen seen, observe_route(*route, target));
        beside.emplace_back(named, std::move(seen.side_routes));
        if (!all) {
            all = seen;
            continue;
        }
        all->is_settled =
            all->is_settled && seen.is_settled && is_same_share(all->written, seen.written);
        if (gives_more(seen.written, all->written)) all->written = seen.written;
        if (seen.in_force && (!all->in_force || gives_more(*seen.in_force, *all->in_force))) {
            all->in_force = seen.in_force;
        }
    }
    all->side_routes = joined_side_routes(beside, target);
    return *all;
}

Result<> HttpRouteRouter::apply(const RouteTarget& target, Split wanted) {
    if (wanted.candidate < 0 || wanted.candidate > wanted.total || wanted.total > 1'000'000) {
        return fail(ErrorKind::invalid, "a weight must be in 0.." + std::to_string(wanted.total));
    }
    int beside = 0;
    std::map<std::string, json::Object> arms;  // Their backendRefs.
    for (const SplitShare& share : wanted.others) {
        beside += share.weight;
        SERIN_TRY(arms[share.service], make_ref(target.ns, share));
    }
    if (beside < 0 || wanted.candidate + beside > wanted.total)
        return fail(
            ErrorKind::invalid, "the weights are more than " + std::to_string(wanted.total));
    SERIN_TRY(const std::vector<ObjectKey> keys, objects(target));
    // All are looked at before the first is written: half a split is worse than none.
    std::vector<Object> routes;
    for (const ObjectKey& key : keys) {
        Result<Object> route = store_.get(key);
        if (!route) return std::unexpected(std::move(route.error()).within(to_string(key)));
        const std::set<std::string> former = arms_of(*route);
        SERIN_TRY_DO(for_each_rule(*route, target, [&](std::size_t, const auto& refs) {
            (*refs.candidate)["weight"] = wanted.candidate;
            (*refs.stable)["weight"] = wanted.total - wanted.candidate - beside;
            set_arms(*refs.all, former, arms);
        }));
        note_arms(*route, arms);
        set_label(*route, target, wanted.candidate > 0);
        routes.push_back(*std::move(route));
    }
    for (Object& route : routes) {
        const auto written = store_.update(std::move(route));
        if (!written) return std::unexpected(written.error());
    }
    return {};
}

namespace {

// The rules that a person wrote, and those of the wanted side routes after them.
Result<json::Array> with_side_routes(
    const json::Array& rules,
    const NamedRoute& route,
    const RouteTarget& target,
    const std::vector<SideRoute>& wanted) {
    json::Array changed;
    for (const json::Value& rule : rules) {
        if (!is_managed(target, text_at(rule, "/name"))) changed.push_back(rule);
    }
    for (const SideRoute& one : wanted) {
        const auto shape = std::ranges::find(target.side_routes, one.step, &SideRouteShape::step);
        if (shape == target.side_routes.end()) {
            return fail(ErrorKind::internal, "no step says what route " + one.name + " matches");
        }
        if (!takes(route, *shape)) continue;
        SERIN_TRY(json::Array made, make_side_rules(rules, target, *shape));
        if (made.empty()) {
            return fail(
                ErrorKind::invalid,
                to_string(route.key) + ": route " + one.name +
                    " matches no path of a rule with both services");
        }
        for (json::Value& rule : made) changed.push_back(std::move(rule));
    }
    return changed;
}

}  // namespace

Result<> HttpRouteRouter::apply_side_routes(
    const RouteTarget& target, const std::vector<SideRoute>& wanted) {
    SERIN_TRY(const auto named, named_routes(target));
    std::vector<Change> changes;
    for (const NamedRoute& one : named) {
        Result<Object> route = store_.get(one.key);
        if (!route) return std::unexpected(std::move(route.error()).within(to_string(one.key)));
        if (json::array(route->find("/spec/rules")) == nullptr) continue;
        const json::Array rules = named_rules(*route);
        SERIN_TRY(json::Array changed, with_side_routes(rules, one, target, wanted));
        if (std::ranges::equal(rules, changed, [](const json::Value& left, const auto& right) {
                return json::same(left, right);
            })) {
            continue;
        }
        changes.push_back({*std::move(route), rules, std::move(changed)});
    }
    for (Change& change : changes) SERIN_TRY_DO(write_rules(std::move(change), target));
    return {};
}

// Where the API drops the shares of mirrors the route is left as it was, and not tried again before
// somebody changes it: each try would copy all requests for a moment.
Result<> HttpRouteRouter::write_rules(Change change, const RouteTarget& target) {
    const ObjectKey key = change.route.key();
    const auto refuse = [&] {
        return fail(
            ErrorKind::invalid,
            to_string(key) +
                ": this cluster's Gateway API has no shares of mirrors, which came with v1.3: "
                "mirror 100 percent, or install a newer one and change the route");
    };
    const auto shareless = shareless_.find(key);
    const bool is_known =
        shareless != shareless_.end() && shareless->second == change.route.generation();
    if (is_known && has_shares(change.after)) return refuse();
    put_rules(change.route, change.after, target);
    SERIN_TRY(Object written, store_.update(std::move(change.route)));
    if (!has_lost_shares(written, change.after)) return {};
    put_rules(written, std::move(change.before), target);
    SERIN_TRY(const Object restored, store_.update(std::move(written)));
    shareless_[key] = restored.generation();
    return refuse();
}

}  // namespace serin::traffic
