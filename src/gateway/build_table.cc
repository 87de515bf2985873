#include "gateway/build_table.h"

#include "gateway/endpoints.h"
#include "gateway/read_gateway.h"
#include "gateway/read_route.h"
#include "gateway/text.h"

#include <algorithm>
#include <tuple>

namespace serin::gateway {
namespace {

struct RankedEntry {
    Entry entry;
    std::string created;
    std::string route;  // "<namespace>/<name>"
    std::size_t index = 0;
};

class Builder {
public:
    explicit Builder(const World& world) : world_(world), services_(world.services, world.pods) {}
    RoutingTable build();

private:
    void add_gateways();
    void add_listener(GatewaySpec& gateway, Listener& listener, GatewayReport& report);
    void add_route(const Object& route);
    ParentReport attach(const RouteSpec& route, const ParentRef& parent);
    void add_rules(const RouteSpec& route, std::optional<Problem>& unresolved);
    void add_services();
    void add_samples();
    std::optional<Problem> resolve(
        const RouteSpec& route, const BackendRef& ref, std::size_t rule, std::string& backend);
    void add_entries(const RouteSpec& route, const std::string& frontend, const std::string& host);

    const World& world_;
    ServiceIndex services_;
    std::map<ObjectKey, std::size_t> gateways_;  // To their place in specs_ and table_.gateways.
    std::vector<GatewaySpec> specs_;
    std::map<std::string, std::vector<RankedEntry>> entries_;  // By frontend.
    RoutingTable table_;
};

void Builder::add_gateways() {
    std::map<ObjectKey, const Object*> secrets;
    for (const Object& secret : world_.secrets) secrets[secret.key()] = &secret;
    for (const Object& gateway : world_.gateways) {
        if (gateway.text("/spec/gatewayClassName") != class_name) continue;
        specs_.push_back(read_gateway(gateway, world_.default_address, secrets));
    }
    // Of two Gateways that want the same port differently the older one has it.
    std::ranges::sort(specs_, {}, [](const GatewaySpec& spec) {
        return std::tuple(spec.created, spec.key.ns, spec.key.name);
    });
    for (GatewaySpec& spec : specs_) {
        gateways_[spec.key] = table_.gateways.size();
        GatewayReport& report = table_.gateways.emplace_back(GatewayReport{
            .key = spec.key,
            .generation = spec.generation,
            .address = spec.address,
            .problem = spec.problem});
        for (Listener& listener : spec.listeners) add_listener(spec, listener, report);
    }
}

void Builder::add_listener(GatewaySpec& gateway, Listener& listener, GatewayReport& report) {
    ListenerReport out{.name = listener.name, .protocol = listener.protocol};
    const bool is_tls = listener.protocol == "HTTPS";
    Frontend wanted{.address = gateway.address, .port = listener.port, .is_tls = is_tls};
    const auto existing = table_.frontends.find(wanted.name());
    std::optional<Problem> conflict;
    if (existing != table_.frontends.end() && existing->second.is_tls != is_tls) {
        conflict =
            Problem{"ProtocolConflict", "another listener has this port with another protocol"};
    }
    const bool is_served =
        !gateway.problem && !listener.problem && !listener.certificate_problem && !conflict;
    if (is_served) {
        Frontend& frontend = table_.frontends.try_emplace(wanted.name(), wanted).first->second;
        std::ranges::copy(listener.certificates, std::back_inserter(frontend.certificates));
        out.frontend = frontend.name();
    }
    const auto problem = listener.problem ? listener.problem : gateway.problem;
    out.conditions = {
        {"Accepted",
         !problem && !conflict,
         problem    ? problem->reason
         : conflict ? conflict->reason
                    : "Accepted",
         problem    ? problem->message
         : conflict ? conflict->message
                    : ""},
        {"Conflicted",
         conflict.has_value(),
         conflict ? conflict->reason : "NoConflicts",
         conflict ? conflict->message : ""},
        {"ResolvedRefs",
         !listener.certificate_problem,
         listener.certificate_problem ? listener.certificate_problem->reason : "ResolvedRefs",
         listener.certificate_problem ? listener.certificate_problem->message : ""}};
    report.listeners.push_back(std::move(out));
}

void Builder::add_route(const Object& object) {
    RouteSpec route = read_route(object);
    const auto refused = world_.refused.find(object.key());
    if (refused != world_.refused.end() && refused->second.generation == object.generation()) {
        route.problem = Problem{"UnsupportedValue", refused->second.message};
    }
    RouteReport report{.key = object.key(), .generation = object.generation()};
    bool is_accepted = false;
    for (const ParentRef& parent : route.parents) {
        const ObjectKey key{.type = &types::gateway(), .ns = parent.ns, .name = parent.name};
        if (!gateways_.contains(key)) continue;
        report.parents.push_back(attach(route, parent));
        is_accepted = is_accepted || report.parents.back().is_accepted;
    }
    if (report.parents.empty()) return;

    std::optional<Problem> unresolved;
    if (is_accepted) add_rules(route, unresolved);
    for (ParentReport& parent : report.parents) {
        if (route.unobserved) {
            parent.conditions.push_back(
                {"serin.dev/Observed", false, route.unobserved->reason, route.unobserved->message});
        }
        parent.conditions.push_back(
            {"ResolvedRefs",
             !unresolved,
             unresolved ? unresolved->reason : "ResolvedRefs",
             unresolved ? unresolved->message : ""});
    }
    if (is_accepted) {
        for (std::size_t i = 0; i < route.rules.size(); ++i) {
            report.rules.push_back(route.ns + "/" + route.name + "/" + std::to_string(i));
        }
        table_.specs[report.key] = route;
    }
    const ObjectKey key = report.key;
    table_.routes[key] = std::move(report);
}

// Finds the listeners of one parent that take the route in, and enters its rules there.
ParentReport Builder::attach(const RouteSpec& route, const ParentRef& parent) {
    const std::size_t place =
        gateways_.at({.type = &types::gateway(), .ns = parent.ns, .name = parent.name});
    const GatewaySpec& gateway = specs_[place];
    Problem refusal{"NoMatchingParent", "the Gateway has no such listener"};
    bool is_attached = false;
    for (std::size_t i = 0; i < gateway.listeners.size(); ++i) {
        const Listener& listener = gateway.listeners[i];
        ListenerReport& listener_report = table_.gateways[place].listeners[i];
        if (!parent.section.empty() && parent.section != listener.name) continue;
        if (parent.port != 0 && parent.port != listener.port) continue;
        if (!listener.from_all_namespaces && route.ns != gateway.key.ns) {
            refusal = {"NotAllowedByListeners", "the listener takes no routes of this namespace"};
            continue;
        }
        const std::vector<std::string> any_host{""};
        bool has_host = false;
        for (const auto& host : route.hostnames.empty() ? any_host : route.hostnames) {
            const auto effective = intersect_hosts(listener.host, host);
            if (!effective) continue;
            has_host = true;
            if (!route.problem && !listener_report.frontend.empty()) {
                add_entries(route, listener_report.frontend, *effective);
            }
        }
        if (!has_host) {
            refusal = {"NoMatchingListenerHostname", "no host name in common with a listener"};
            continue;
        }
        is_attached = true;
        if (!route.problem) ++listener_report.attached_routes;
    }
    if (route.problem) refusal = *route.problem;
    const bool is_accepted = is_attached && !route.problem;
    return {
        .parent = parent.raw,
        .conditions =
            {{"Accepted",
              is_accepted,
              is_accepted ? "Accepted" : refusal.reason,
              is_accepted ? "" : refusal.message}},
        .is_accepted = is_accepted};
}

// Finds the backend and has it in the table.
std::optional<Problem> Builder::resolve(
    const RouteSpec& route, const BackendRef& ref, std::size_t rule, std::string& backend) {
    if (ref.problem) return ref.problem;
    const Result<Backend> found = services_.resolve(route.ns, ref.service, ref.port);
    if (!found) {
        return Problem{
            "BackendNotFound",
            "spec.rules[" + std::to_string(rule) + "]: " + found.error().message};
    }
    backend = found->name;
    table_.backends.try_emplace(found->name, *found);
    return std::nullopt;
}

void Builder::add_rules(const RouteSpec& route, std::optional<Problem>& unresolved) {
    for (std::size_t i = 0; i < route.rules.size(); ++i) {
        TableRule rule{
            .id = route.ns + "/" + route.name + "/" + std::to_string(i),
            .rule = route.rules[i],
            .observed = route.observed};
        for (const BackendRef& ref : rule.rule.refs) {
            Target target{.service = ref.service, .weight = ref.weight};
            const auto problem = resolve(route, ref, i, target.backend);
            if (problem && !unresolved) unresolved = problem;
            rule.targets.push_back(std::move(target));
        }
        for (const MirrorRef& mirror : rule.rule.mirrors) {
            MirrorTarget target{.parts = mirror.parts};
            const auto problem = resolve(route, mirror.ref, i, target.backend);
            if (problem && !unresolved) unresolved = problem;
            if (!problem) rule.mirrors.push_back(std::move(target));
        }
        const std::string id = rule.id;
        table_.rules.try_emplace(id, std::move(rule));
    }
}

void Builder::add_entries(
    const RouteSpec& route, const std::string& frontend, const std::string& host) {
    std::size_t order = 0;
    for (std::size_t i = 0; i < route.rules.size(); ++i) {
        for (const RequestMatch& match : route.rules[i].matches) {
            entries_[frontend].push_back(
                {.entry =
                     {.host = host,
                      .match = match,
                      .rule = route.ns + "/" + route.name + "/" + std::to_string(i)},
                 .created = route.created,
                 .route = route.ns + "/" + route.name,
                 .index = order++});
        }
    }
}

void Builder::add_services() {
    std::map<ObjectKey, std::int64_t> generations;
    for (const Object& service : world_.services) {
        generations[service.key()] = service.generation();
    }
    for (const auto& [name, backend] : table_.backends) {
        const ObjectKey key{.type = &types::service(), .ns = backend.ns, .name = backend.service};
        ServiceReport& report = table_.services[key];
        report.generation = generations[key];
        report.backends.push_back(name);
    }
}

// The rules that name a wish's stable Service.
void Builder::add_samples() {
    for (const NumberedWish& wanted : world_.wishes) {
        const CopyWish& wish = wanted.wish;
        for (auto& [id, rule] : table_.rules) {
            if (rule.rule.redirect || !id.starts_with(wish.ns + "/")) continue;
            const auto ref =
                std::ranges::find(rule.rule.refs, wish.stable_service, &BackendRef::service);
            if (ref == rule.rule.refs.end() || ref->problem) continue;
            const auto candidate = services_.pods_of_revision(
                wish.ns, ref->service, ref->port, wish.candidate_revision);
            const auto stable =
                services_.pods_of_revision(wish.ns, ref->service, ref->port, wish.stable_revision);
            if (!candidate || !stable) continue;
            table_.sampled[wanted.number][id] = {.candidate = *candidate, .stable = *stable};
            if (!rule.sampling) rule.sampling.emplace();
            rule.sampling->methods.insert(wish.methods.begin(), wish.methods.end());
            rule.sampling->rate = std::max(rule.sampling->rate, wish.rate);
        }
    }
}

RoutingTable Builder::build() {
    add_gateways();
    for (const Object& route : world_.routes) add_route(route);
    for (auto& [name, entries] : entries_) {
        std::ranges::sort(entries, [](const RankedEntry& left, const RankedEntry& right) {
            const auto by_match = compare_precedence(left.entry, right.entry);
            if (by_match != 0) return by_match < 0;
            return std::tie(left.created, left.route, left.index) <
                   std::tie(right.created, right.route, right.index);
        });
        Frontend& frontend = table_.frontends.at(name);
        for (RankedEntry& entry : entries) frontend.entries.push_back(std::move(entry.entry));
    }
    add_services();
    add_samples();
    for (const Object& pod : world_.pods) {
        PodState state{
            .may_serve = may_serve(pod),
            .address = std::string(pod.text("/status/podIP")),
            .is_in_rotation = pod.annotation("serin.dev/in-rotation").has_value()};
        if (pod.is_being_deleted()) {
            const std::int64_t own = pod.integer("/spec/terminationGracePeriodSeconds", 30);
            state.grace =
                std::chrono::seconds(pod.integer("/metadata/deletionGracePeriodSeconds", own));
        }
        table_.pods[pod_identity(pod.ns(), server_name(pod))] = std::move(state);
    }
    return std::move(table_);
}

}  // namespace

RoutingTable build_table(const World& world) {
    return Builder(world).build();
}

std::strong_ordering compare_precedence(const Entry& left, const Entry& right) {
    // Smaller comes first.
    const auto rank = [](const Entry& entry) {
        const bool is_wildcard = entry.host.starts_with('*');
        const auto more = [](std::size_t count) { return -static_cast<std::int64_t>(count); };
        const PathMatch& path = entry.match.path;
        const int kind = path.kind == PathKind::exact ? 0 : path.kind == PathKind::prefix ? 1 : 2;
        // A regular expression outranks only the prefix that matches everything.
        const bool is_catch_all = path.kind == PathKind::prefix && path.value == "/";
        return std::tuple(
            entry.host.empty() ? 2
            : is_wildcard      ? 1
                               : 0,
            more(entry.host.size()),
            is_catch_all ? 3 : kind,
            kind == 1 ? more(path.value.size()) : 0,
            entry.match.method.empty() ? 1 : 0,
            more(entry.match.headers.size()),
            more(entry.match.params.size()));
    };
    return rank(left) <=> rank(right);
}

bool may_serve(const Object& pod) {
    if (pod.is_being_deleted() || !is_ip_address(pod.text("/status/podIP"))) return false;
    const json::Array* conditions = json::array(pod.find("/status/conditions"));
    return conditions != nullptr && std::ranges::any_of(*conditions, [](const json::Value& item) {
               return json::text(json::find(item, "/type")) == "Ready" &&
                      json::text(json::find(item, "/status")) == "True";
           });
}

std::string pod_identity(std::string_view ns, std::string_view server) {
    return std::string(ns) + "/" + std::string(server);
}

}  // namespace serin::gateway
