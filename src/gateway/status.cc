#include "gateway/status.h"

#include "gateway/read_gateway.h"

#include <algorithm>

namespace serin::gateway {
namespace {

const json::Array& array_at(const json::Value& value, std::string_view pointer) {
    static const json::Array none;
    const json::Array* array = json::array(json::find(value, pointer));
    return array == nullptr ? none : *array;
}

const json::Value* find_condition(const json::Array& conditions, std::string_view type) {
    for (const json::Value& item : conditions) {
        if (json::text(json::find(item, "/type")) == type) return &item;
    }
    return nullptr;
}

// The time of the last change of status is kept while the status is.
json::Value to_json(
    const Condition& condition, const json::Array& before, std::int64_t generation, Instant now) {
    const std::string_view status = condition.is_true ? "True" : "False";
    std::string since = format_time(now);
    if (const json::Value* old = find_condition(before, condition.type)) {
        if (json::text(json::find(*old, "/status")) == status) {
            since = json::text(json::find(*old, "/lastTransitionTime")).value_or(since);
        }
    }
    return json::Object{
        {"type", condition.type},
        {"status", json::string(status)},
        {"observedGeneration", generation},
        {"lastTransitionTime", since},
        {"reason", condition.reason},
        {"message", condition.message}};
}

json::Array to_json(
    const std::vector<Condition>& conditions,
    const json::Array& before,
    std::int64_t generation,
    Instant now) {
    json::Array out;
    for (const Condition& condition : conditions) {
        out.push_back(to_json(condition, before, generation, now));
    }
    return out;
}

json::Value listener_status(
    const ListenerReport& report,
    const json::Array& before,
    const std::map<std::string, std::string>& unbound,
    const std::string& trouble,
    std::int64_t generation,
    Instant now) {
    std::vector<Condition> conditions = report.conditions;
    const auto failure = unbound.find(report.frontend);
    if (failure != unbound.end()) {
        for (Condition& condition : conditions) {
            if (condition.type == "Accepted") {
                condition = {"Accepted", false, "PortUnavailable", failure->second};
            }
        }
    }
    const bool is_served = !report.frontend.empty() && failure == unbound.end();
    const bool is_programmed = is_served && trouble.empty();
    conditions.push_back(
        {"Programmed",
         is_programmed,
         is_programmed ? "Programmed"
         : is_served   ? "Pending"
                       : "Invalid",
         is_served ? trouble : ""});
    const json::Array no_conditions;
    const json::Array* old = &no_conditions;
    for (const json::Value& item : before) {
        if (json::text(json::find(item, "/name")) == report.name) {
            old = &array_at(item, "/conditions");
        }
    }
    return json::Object{
        {"name", report.name},
        {"supportedKinds",
         json::Array{json::Object{{"group", "gateway.networking.k8s.io"}, {"kind", "HTTPRoute"}}}},
        {"attachedRoutes", report.attached_routes},
        {"conditions", to_json(conditions, *old, generation, now)}};
}

}  // namespace

json::Value gateway_status(
    const json::Value& current,
    const GatewayReport& report,
    const std::map<std::string, std::string>& unbound,
    const std::string& trouble,
    Instant now) {
    json::Object status;
    json::Array listeners;
    bool any_served = false;
    std::string refusal = report.problem ? report.problem->message : "no listener can be served";
    for (const ListenerReport& listener : report.listeners) {
        const auto failure = unbound.find(listener.frontend);
        if (failure != unbound.end()) refusal = failure->second;
        any_served = any_served || (!listener.frontend.empty() && failure == unbound.end());
        listeners.push_back(listener_status(
            listener, array_at(current, "/listeners"), unbound, trouble, report.generation, now));
    }
    const bool is_accepted = !report.problem;
    const bool is_programmed = is_accepted && any_served && trouble.empty();
    const std::vector<Condition> conditions{
        {"Accepted",
         is_accepted,
         is_accepted ? "Accepted" : report.problem->reason,
         is_accepted ? "" : report.problem->message},
        {"Programmed",
         is_programmed,
         is_programmed ? "Programmed"
         : any_served  ? "Pending"
                       : "Invalid",
         is_programmed ? ""
         : any_served  ? trouble
                       : refusal}};
    // All addresses of a pod are none that a client could use: the Service in front has that.
    if (report.address != "0.0.0.0") {
        status["addresses"] =
            json::Array{json::Object{{"type", "IPAddress"}, {"value", report.address}}};
    }
    status["conditions"] =
        to_json(conditions, array_at(current, "/conditions"), report.generation, now);
    status["listeners"] = std::move(listeners);
    return status;
}

json::Value route_status(
    const json::Value& current,
    const RouteReport& report,
    const std::optional<InForce>& in_force,
    Instant now) {
    json::Array parents;
    json::Array former;
    for (const json::Value& parent : array_at(current, "/parents")) {
        const bool is_ours = json::text(json::find(parent, "/controllerName")) == controller_name;
        (is_ours ? former : parents).push_back(parent);
    }
    for (const ParentReport& parent : report.parents) {
        const json::Array no_conditions;
        const json::Array* before = &no_conditions;
        for (const json::Value& old : former) {
            const json::Value* ref = json::find(old, "/parentRef");
            if (ref != nullptr && json::same(*ref, parent.parent)) {
                before = &array_at(old, "/conditions");
            }
        }
        json::Array conditions = to_json(parent.conditions, *before, report.generation, now);
        if (in_force && parent.is_accepted) {
            const Condition condition{
                std::string(in_force_type), in_force->is_true, in_force->reason, in_force->message};
            conditions.push_back(to_json(condition, *before, report.generation, now));
        } else if (const json::Value* old = find_condition(*before, in_force_type);
                   old != nullptr && parent.is_accepted) {
            conditions.push_back(*old);
        }
        parents.push_back(json::Object{
            {"parentRef", parent.parent},
            {"controllerName", json::string(controller_name)},
            {"conditions", std::move(conditions)}});
    }
    return json::Object{{"parents", std::move(parents)}};
}

json::Value service_status(
    const json::Value& current,
    const ServiceReport* report,
    const std::optional<InForce>& in_force,
    Instant now) {
    if (report != nullptr && !in_force) return current;
    json::Object status;
    if (const json::Object* written = json::object(&current)) status = *written;
    json::Array conditions;
    for (const json::Value& condition : array_at(current, "/conditions")) {
        if (json::text(json::find(condition, "/type")) != in_force_type) {
            conditions.push_back(condition);
        }
    }
    if (report != nullptr) {
        const Condition condition{
            std::string(in_force_type), in_force->is_true, in_force->reason, in_force->message};
        conditions.push_back(
            to_json(condition, array_at(current, "/conditions"), report->generation, now));
    }
    status["conditions"] = std::move(conditions);
    return status;
}

std::int64_t in_force_generation(const Object& route) {
    std::int64_t generation = 0;
    const json::Value* status = route.find("/status");
    if (status == nullptr) return generation;
    for (const json::Value& parent : array_at(*status, "/parents")) {
        if (json::text(json::find(parent, "/controllerName")) != controller_name) continue;
        const json::Value* in_force =
            find_condition(array_at(parent, "/conditions"), in_force_type);
        if (in_force == nullptr || json::text(json::find(*in_force, "/status")) != "True") continue;
        generation = std::max(
            generation, json::integer(json::find(*in_force, "/observedGeneration")).value_or(0));
    }
    return generation;
}

json::Value class_status(const json::Value& current, std::int64_t generation, Instant now) {
    return json::Object{
        {"conditions",
         to_json(
             {{"Accepted", true, "Accepted", ""}},
             array_at(current, "/conditions"),
             generation,
             now)}};
}

}  // namespace serin::gateway
