#pragma once

#include "ports/object_store.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// What a local store keeps its objects in: memory or a database. The semantics are local_store.h's.

namespace serin::store {

using Labels = std::map<std::string, std::string>;

// One change of one object, at the version that its state carries.
struct Change {
    EventKind kind = EventKind::added;
    ObjectKey key;
    std::int64_t id = 0;  // Of the object's row: stays the same while the object exists.
    std::int64_t version = 0;
    Object before;  // Empty when added.
    Object after;   // For `removed`, the last state at the version of the removal.
};

// A change as the history remembers it.
struct PastChange {
    EventKind kind = EventKind::added;
    Object after;
    Labels labels_before;  // Empty when added.
};

class Table {
public:
    virtual ~Table() = default;

    // All or nothing, durable on return. `unavailable` when it cannot be written now.
    virtual Result<> commit(const std::vector<Change>& changes) = 0;
    virtual Result<Object> load(std::int64_t id) const = 0;
    // Changes of objects of `type` after `version`, in order. REQUIRES: version >= horizon().
    virtual Result<std::vector<PastChange>> history(
        const ResourceType& type, std::int64_t version) const = 0;
    // The oldest version after which every change is still known.
    virtual std::int64_t horizon() const = 0;
};

}  // namespace serin::store
