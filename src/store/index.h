#pragma once

#include "ports/object.h"
#include "store/table.h"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::store {

// What a store keeps in memory of each object, so that look-ups, label selections and owner
// cascades touch only the documents they return.
class Index {
public:
    struct Entry {
        std::int64_t id = 0;
        std::string uid;
        Labels labels;
        std::vector<std::string> owners;  // Their uids.
        std::string controller;           // The uid of the controlling owner.
    };
    // Namespace and name.
    using Place = std::pair<std::string, std::string>;

    const Entry* find(const ObjectKey& key) const;
    bool has_uid(const std::string& uid) const { return uids_.contains(uid); }
    // The keys of the objects with an owner reference to `uid`, in order.
    std::vector<ObjectKey> dependents(const std::string& uid) const;

    // Calls `visit` for the objects of `type` in `ns` (empty: in all) that come after `after`, by
    // namespace and name, until it returns false.
    using Visit = std::function<bool(const Place&, const Entry&)>;
    void walk(
        const ResourceType& type,
        const std::string& ns,
        const Place& after,
        const Visit& visit) const;
    // The same for those that `controller` controls; see ListQuery::owner_uid.
    void walk_controlled(
        const std::string& controller,
        const ResourceType& type,
        const std::string& ns,
        const Place& after,
        const Visit& visit) const;

    void put(const ObjectKey& key, std::int64_t id, const Object& object);
    // The same for an object that is known as `former`: most changes touch nothing that is kept.
    void change(const ObjectKey& key, std::int64_t id, const Object& former, const Object& object);
    void erase(const ObjectKey& key);

private:
    void unlink(const ObjectKey& key, const Entry& entry);

    // Look-ups by views copy no text.
    struct Before {
        using is_transparent = void;
        bool operator()(const auto& left, const auto& right) const {
            const int order = std::string_view(left.first).compare(right.first);
            return order != 0 ? order < 0 : left.second < right.second;
        }
    };
    using PlaceView = std::pair<std::string_view, std::string_view>;

    std::map<const ResourceType*, std::map<Place, Entry, Before>> entries_;
    std::map<std::string, ObjectKey> uids_;
    std::multimap<std::string, ObjectKey> dependents_;
    std::map<std::pair<std::string, const ResourceType*>, std::set<Place>> controlled_;
};

}  // namespace serin::store
