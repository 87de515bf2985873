#pragma once

#include "ports/object_store.h"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace serin::cli {

// The objects of a server as they were when they were first asked for, to try things on: writes
// change the copy and nothing else. Events are not kept. Cannot be watched.
class CopiedStore : public ObjectStore {
public:
    // All objects of a type in a namespace (of the cluster, for types without namespaces), and one
    // by its key.
    struct Source {
        std::function<Result<std::vector<Object>>(const ResourceType&, const std::string& ns)> list;
        std::function<Result<Object>(const ObjectKey&)> get;
    };
    // `now` is when what is created here was created.
    CopiedStore(Source source, Instant now) : source_(std::move(source)), now_(now) {}

    Result<Object> get(const ObjectKey& key) const override;
    Result<ObjectList> list(const ListQuery& query) const override;  // REQUIRES: a namespace.
    Result<Object> create(Object object) override;
    Result<Object> update(Object object, Part part = Part::main) override;
    Result<Object> patch(
        const ObjectKey& key,
        PatchKind kind,
        const json::Value& patch,
        Part part = Part::main) override;
    Result<Object> remove(const ObjectKey& key, const RemoveOptions& options = {}) override;
    Result<std::unique_ptr<WatchHandle>> watch(
        const ListQuery& query, const std::string& from, OnEvent on_event, OnEnd on_end) override;

    struct Change {
        ObjectKey key;
        Object before;  // Empty: created.
        Object after;   // Empty: removed.
    };
    // What was written since the last call, one item an object.
    std::vector<Change> take_changes();
    std::int64_t writes() const { return writes_; }  // That changed something.

private:
    using Place = std::pair<const ResourceType*, std::string>;

    Result<> load(const ResourceType& type, const std::string& ns) const;
    Object store(Object object);

    Source source_;
    Instant now_;
    std::int64_t writes_ = 0;
    mutable std::set<Place> loaded_;
    mutable std::map<ObjectKey, Object> objects_;
    std::map<ObjectKey, Object> before_;  // Of what was written.
};

}  // namespace serin::cli
