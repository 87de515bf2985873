#include "lint/services.h"

#include <fmt/format.h>

#include <algorithm>

namespace serin::lint {

using manifest::Part;

namespace {

constexpr std::string_view hash_label = "rollouts-pod-template-hash";

std::string label_text(const Labels::value_type& label) {
    return label.first + "=" + label.second;
}

// Any label that has to be there; "" when there is none.
std::string one_label(const Labels& selector) {
    for (const auto& label : selector) {
        if (label.first != hash_label) return label_text(label);
    }
    return {};
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

ServiceIndex::ServiceIndex(const Sources& sources) {
    for (const PodTemplate& pods : pod_templates(sources)) {
        const std::string ns(pods.source->object.ns());
        const Labels labels = read_labels(pods.metadata["labels"]);
        for (const auto& label : labels) pods_[{ns, label_text(label)}].push_back(labels);
        pods_[{ns, ""}].push_back(labels);
    }
    for (const Source* service : sources.of_kind("Service")) {
        Labels selector = read_labels(service->spec()["selector"]);
        if (selector.empty()) continue;
        const Place place{service->object.ns(), one_label(selector)};
        services_[place].push_back(
            {.name = std::string(service->object.name()), .selector = std::move(selector)});
    }
    for (const Source* route : sources.of_kind("HTTPRoute")) {
        const Part rules = route->spec()["rules"];
        for (std::size_t i = 0; i < rules.size(); ++i) {
            const Part backends = rules[i]["backendRefs"];
            for (std::size_t j = 0; j < backends.size(); ++j) {
                auto& known =
                    routes_[{std::string(route->object.ns()), backends[j]["name"].text()}];
                if (known.empty() || known.back() != route) known.push_back(route);
            }
        }
    }
}

bool ServiceIndex::has_pods(std::string_view ns) const {
    return pods_.contains({std::string(ns), ""});
}

bool ServiceIndex::leads_to_pods(std::string_view ns, const Labels& selector) const {
    const auto found = pods_.find({std::string(ns), one_label(selector)});
    return found != pods_.end() && std::ranges::any_of(found->second, [&](const Labels& labels) {
               return selects(selector, labels);
           });
}

std::set<std::string> ServiceIndex::names_of(const Source& rollout) const {
    std::set<std::string> names;
    for (const Part& service : services_of(rollout)) {
        if (!service.text().empty()) names.insert(service.text());
    }
    const std::string ns(rollout.object.ns());
    const Labels pods = read_labels(rollout.spec()["template"]["metadata"]["labels"]);
    std::vector<std::string> places{""};
    for (const auto& label : pods) places.push_back(label_text(label));
    for (const std::string& place : places) {
        const auto found = services_.find({ns, place});
        if (found == services_.end()) continue;
        for (const Selecting& one : found->second) {
            if (selects(one.selector, pods)) names.insert(one.name);
        }
    }
    return names;
}

std::vector<const Source*> ServiceIndex::routes_to(
    std::string_view ns, const std::string& service) const {
    const auto found = routes_.find({std::string(ns), service});
    return found == routes_.end() ? std::vector<const Source*>() : found->second;
}

std::vector<const Source*> ServiceIndex::routes_of(const Source& rollout) const {
    std::vector<const Source*> routes;
    for (const std::string& service : names_of(rollout)) {
        for (const Source* route : routes_to(rollout.object.ns(), service)) {
            if (std::ranges::find(routes, route) == routes.end()) routes.push_back(route);
        }
    }
    return routes;
}

}  // namespace serin::lint
