#include "node/pod_facts.h"

#include <fmt/format.h>

namespace serin::node {

const json::Object* condition(const Object& pod, std::string_view type) {
    const json::Array* conditions = json::array(pod.find("/status/conditions"));
    if (conditions == nullptr) return nullptr;
    for (const json::Value& one : *conditions) {
        if (json::text(json::find(one, "/type")) == type) return one.if_object();
    }
    return nullptr;
}

bool is_condition_true(const Object& pod, std::string_view type) {
    const json::Object* found = condition(pod, type);
    return found != nullptr && json::text(found->if_contains("status")) == "True";
}

bool is_ready(const Object& pod) {
    return is_condition_true(pod, "Ready");
}

std::optional<Instant> ready_time(const Object& pod) {
    if (!is_ready(pod)) return std::nullopt;
    const auto since = json::text(condition(pod, "Ready")->if_contains("lastTransitionTime"));
    const auto at = parse_time(since.value_or(""));
    return at ? std::optional(*at) : std::nullopt;
}

const json::Array& containers_of(const Object& pod, std::string_view list) {
    static const json::Array none;
    const json::Array* found = json::array(pod.find(fmt::format("/spec/{}", list)));
    return found == nullptr ? none : *found;
}

}  // namespace serin::node
