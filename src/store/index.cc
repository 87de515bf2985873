#include "store/index.h"

#include "store/rules.h"

#include <algorithm>

namespace serin::store {

const Index::Entry* Index::find(const ObjectKey& key) const {
    const auto type = entries_.find(key.type);
    if (type == entries_.end()) return nullptr;
    const auto entry = type->second.find(PlaceView(key.ns, key.name));
    return entry == type->second.end() ? nullptr : &entry->second;
}

std::vector<ObjectKey> Index::dependents(const std::string& uid) const {
    std::vector<ObjectKey> keys;
    const auto [first, last] = dependents_.equal_range(uid);
    for (auto at = first; at != last; ++at) keys.push_back(at->second);
    std::ranges::sort(keys);
    return keys;
}

void Index::walk(
    const ResourceType& type, const std::string& ns, const Place& after, const Visit& visit) const {
    const auto of_type = entries_.find(&type);
    if (of_type == entries_.end()) return;
    for (auto at = of_type->second.upper_bound(std::max(after, Place(ns, "")));
         at != of_type->second.end();
         ++at) {
        if (!ns.empty() && at->first.first != ns) return;
        if (!visit(at->first, at->second)) return;
    }
}

void Index::walk_controlled(
    const std::string& controller,
    const ResourceType& type,
    const std::string& ns,
    const Place& after,
    const Visit& visit) const {
    const auto of_controller = controlled_.find({controller, &type});
    if (of_controller == controlled_.end()) return;
    const auto& entries = entries_.at(&type);
    const std::set<Place>& places = of_controller->second;
    for (auto at = places.upper_bound(std::max(after, Place(ns, ""))); at != places.end(); ++at) {
        if (!ns.empty() && at->first != ns) return;
        if (!visit(*at, entries.at(*at))) return;
    }
}

void Index::put(const ObjectKey& key, std::int64_t id, const Object& object) {
    Entry entry{
        .id = id,
        .uid = std::string(object.uid()),
        .labels = object.labels(),
        .owners = owner_uids(object),
        .controller = std::string(object.controller_uid())};
    if (const Entry* former = find(key)) unlink(key, *former);
    uids_.insert_or_assign(entry.uid, key);
    for (const std::string& owner : entry.owners) dependents_.emplace(owner, key);
    controlled_[{entry.controller, key.type}].emplace(key.ns, key.name);
    entries_[key.type].insert_or_assign({key.ns, key.name}, std::move(entry));
}

void Index::change(
    const ObjectKey& key, std::int64_t id, const Object& former, const Object& object) {
    const auto has_same = [&](std::string_view pointer) {
        const json::Value* left = former.find(pointer);
        const json::Value* right = object.find(pointer);
        return left && right ? json::same(*left, *right) : left == right;
    };
    if (has_same("/metadata/labels") && has_same("/metadata/ownerReferences")) return;
    put(key, id, object);
}

void Index::erase(const ObjectKey& key) {
    const Entry* entry = find(key);
    if (entry == nullptr) return;
    unlink(key, *entry);
    entries_[key.type].erase({key.ns, key.name});
}

void Index::unlink(const ObjectKey& key, const Entry& entry) {
    uids_.erase(entry.uid);
    const auto controlled = controlled_.find({entry.controller, key.type});
    controlled->second.erase({key.ns, key.name});
    if (controlled->second.empty()) controlled_.erase(controlled);
    for (const std::string& owner : entry.owners) {
        const auto [first, last] = dependents_.equal_range(owner);
        const auto found =
            std::find_if(first, last, [&](const auto& link) { return link.second == key; });
        if (found != last) dependents_.erase(found);
    }
}

}  // namespace serin::store
