#include "lint/services.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::lint {

using manifest::Part;

namespace {

constexpr std::string_view hash_label = "rollouts-pod-template-hash";

bool leads_to(const Source& route, const std::set<std::string>& services) {
    const Part rules = route.spec()["rules"];
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const Part backends = rules[i]["backendRefs"];
        for (std::size_t j = 0; j < backends.size(); ++j) {
            if (services.contains(backends[j]["name"].text())) return true;
        }
    }
    return false;
}

}  // namespace

Labels read_labels(const Part& part) {
    Labels labels;
    if (!part.object()) return labels;
    for (const auto& member : *part.object()) {
        labels.emplace(
            std::string(member.key()), std::string(json::text(&member.value()).value_or("")));
    }
    return labels;
}

std::string to_text(const Labels& labels) {
    std::string out;
    for (const auto& [key, value] : labels) {
        out += fmt::format("{}{}={}", out.empty() ? "" : ",", key, value);
    }
    return out;
}

bool selects(const Labels& selector, const Labels& labels) {
    return std::ranges::all_of(selector, [&](const auto& wanted) {
        const auto found = labels.find(wanted.first);
        return wanted.first == hash_label ||
               (found != labels.end() && found->second == wanted.second);
    });
}

std::vector<Part> services_of(const Source& rollout) {
    const Part canary = rollout.spec()["strategy"]["canary"];
    const Part blue_green = rollout.spec()["strategy"]["blueGreen"];
    return {
        canary["stableService"],
        canary["canaryService"],
        canary["pingPong"]["pingService"],
        canary["pingPong"]["pongService"],
        blue_green["activeService"],
        blue_green["previewService"]};
}

std::set<std::string> service_names(const Sources& sources, const Source& rollout) {
    std::set<std::string> names;
    for (const Part& service : services_of(rollout)) {
        if (!service.text().empty()) names.insert(service.text());
    }
    const Labels pods = read_labels(rollout.spec()["template"]["metadata"]["labels"]);
    for (const Source* service : sources.of_kind("Service")) {
        if (service->object.ns() != rollout.object.ns()) continue;
        const Labels selector = read_labels(service->spec()["selector"]);
        if (selector.empty() || !selects(selector, pods)) continue;
        names.emplace(service->object.name());
    }
    return names;
}

std::vector<const Source*> routes_of(const Sources& sources, const Source& rollout) {
    const std::set<std::string> services = service_names(sources, rollout);
    std::vector<const Source*> routes;
    for (const Source* route : sources.of_kind("HTTPRoute")) {
        if (route->object.ns() != rollout.object.ns()) continue;
        if (leads_to(*route, services)) routes.push_back(route);
    }
    return routes;
}

}  // namespace serin::lint
