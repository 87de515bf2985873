#include "kubernetes/cache.h"

#include "base/check.h"
#include "base/json.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace serin::kubernetes {

namespace {

// For who lists, and begins to watch a little later.
constexpr size_t history_max = 256;
constexpr char position_mark = '~';
// Of the text of those that are kept parsed, of each type.
constexpr std::size_t recent_max = std::size_t{1} << 20;

TypeCache::Place place_of(const Object& object) {
    return {std::string(object.ns()), std::string(object.name())};
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
    return value;
}

Object parsed(const std::string& text) {
    auto document = json::parse(text);
    SERIN_CHECK(document && document->is_object());  // We have printed it.
    return Object(std::move(document->get_object()));
}

}  // namespace

std::uint64_t version_number(std::string_view version) {
    return number(version).value_or(0);
}

TypeCache::TypeCache(EventLoop& loop, const ResourceType& type)
    : type_(type), recent_(recent_max), watches_(loop) {}

Object TypeCache::read(const Entry& entry) const {
    const Object* known = recent_.find(entry.id);
    return known != nullptr ? *known : parsed(*entry.text);
}

std::optional<Object> TypeCache::find(const Place& place) const {
    const auto found = entries_.find(place);
    if (found == entries_.end() || found->second.is_hidden) return std::nullopt;
    Object object = read(found->second);
    recent_.put(found->second.id, object, found->second.text->size());
    return object;
}

// Whoever goes through many looks at each once: those are not kept.
ObjectList TypeCache::select(const ListQuery& query) const {
    ObjectList list;
    list.resource_version = position();
    const auto take = [&](Object object) {
        if (!store::matches(query, object)) return true;
        if (query.limit > 0 && std::cmp_equal(list.items.size(), query.limit)) {
            list.continue_at =
                fmt::format("{}/{}", list.items.back().ns(), list.items.back().name());
            return false;
        }
        list.items.push_back(std::move(object));
        return true;
    };
    const auto slash = query.continue_at.find('/');
    const Place after =
        slash == std::string::npos
            ? Place(query.ns, "")
            : Place(query.continue_at.substr(0, slash), query.continue_at.substr(slash + 1));
    if (query.owner_uid && !query.owner_uid->empty()) {
        const auto owned = owned_.find(*query.owner_uid);
        if (owned == owned_.end()) return list;
        for (auto at = owned->second.upper_bound(after); at != owned->second.end(); ++at) {
            auto object = find(*at);
            if (object && !take(*std::move(object))) break;
        }
        return list;
    }
    for (auto at = entries_.upper_bound(after); at != entries_.end(); ++at) {
        if (!query.ns.empty() && at->first.first != query.ns) break;
        if (!at->second.is_hidden && !take(read(at->second))) break;
    }
    return list;
}

TypeCache::Entry TypeCache::entry_of(const Object& object, std::uint64_t version) {
    std::string text = json::print_object(object.document());
    text.shrink_to_fit();
    return {
        .id = ++last_id_,
        .text = std::make_shared<const std::string>(std::move(text)),
        .version = version};
}

void TypeCache::put(Object object) {
    const Place place = place_of(object);
    const std::uint64_t version = version_number(object.resource_version());
    const auto found = entries_.find(place);
    if (found == entries_.end()) return add(place, std::move(object), version);
    Entry& known = found->second;
    if (version <= known.version) return;
    Object before = read(known);
    if (before.uid() != object.uid()) {
        // The removal of the one before has not been told yet.
        drop(found, std::move(before));
        return add(place, std::move(object), version);
    }
    recent_.erase(known.id);
    const bool is_hidden = known.is_hidden;
    known = entry_of(object, version);
    known.is_hidden = is_hidden;
    unlink(place, before);
    link(place, object);
    // What changes is looked at next.
    recent_.put(known.id, object, known.text->size());
    publish(EventKind::modified, place, std::move(before), std::move(object), known.text);
}

void TypeCache::add(const Place& place, Object object, std::uint64_t version) {
    link(place, object);
    const Entry& entry = entries_.insert_or_assign(place, entry_of(object, version)).first->second;
    publish(EventKind::added, place, {}, std::move(object), entry.text);
}

void TypeCache::hide(const Place& place, std::string_view uid) {
    const auto found = entries_.find(place);
    if (found != entries_.end() && (uid.empty() || read(found->second).uid() == uid)) {
        found->second.is_hidden = true;
    }
}

void TypeCache::erase(const Object& last) {
    const auto found = entries_.find(place_of(last));
    if (found == entries_.end() || read(found->second).uid() != last.uid()) return;
    drop(found, last);
}

void TypeCache::drop(Entries::iterator entry, Object last) {
    const Place place = entry->first;
    Object before = read(entry->second);
    recent_.erase(entry->second.id);
    unlink(place, before);
    entries_.erase(entry);
    const Entry gone = entry_of(last, version_number(last.resource_version()));
    publish(EventKind::removed, place, std::move(before), std::move(last), gone.text);
}

void TypeCache::retain(
    const std::string& ns, const std::set<Place>& present, std::string_view version) {
    const std::uint64_t as_of = version_number(version);
    for (auto at = entries_.begin(); at != entries_.end();) {
        const auto entry = at++;
        if (!ns.empty() && entry->first.first != ns) continue;
        const bool is_newer = entry->second.version > as_of && !entry->second.is_hidden;
        if (present.contains(entry->first) || is_newer) continue;
        drop(entry, read(entry->second));
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

void TypeCache::publish(
    EventKind kind, const Place& place, Object before, Object after, const Text& text) {
    history_.push_back(
        {.kind = kind,
         .version = version_number(after.resource_version()),
         .after = text,
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
    const auto since = [](auto at, const auto& end) {
        std::vector<store::PastChange> changes;
        for (; at != end; ++at)
            changes.push_back({at->kind, parsed(*at->after), at->labels_before});
        return changes;
    };
    const bool is_position = from.front() == position_mark;
    const auto wanted = number(std::string_view(from).substr(is_position ? 1 : 0));
    if (!wanted) {
        return fail(ErrorKind::invalid, fmt::format("invalid resource version \"{}\"", from));
    }
    if (is_position) {
        const std::int64_t missed = published_ - static_cast<std::int64_t>(*wanted);
        if (missed >= 0 && missed <= static_cast<std::int64_t>(history_.size())) {
            return since(history_.end() - missed, history_.end());
        }
    }
    for (auto at = history_.rbegin(); !is_position && at != history_.rend(); ++at) {
        if (at->version != *wanted) continue;
        return since(at.base(), history_.end());
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
