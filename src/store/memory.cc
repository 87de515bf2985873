#include "store/memory.h"

#include "base/check.h"

namespace serin::store {

Result<> MemoryStore::MemoryTable::commit(const std::vector<Change>& changes) {
    for (const Change& change : changes) {
        if (change.kind == EventKind::removed) {
            objects_.erase(change.id);
        } else {
            objects_[change.id] = change.after;
        }
        history_.push_back(
            {.version = change.version,
             .type = change.key.type,
             .kind = change.kind,
             .before = change.before,
             .after = change.after});
    }
    while (history_.size() > history_max_) {
        horizon_ = history_.front().version;
        history_.pop_front();
    }
    return {};
}

Result<Object> MemoryStore::MemoryTable::load(std::int64_t id) const {
    const auto found = objects_.find(id);
    SERIN_CHECK(found != objects_.end());
    return found->second;
}

Result<std::vector<PastChange>> MemoryStore::MemoryTable::history(
    const ResourceType& type, std::int64_t version) const {
    std::vector<PastChange> changes;
    for (const Past& past : history_) {
        if (past.version <= version || past.type != &type) continue;
        changes.push_back(
            {.kind = past.kind, .after = past.after, .labels_before = past.before.labels()});
    }
    return changes;
}

void MemoryStore::MemoryTable::forget(std::int64_t version) {
    history_.clear();
    horizon_ = version;
}

MemoryStore::MemoryStore(EventLoop& loop, std::string seed, size_t history_max)
    : LocalStore(loop, std::move(seed)), table_(history_max) {
    open(table_, 1, 0);
}

template <class Write>
Result<Object> MemoryStore::with_faults(const ObjectKey& key, Write write) {
    std::optional<WriteFault> fault;
    if (faults_.on_write) fault = faults_.on_write(key);
    if (!fault) return write();
    if (fault->took_effect) SERIN_TRY_DO(write());
    return std::unexpected(fault->error);
}

Result<Object> MemoryStore::create(Object object) {
    if (object.type() == nullptr) return LocalStore::create(std::move(object));
    return with_faults(object.key(), [&] { return LocalStore::create(std::move(object)); });
}

Result<Object> MemoryStore::update(Object object, Part part) {
    if (object.type() == nullptr) return LocalStore::update(std::move(object), part);
    return with_faults(object.key(), [&] { return LocalStore::update(std::move(object), part); });
}

Result<Object> MemoryStore::patch(
    const ObjectKey& key, PatchKind kind, const json::Value& patch, Part part) {
    return with_faults(key, [&] { return LocalStore::patch(key, kind, patch, part); });
}

Result<Object> MemoryStore::remove(const ObjectKey& key, const RemoveOptions& options) {
    return with_faults(key, [&] { return LocalStore::remove(key, options); });
}

void MemoryStore::set_faults(Faults faults) {
    watches().set_delivery(faults.on_event);
    faults_ = std::move(faults);
}

void MemoryStore::forget_history() {
    table_.forget(version());
    end_watches({ErrorKind::gone, "the history was forgotten: list again"});
}

Result<EvidenceEntry> MemoryEvidenceLog::append(
    Instant at, std::string release, std::string id, json::Object body) {
    std::optional<WriteFault> fault;
    if (on_append_) fault = on_append_(release);
    if (fault && !fault->took_effect) return std::unexpected(fault->error);
    EvidenceEntry entry = chain(at, std::move(release), std::move(id), std::move(body));
    if (fault) return std::unexpected(fault->error);
    return entry;
}

EvidenceEntry MemoryEvidenceLog::chain(
    Instant at, std::string release, std::string id, json::Object body) {
    const auto [place, is_new] = places_.try_emplace({release, id}, entries_.size());
    if (!is_new) return entries_[place->second];
    EvidenceEntry entry{
        .sequence = std::ssize(entries_) + 1,
        .at = at,
        .release = std::move(release),
        .id = std::move(id),
        .body = std::move(body),
        .previous_hash = entries_.empty() ? "" : entries_.back().hash};
    entry.hash = evidence_hash(entry);
    entries_.push_back(entry);
    return entry;
}

Result<std::vector<EvidenceEntry>> MemoryEvidenceLog::read(
    const std::string& release, std::int64_t after) const {
    std::vector<EvidenceEntry> found;
    for (const EvidenceEntry& entry : entries_) {
        if (entry.sequence > after && (release.empty() || entry.release == release)) {
            found.push_back(entry);
        }
    }
    return found;
}

}  // namespace serin::store
