#include "ports/reconciler.h"

#include "base/json.h"

namespace serin {

Trigger on_change_of(const ResourceType& type) {
    return {&type, [](const Object& object) { return std::vector{object.key()}; }};
}

Trigger on_change_of_owned(const ResourceType& type, const ResourceType& owner) {
    return {
        &type, [&owner](const Object& object) -> std::vector<ObjectKey> {
            const json::Object* reference = object.controller();
            if (reference == nullptr || json::text(reference->if_contains("kind")) != owner.kind) {
                return {};
            }
            const auto name = json::text(reference->if_contains("name")).value_or("");
            const std::string ns = owner.is_namespaced ? std::string(object.ns()) : "";
            return {{.type = &owner, .ns = ns, .name = std::string(name)}};
        }};
}

}  // namespace serin
