#include "kubernetes/cache.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace serin::kubernetes {

namespace {

// For who lists, and begins to watch a little later.
constexpr size_t history_max = 256;
constexpr char position_mark = '~';

TypeCache::Place place_of(const Object& object) {
    return {std::string(object.ns()), std::string(object.name())};
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::uint64_t version_number(std::string_view version) {
    return number(version).value_or(0);
}

TypeCache::TypeCache(EventLoop& loop, const ResourceType& type) : type_(type), watches_(loop) {}

const Object* TypeCache::find(const Place& place) const {
    const auto found = entries_.find(place);
    return found == entries_.end() || found->second.is_hidden ? nullptr : &found->second.object;
}

std::vector<Object> TypeCache::select(const ListQuery& query) const {
    std::vector<Object> items;
    if (query.owner_uid && !query.owner_uid->empty()) {
        const auto owned = owned_.find(*query.owner_uid);
        if (owned == owned_.end()) return items;
        for (const Place& place : owned->second) {
            const Object* object = find(place);
            if (object != nullptr && store::matches(query, *object)) items.push_back(*object);
        }
        return items;
    }
    const auto first = query.ns.empty() ? entries_.begin() : entries_.lower_bound({query.ns, ""});
    for (auto at = first; at != entries_.end(); ++at) {
        if (!query.ns.empty() && at->first.first != query.ns) break;
        const Entry& entry = at->second;
        if (!entry.is_hidden && store::matches(query, entry.object)) items.push_back(entry.object);
    }
    return items;
}

void TypeCache::put(Object object) {
    const Place place = place_of(object);
    const std::uint64_t version = version_number(object.resource_version());
    const auto found = entries_.find(place);
    if (found == entries_.end()) return add(place, std::move(object), version);
    Entry& known = found->second;
    if (version <= known.version) return;
    if (known.object.uid() != object.uid()) {
        // The removal of the one before has not been told yet.
        drop(found, known.object);
        return add(place, std::move(object), version);
    }
    Object before = std::exchange(known.object, std::move(object));
    known.version = version;
    unlink(place, before);
    link(place, known.object);
    publish(EventKind::modified, place, std::move(before), known.object);
}

void TypeCache::add(const Place& place, Object object, std::uint64_t version) {
    link(place, object);
    const Entry& entry =
        entries_.insert_or_assign(place, Entry{.object = std::move(object), .version = version})
            .first->second;
    publish(EventKind::added, place, {}, entry.object);
}

void TypeCache::hide(const Place& place, std::string_view uid) {
    const auto found = entries_.find(place);
    if (found != entries_.end() && (uid.empty() || found->second.object.uid() == uid)) {
        found->second.is_hidden = true;
    }
}

void TypeCache::erase(const Object& last) {
    const auto found = entries_.find(place_of(last));
    if (found == entries_.end() || found->second.object.uid() != last.uid()) return;
    drop(found, last);
}

void TypeCache::drop(Entries::iterator entry, Object last) {
    const Place place = entry->first;
    Object before = std::move(entry->second.object);
    unlink(place, before);
    entries_.erase(entry);
    publish(EventKind::removed, place, std::move(before), std::move(last));
}

void TypeCache::replace(
    const std::string& ns, std::vector<Object> objects, std::string_view version) {
    const std::uint64_t as_of = version_number(version);
    std::set<Place> present;
    for (Object& object : objects) {
        present.insert(place_of(object));
        put(std::move(object));
    }
    for (auto at = entries_.begin(); at != entries_.end();) {
        const auto entry = at++;
        if (!ns.empty() && entry->first.first != ns) continue;
        const bool is_newer = entry->second.version > as_of && !entry->second.is_hidden;
        if (present.contains(entry->first) || is_newer) continue;
        drop(entry, entry->second.object);
    }
}

void TypeCache::link(const Place& place, const Object& object) {
    if (const auto uid = object.controller_uid(); !uid.empty()) {
        owned_[std::string(uid)].insert(place);
    }
}

void TypeCache::unlink(const Place& place, const Object& object) {
    const auto found = owned_.find(object.controller_uid());
    if (found == owned_.end()) return;
    found->second.erase(place);
    if (found->second.empty()) owned_.erase(found);
}

void TypeCache::publish(EventKind kind, const Place& place, Object before, Object after) {
    history_.push_back(
        {.kind = kind,
         .after = after,
         .labels_before = before.is_empty() ? store::Labels() : before.labels()});
    if (history_.size() > history_max) history_.pop_front();
    ++published_;
    watches_.publish(
        {.kind = kind,
         .key = {&type_, place.first, place.second},
         .version = published_,
         .before = std::move(before),
         .after = std::move(after)});
}

std::string TypeCache::position() const {
    return fmt::format("{}{}", position_mark, published_);
}

Result<std::vector<store::PastChange>> TypeCache::past(const std::string& from) const {
    if (from.empty()) return std::vector<store::PastChange>();
    const bool is_position = from.front() == position_mark;
    const auto wanted = number(std::string_view(from).substr(is_position ? 1 : 0));
    if (!wanted) {
        return fail(ErrorKind::invalid, fmt::format("invalid resource version \"{}\"", from));
    }
    if (is_position) {
        const std::int64_t missed = published_ - static_cast<std::int64_t>(*wanted);
        if (missed >= 0 && missed <= static_cast<std::int64_t>(history_.size())) {
            return std::vector(history_.end() - missed, history_.end());
        }
    }
    for (auto at = history_.rbegin(); !is_position && at != history_.rend(); ++at) {
        if (version_number(at->after.resource_version()) != *wanted) continue;
        return std::vector(at.base(), history_.end());
    }
    return fail(ErrorKind::gone, fmt::format("too old resource version: {}", from));
}

Result<std::unique_ptr<WatchHandle>> TypeCache::watch(
    const ListQuery& query,
    const std::string& from,
    ObjectStore::OnEvent on_event,
    ObjectStore::OnEnd on_end) {
    SERIN_TRY(const auto missed, past(from));
    return watches_.add(query, missed, std::move(on_event), std::move(on_end));
}

}  // namespace serin::kubernetes
