#include "lint/families.h"
#include "lint/services.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace serin::lint {

using manifest::Part;

namespace {

constexpr std::string_view canary_ingress = "nginx.ingress.kubernetes.io/canary";
constexpr std::string_view ingress_affinity = "nginx.ingress.kubernetes.io/affinity";
constexpr std::int64_t affinity_timeout_max = 86'400;

void check_selector(const Context& context, const ServiceIndex& index, const Source& service) {
    const Part spec = service.spec();
    if (spec["type"].text() == "ExternalName") return;
    const Labels selector = read_labels(spec["selector"]);
    if (selector.empty()) {
        return context.reporter.add(
            "service-without-selector",
            service,
            spec["selector"].pointer(),
            "selects no pods, so that nothing answers behind it",
            "write a selector with labels of the pods");
    }
    const std::string_view ns = service.object.ns();
    if (!index.has_pods(ns) || index.leads_to_pods(ns, selector)) return;  // Or they are elsewhere.
    context.reporter.add(
        "service-selects-nothing",
        service,
        spec["selector"].pointer(),
        fmt::format("no pod template here has the labels {}", to_text(selector)),
        "correct the selector or the template's labels");
}

void check_affinity(const Context& context, const Source& service) {
    const Part spec = service.spec();
    const Part config = spec["sessionAffinityConfig"];
    if (!config.is_given()) return;
    if (spec["sessionAffinity"].text() != "ClientIP") {
        context.reporter.add(
            "affinity-config",
            service,
            config.pointer(),
            "counts for nothing without sessionAffinity: ClientIP",
            "remove it");
    }
    const Part timeout = config["clientIP"]["timeoutSeconds"];
    const auto seconds = timeout.integer();
    if (!seconds || (*seconds >= 1 && *seconds <= affinity_timeout_max)) return;
    context.reporter.add(
        "affinity-config",
        service,
        timeout.pointer(),
        fmt::format("must be from 1 to {}, is {}", affinity_timeout_max, *seconds),
        "remove it");
}

bool is_judged(const Context& context, const Source& rollout) {
    return std::ranges::any_of(
        context.uses, [&](const Use& use) { return use.rollout == &rollout; });
}

void report_sticky(
    const Context& context, const Source& where, const Part& at, const Source& rollout) {
    context.reporter.add(
        "sticky-sessions",
        where,
        at.pointer(),
        fmt::format(
            "clients stay with a version, so weights move new clients only, and the analysis of "
            "Rollout {} compares different people",
            rollout.object.name()),
        "remove it while a release is judged, or compare the assigned cohorts");
}

void check_sticky(const Context& context, const ServiceIndex& index, const Source& rollout) {
    if (!rollout.spec()["strategy"]["canary"].is_given() || !is_judged(context, rollout)) return;
    const std::string ns(rollout.object.ns());
    const std::set<std::string> services = index.names_of(rollout);
    for (const std::string& name : services) {
        const Source* service = context.sources.find("Service", ns, name);
        if (!service) continue;
        const Part affinity = service->spec()["sessionAffinity"];
        if (affinity.text() == "ClientIP") report_sticky(context, *service, affinity, rollout);
    }
    for (const Source* route : index.routes_of(rollout)) {
        const Part rules = route->spec()["rules"];
        for (std::size_t i = 0; i < rules.size(); ++i) {
            if (!rules[i]["sessionPersistence"].is_given()) continue;
            for (std::size_t j = 0; j < rules[i]["backendRefs"].size(); ++j) {
                if (!services.contains(rules[i]["backendRefs"][j]["name"].text())) continue;
                report_sticky(context, *route, rules[i]["sessionPersistence"], rollout);
            }
        }
    }
    for (const Source* ingress : context.sources.of_kind("Ingress")) {
        const Part affinity = ingress->root()["metadata"]["annotations"][ingress_affinity];
        if (affinity.text() == "cookie" && ingress->object.ns() == ns) {
            report_sticky(context, *ingress, affinity, rollout);
        }
    }
}

// A manifest that gives the canary weight does so at every apply, in the middle of releases too.
void check_route(const Context& context, const ServiceIndex& index, const Source& rollout) {
    const Part canary = rollout.spec()["strategy"]["canary"];
    // The services of pingPong take turns; the ping one is the first canary's.
    const Part turns = canary["pingPong"];
    const std::string stable =
        (turns.is_given() ? turns["pongService"] : canary["stableService"]).text();
    const std::string candidate =
        (turns.is_given() ? turns["pingService"] : canary["canaryService"]).text();
    if (stable.empty() || candidate.empty()) return;
    for (const Source* route : index.routes_to(rollout.object.ns(), candidate)) {
        const Part rules = route->spec()["rules"];
        for (std::size_t i = 0; i < rules.size(); ++i) {
            const Part backends = rules[i]["backendRefs"];
            std::optional<std::size_t> at;
            bool has_stable = false;
            for (std::size_t j = 0; j < backends.size(); ++j) {
                has_stable = has_stable || backends[j]["name"].text() == stable;
                if (backends[j]["name"].text() == candidate) at = j;
            }
            if (!at || !has_stable) continue;
            const Part weight = backends[*at]["weight"];
            const std::int64_t given = weight.integer().value_or(1);
            if (given == 0) continue;
            context.reporter.add(
                "route-exposes-canary",
                *route,
                weight.is_given() ? weight.pointer() : backends[*at].pointer(),
                weight.is_given()
                    ? fmt::format("gives the canary weight {} before any release", given)
                    : "gives the canary weight 1, which is what a missing weight means",
                "write weight: 0");
        }
    }
}

void check_shared(const Context& context) {
    std::map<std::pair<std::string, std::string>, const Source*> owners;
    for (const Source* rollout : context.sources.of_kind("Rollout")) {
        for (const Part& service : services_of(*rollout)) {
            const std::string name = service.text();
            if (name.empty()) continue;
            const auto [owner, is_new] =
                owners.emplace(std::pair(std::string(rollout->object.ns()), name), rollout);
            if (is_new || owner->second == rollout) continue;
            context.reporter.add(
                "shared-service",
                *rollout,
                service.pointer(),
                fmt::format(
                    "Rollout {} uses Service {} too, and both move its selector",
                    owner->second->object.name(),
                    name),
                "give each Rollout Services of its own");
        }
    }
}

std::set<std::string> hosts_of(const Source& ingress) {
    std::set<std::string> hosts;
    const Part rules = ingress.spec()["rules"];
    for (std::size_t i = 0; i < rules.size(); ++i) hosts.insert(rules[i]["host"].text());
    return hosts;
}

void check_ingresses(const Context& context) {
    std::set<std::string> served;
    const std::vector<const Source*> all = context.sources.of_kind("Ingress");
    const auto is_canary = [](const Source& ingress) {
        return ingress.object.annotation(canary_ingress).value_or("") == "true";
    };
    for (const Source* ingress : all) {
        if (!is_canary(*ingress)) served.merge(hosts_of(*ingress));
    }
    for (const Source* ingress : all) {
        if (!is_canary(*ingress)) continue;
        for (const std::string& host : hosts_of(*ingress)) {
            if (served.contains(host)) continue;
            context.reporter.add(
                "canary-ingress-without-main",
                *ingress,
                ingress->root()["metadata"]["annotations"][canary_ingress].pointer(),
                fmt::format(
                    "no other Ingress serves {}: without the main one the canary gets nothing",
                    host.empty() ? "all hosts" : "host " + host),
                "add the Ingress of the stable Service");
        }
    }
}

}  // namespace

void check_services(const Context& context) {
    const ServiceIndex index(context.sources);
    for (const Source* service : context.sources.of_kind("Service")) {
        check_selector(context, index, *service);
        check_affinity(context, *service);
    }
    for (const Source* rollout : context.sources.of_kind("Rollout")) {
        check_sticky(context, index, *rollout);
        check_route(context, index, *rollout);
    }
    check_shared(context);
    check_ingresses(context);
}

}  // namespace serin::lint
