#pragma once

#include "ports/event_loop.h"
#include "ports/object_store.h"
#include "store/table.h"
#include "store/watches.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace serin::kubernetes {

// The number behind a resource version; 0 for text that is none. Versions are opaque by the letter,
// but the API's own clients compare them, and every API server counts them up.
std::uint64_t version_number(std::string_view version);

// What is known of all objects of one type, and whoever watches them. News come from lists and
// watches, late, and from the answers to our own writes, at once: an object only ever moves
// forward, so a write is read by whoever made it, and the watch's older news about it are passed
// over.
class TypeCache {
public:
    using Place = std::pair<std::string, std::string>;  // Namespace, name.

    // The loop outlives it.
    TypeCache(EventLoop& loop, const ResourceType& type);

    const Object* find(const Place& place) const;
    // Those that match, by namespace, then name.
    std::vector<Object> select(const ListQuery& query) const;

    // The object as of some moment, from a list, a watch or the answer to a write.
    void put(Object object);
    // A removal that the API has confirmed, before the watch tells of it: the object is not found
    // any more. Watchers hear of it from the watch, with the version of the removal.
    void hide(const Place& place, std::string_view uid);
    // A removal, as the watch tells it.
    void erase(const Object& last);
    // All objects of a namespace (empty: of all) as of `version`: others that are not newer are
    // gone.
    void replace(const std::string& ns, std::vector<Object> objects, std::string_view version);

    // A position to watch from, for what happens from now on.
    std::string position() const;
    // As ObjectStore::watch; `from` is a position, or the version of an object of a former event.
    Result<std::unique_ptr<WatchHandle>> watch(
        const ListQuery& query,
        const std::string& from,
        ObjectStore::OnEvent on_event,
        ObjectStore::OnEnd on_end);

    size_t size() const { return entries_.size(); }

private:
    struct Entry {
        Object object;
        std::uint64_t version = 0;
        bool is_hidden = false;
    };
    using Entries = std::map<Place, Entry>;

    void add(const Place& place, Object object, std::uint64_t version);
    void drop(Entries::iterator entry, Object last);
    void publish(EventKind kind, const Place& place, Object before, Object after);
    void link(const Place& place, const Object& object);
    void unlink(const Place& place, const Object& object);
    Result<std::vector<store::PastChange>> past(const std::string& from) const;

    const ResourceType& type_;
    Entries entries_;
    std::map<std::string, std::set<Place>, std::less<>> owned_;  // By the controller's uid.
    store::Watches watches_;
    std::deque<store::PastChange> history_;
    std::int64_t published_ = 0;  // How many changes; the last of history_ is the last of them.
};

}  // namespace serin::kubernetes
