#pragma once

#include "base/result.h"
#include "ports/object.h"
#include "ports/selector.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Where all objects live. Components never talk to each other: they write objects and watch them.
// On one machine the store is SQLite, on a cluster the Kubernetes API, in the simulator memory; the
// same acceptance suite (store/acceptance.h) holds for all.

namespace serin {

struct ListQuery {
    const ResourceType* type = nullptr;
    std::string ns;  // Empty: all namespaces.
    LabelSelector labels;
    // Fields "metadata.name", "metadata.namespace", "involvedObject.name", "spec.nodeName",
    // "status.phase" and other plain paths, matched as text.
    LabelSelector fields;
    // Only objects whose controlling owner reference (controller: true) has this uid; the empty
    // text: only those that nobody controls. Stores answer from an index, so that looking for the
    // children of one owner costs what it finds and not what the namespace holds.
    std::optional<std::string> owner_uid;
    std::int64_t limit = 0;   // 0: no limit.
    std::string continue_at;  // From a former ObjectList.
};

struct ObjectList {
    std::vector<Object> items;     // By namespace, then name.
    std::string resource_version;  // Watch from here to miss nothing.
    std::string continue_at;       // Empty at the end.
};

enum class PatchKind { merge, json, strategic };

// The part of an object a write is about; see ResourceType::has_status.
enum class Part { main, status };

struct RemoveOptions {
    enum class Dependents { remove, orphan };
    Dependents dependents = Dependents::remove;
    // Pods end gracefully: removal sets deletionTimestamp, and the node removes the pod for good
    // with 0 when its process has ended. Unset: the pod's terminationGracePeriodSeconds.
    std::optional<std::int64_t> grace_seconds;
    std::string uid;               // When set, the object must have it.
    std::string resource_version;  // When set, the object must be at it.
};

enum class EventKind { added, modified, removed };

struct StoreEvent {
    EventKind kind = EventKind::added;
    Object object;  // For `removed`, the last state, at the resource version of its removal.
};

// Ends its watch when destroyed; may outlive the store.
class WatchHandle {
public:
    virtual ~WatchHandle() = default;
};

class ObjectStore {
public:
    virtual ~ObjectStore() = default;

    // `not_found` when there is none.
    virtual Result<Object> get(const ObjectKey& key) const = 0;
    virtual Result<ObjectList> list(const ListQuery& query) const = 0;

    // Sets uid, creationTimestamp, generation 1 and resourceVersion, drops /status of types that
    // have the subresource, and makes a name from generateName. `exists` when the name is taken,
    // `invalid` for a bad name. Returns the object as stored.
    virtual Result<Object> create(Object object) = 0;

    // Replaces `part`. With metadata.resourceVersion set, `conflict` unless it is the current one.
    // A write that changes nothing stores nothing and keeps the version. An object whose last
    // finalizer goes while it is being deleted is removed.
    virtual Result<Object> update(Object object, Part part = Part::main) = 0;

    // Applies a patch document to `part`; otherwise as `update`. A patch that carries
    // metadata.resourceVersion has the precondition. `invalid` for a patch that does not fit.
    virtual Result<Object> patch(
        const ObjectKey& key, PatchKind kind, const json::Value& patch, Part part = Part::main) = 0;

    // Removes the object, or marks it (deletionTimestamp) while finalizers or grace hold it back.
    // Objects it controls (owner reference, controller: true or not) follow, unless orphaned.
    // Returns the object as it was left.
    virtual Result<Object> remove(const ObjectKey& key, const RemoveOptions& options = {}) = 0;

    // Calls `on_event` on the event loop, never within the call that changed something, for each
    // change after `from` in order. `gone` when `from` is older than the history kept: list again.
    // `on_end` is called once if the watch cannot go on (its history was outrun, the connection to
    // a remote store was lost); then list and watch anew. Empty `from`: from now on.
    using OnEvent = std::function<void(const StoreEvent&)>;
    using OnEnd = std::function<void(const Error&)>;
    virtual Result<std::unique_ptr<WatchHandle>> watch(
        const ListQuery& query, const std::string& from, OnEvent on_event, OnEnd on_end) = 0;
};

}  // namespace serin
