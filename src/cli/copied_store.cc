#include "cli/copied_store.h"

#include "store/patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace serin::cli {

namespace {

std::unexpected<Error> absent(const ObjectKey& key) {
    return fail(ErrorKind::not_found, to_string(key) + " not found");
}

// Read one by one: there may be very many, and most are nobody's business.
bool is_read_by_name(const ResourceType& type) {
    const std::array<const ResourceType*, 2> types{&types::config_map(), &types::secret()};
    return std::ranges::find(types, &type) != types.end();
}

}  // namespace

Result<> CopiedStore::load(const ResourceType& type, const std::string& ns) const {
    if (!loaded_.emplace(&type, ns).second) return {};
    auto objects = source_.list(type, ns);
    if (!objects) {
        // A cluster that does not serve this kind has none of it.
        if (objects.error().kind == ErrorKind::not_found) return {};
        return std::unexpected(std::move(objects).error());
    }
    for (Object& object : *objects) objects_.emplace(object.key(), std::move(object));
    return {};
}

Result<Object> CopiedStore::get(const ObjectKey& key) const {
    if (key.type == &types::event()) return absent(key);
    if (is_read_by_name(*key.type)) {
        if (const auto found = objects_.find(key); found != objects_.end()) return found->second;
        return source_.get(key);
    }
    SERIN_TRY_DO(load(*key.type, key.ns));
    const auto found = objects_.find(key);
    if (found == objects_.end()) return absent(key);
    return found->second;
}

Result<ObjectList> CopiedStore::list(const ListQuery& query) const {
    if (query.type == &types::event()) return ObjectList{};
    SERIN_TRY_DO(load(*query.type, query.ns));
    ObjectList list;
    for (const auto& [key, object] : objects_) {
        if (key.type != query.type || key.ns != query.ns) continue;
        if (query.owner_uid && object.controller_uid() != *query.owner_uid) continue;
        if (query.labels.matches(object.labels())) list.items.push_back(object);
    }
    return list;
}

// Keeps what was there before, if this is the first write.
Object CopiedStore::store(Object object) {
    const ObjectKey key = object.key();
    if (key.type == &types::event()) return object;
    const auto found = objects_.find(key);
    const Object former = found == objects_.end() ? Object() : found->second;
    if (json::same(former.document(), object.document())) return object;
    before_.emplace(key, former);
    ++writes_;
    objects_[key] = object;
    return object;
}

Result<Object> CopiedStore::create(Object object) {
    const ObjectKey key = object.key();
    if (get(key)) return fail(ErrorKind::exists, to_string(key) + " exists already");
    object.put("/metadata/uid", json::string(fmt::format("planned-{}", writes_ + 1)));
    object.put("/metadata/creationTimestamp", json::string(format_time(now_)));
    object.put("/metadata/generation", 1);
    if (key.type->has_status) object.erase("/status");
    return store(std::move(object));
}

Result<Object> CopiedStore::update(Object object, Part part) {
    SERIN_TRY(Object next, get(object.key()));
    const json::Value* wanted_status = object.find("/status");
    if (part == Part::status) {
        if (wanted_status) {
            next.put("/status", json::Value(*wanted_status));
        } else {
            next.erase("/status");
        }
        return store(std::move(next));
    }
    const Object former = next;
    if (object.type()->has_status) {
        object.erase("/status");
        if (const json::Value* status = former.find("/status")) {
            object.put("/status", json::Value(*status));
        }
    }
    const json::Value* spec = object.find("/spec");
    const json::Value* former_spec = former.find("/spec");
    const bool is_same_spec = spec && former_spec && json::same(*spec, *former_spec);
    object.put("/metadata/generation", former.generation() + (is_same_spec ? 0 : 1));
    return store(std::move(object));
}

Result<Object> CopiedStore::patch(
    const ObjectKey& key, PatchKind kind, const json::Value& patch, Part part) {
    SERIN_TRY(const Object former, get(key));
    SERIN_TRY(json::Value next, store::apply_patch(*key.type, former.document(), kind, patch));
    return update(Object(std::move(next.get_object())), part);
}

Result<Object> CopiedStore::remove(const ObjectKey& key, const RemoveOptions&) {
    SERIN_TRY(Object former, get(key));
    before_.emplace(key, former);
    ++writes_;
    objects_.erase(key);
    return former;
}

Result<std::unique_ptr<WatchHandle>> CopiedStore::watch(
    const ListQuery&, const std::string&, OnEvent, OnEnd) {
    return fail(ErrorKind::unavailable, "a copy cannot be watched");
}

std::vector<CopiedStore::Change> CopiedStore::take_changes() {
    std::vector<Change> changes;
    for (auto& [key, before] : before_) {
        const auto found = objects_.find(key);
        const Object after = found == objects_.end() ? Object() : found->second;
        if (!json::same(before.document(), after.document())) {
            changes.push_back({.key = key, .before = before, .after = after});
        }
    }
    before_.clear();
    return changes;
}

}  // namespace serin::cli
