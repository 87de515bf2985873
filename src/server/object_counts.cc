#include "server/object_counts.h"

namespace serin::server {

void ObjectCounts::start() {
    for (const ResourceType& type : resource_types()) follow(type);
}

void ObjectCounts::follow(const ResourceType& type) {
    Kind& kind = kinds_[&type];
    const auto list = store_.list({.type = &type});
    if (!list) return follow_later(type);
    kind.uids.clear();
    for (const Object& object : list->items) kind.uids.emplace(object.uid());
    auto watch = store_.watch(
        {.type = &type},
        list->resource_version,
        [&kind](const StoreEvent& event) {
            if (event.kind == EventKind::removed) {
                kind.uids.erase(std::string(event.object.uid()));
            } else {
                kind.uids.emplace(event.object.uid());
            }
        },
        [this, &type](const Error&) { follow_later(type); });
    if (!watch) return follow_later(type);
    kind.watch = std::move(*watch);
}

void ObjectCounts::follow_later(const ResourceType& type) {
    constexpr Duration pause{1'000};
    kinds_[&type].retry = loop_.after(pause, [this, &type] { follow(type); });
}

void ObjectCounts::add_to(Exposition& out) const {
    for (const auto& [type, kind] : kinds_) {
        out.add(
            "serin_objects",
            Exposition::Kind::gauge,
            "Objects in the store.",
            static_cast<double>(kind.uids.size()),
            {{"group", std::string(type->group)}, {"resource", std::string(type->plural)}});
    }
}

}  // namespace serin::server
