#pragma once

#include "ports/event_loop.h"
#include "ports/object_store.h"
#include "store/recent.h"
#include "store/table.h"
#include "store/watches.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
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
//
// Objects lie here as text: parsed they take four times as much, and of thousands only few are
// looked at again and again, which are kept parsed as well.
class TypeCache {
public:
    using Place = std::pair<std::string, std::string>;  // Namespace, name.

    // The loop outlives it.
    TypeCache(EventLoop& loop, const ResourceType& type);

    std::optional<Object> find(const Place& place) const;
    // As ObjectStore::list; a page goes on with what is there by then.
    ObjectList select(const ListQuery& query) const;

    // The object as of some moment, from a list, a watch or the answer to a write.
    void put(Object object);
    // A removal that the API has confirmed, before the watch tells of it: the object is not found
    // any more. Watchers hear of it from the watch, with the version of the removal.
    void hide(const Place& place, std::string_view uid);
    // A removal, as the watch tells it.
    void erase(const Object& last);
    // What a namespace (empty: all) has as of `version`, all of which has been put: others that are
    // not newer are gone.
    void retain(const std::string& ns, const std::set<Place>& present, std::string_view version);

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
    using Text = std::shared_ptr<const std::string>;
    struct Entry {
        std::int64_t id = 0;  // Of this object at this version, among those kept parsed.
        Text text;
        std::uint64_t version = 0;
        bool is_hidden = false;
    };
    struct Past {
        EventKind kind = EventKind::added;
        std::uint64_t version = 0;
        Text after;
        store::Labels labels_before;
    };
    using Entries = std::map<Place, Entry>;

    Object read(const Entry& entry) const;
    Entry entry_of(const Object& object, std::uint64_t version);
    void add(const Place& place, Object object, std::uint64_t version);
    void drop(Entries::iterator entry, Object last);
    void publish(EventKind kind, const Place& place, Object before, Object after, const Text& text);
    void link(const Place& place, const Object& object);
    void unlink(const Place& place, const Object& object);
    Result<std::vector<store::PastChange>> past(const std::string& from) const;

    const ResourceType& type_;
    Entries entries_;
    std::map<std::string, std::set<Place>, std::less<>> owned_;  // By the controller's uid.
    mutable store::Recent recent_;
    std::int64_t last_id_ = 0;
    store::Watches watches_;
    std::deque<Past> history_;
    std::int64_t published_ = 0;  // How many changes; the last of history_ is the last of them.
};

}  // namespace serin::kubernetes
