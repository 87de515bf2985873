#include "store/transaction.h"

#include "base/check.h"
#include "store/rules.h"

#include <algorithm>

namespace serin::store {

Result<Object> LocalStore::Transaction::load(const ObjectKey& key) const {
    const auto staged = latest_.find(key);
    if (staged == latest_.end()) return store_.load(key);
    const Change& change = changes_[staged->second];
    if (change.kind == EventKind::removed) return std::unexpected(not_found(key));
    return change.after;
}

Object LocalStore::Transaction::add(Object object) {
    return stage(EventKind::added, {}, std::move(object));
}

Object LocalStore::Transaction::modify(const Object& old, Object object) {
    return stage(EventKind::modified, old, std::move(object));
}

Result<Object> LocalStore::Transaction::remove(const Object& old) {
    const std::string uid(old.uid());
    Object removed = stage(EventKind::removed, old, old);
    removed_uids_.insert(uid);
    SERIN_TRY_DO(remove_dependents(uid));
    if (old.type() == &types::name_space()) {
        SERIN_TRY_DO(remove_contents(std::string(old.name())));
    }
    return removed;
}

Object LocalStore::Transaction::stage(EventKind kind, Object before, Object after) {
    const std::int64_t version = store_.version_ + static_cast<std::int64_t>(changes_.size()) + 1;
    after.put("/metadata/resourceVersion", json::string(std::to_string(version)));
    const ObjectKey key = after.key();
    std::int64_t id = 0;
    if (const Index::Entry* entry = store_.index_.find(key)) {
        id = entry->id;
    } else {
        SERIN_CHECK(kind == EventKind::added);
        id = store_.last_id_ + 1;
    }
    latest_[key] = changes_.size();
    changes_.push_back(
        {.kind = kind,
         .key = key,
         .id = id,
         .version = version,
         .before = std::move(before),
         .after = std::move(after)});
    return changes_.back().after;
}

Result<> LocalStore::Transaction::remove_dependents(const std::string& uid) {
    for (const ObjectKey& key : store_.index_.dependents(uid)) {
        SERIN_TRY_DO(release(key));
    }
    return {};
}

Result<> LocalStore::Transaction::release(const ObjectKey& dependent) {
    auto loaded = load(dependent);
    if (!loaded) {
        if (loaded.error().kind == ErrorKind::not_found) return {};
        return std::unexpected(std::move(loaded).error());
    }
    const Object& old = *loaded;
    const std::vector<std::string> owners = owner_uids(old);
    if (owners.empty()) return {};
    if (std::ranges::any_of(owners, [&](const auto& uid) { return is_there(uid); })) {
        Object kept = old;
        bool is_changed = false;
        for (const std::string& uid : owners) {
            if (!is_there(uid) && strip_owner(kept, uid)) is_changed = true;
        }
        if (is_changed) modify(old, std::move(kept));
        return {};
    }
    return end(old);
}

Result<> LocalStore::Transaction::end(const Object& old) {
    auto marked = marked_for_removal(old, std::nullopt, store_.loop_.now());
    if (!marked) {
        SERIN_TRY_DO(remove(old));
    } else if (!json::same(marked->document(), old.document())) {
        modify(old, *std::move(marked));
    }
    return {};
}

Result<> LocalStore::Transaction::remove_contents(const std::string& ns) {
    std::vector<ObjectKey> contents;
    for (const ResourceType& type : resource_types()) {
        if (!type.is_namespaced) continue;
        store_.index_.walk(type, ns, {}, [&](const Index::Place& place, const Index::Entry&) {
            contents.push_back({.type = &type, .ns = place.first, .name = place.second});
            return true;
        });
    }
    for (const ObjectKey& key : contents) {
        const auto old = load(key);
        if (old) {
            SERIN_TRY_DO(end(*old));
        } else if (old.error().kind != ErrorKind::not_found) {
            return std::unexpected(old.error());
        }
    }
    return {};
}

Result<> LocalStore::Transaction::orphan_dependents(const Object& owner) {
    const std::string uid(owner.uid());
    for (const ObjectKey& key : store_.index_.dependents(uid)) {
        SERIN_TRY(const Object old, load(key));
        Object kept = old;
        if (strip_owner(kept, uid)) modify(old, std::move(kept));
    }
    return {};
}

bool LocalStore::Transaction::is_there(const std::string& uid) const {
    return store_.index_.has_uid(uid) && !removed_uids_.contains(uid);
}

Result<> LocalStore::Transaction::commit() {
    if (changes_.empty()) return {};
    SERIN_TRY_DO(store_.table_->commit(changes_));
    for (const Change& change : changes_) {
        if (change.kind == EventKind::removed) {
            store_.index_.erase(change.key);
        } else if (change.kind == EventKind::modified) {
            store_.index_.change(change.key, change.id, change.before, change.after);
        } else {
            store_.index_.put(change.key, change.id, change.after);
            store_.last_id_ = std::max(store_.last_id_, change.id);
        }
        store_.version_ = change.version;
        store_.watches_.publish(change);
    }
    return {};
}

}  // namespace serin::store
