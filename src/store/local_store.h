#pragma once

#include "ports/event_loop.h"
#include "ports/object_store.h"
#include "store/identity.h"
#include "store/index.h"
#include "store/table.h"
#include "store/watches.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace serin::store {

// An object store that is the only writer of its table: the semantics of every write, the index and
// the watches. Called on the loop's thread only.
class LocalStore : public ObjectStore {
public:
    Result<Object> get(const ObjectKey& key) const override;
    Result<ObjectList> list(const ListQuery& query) const override;
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

    // The version of the latest change.
    std::int64_t version() const { return version_; }

protected:
    LocalStore(EventLoop& loop, std::string seed);

    // Takes over what is stored; `table` outlives all other calls. Before any of them.
    void open(Table& table, std::int64_t version, std::int64_t last_id);
    void add_stored(const ObjectKey& key, std::int64_t id, const Object& object) {
        index_.put(key, id, object);
    }
    Watches& watches() { return watches_; }

private:
    class Transaction;
    Result<Object> replace(const Object& old, Object wanted, Part part);
    Result<Object> load(const ObjectKey& key) const;

    EventLoop& loop_;
    Identities identities_;
    Index index_;
    Watches watches_;
    Table* table_ = nullptr;
    std::int64_t version_ = 1;  // An empty store's: clients read 0 as "any".
    std::int64_t last_id_ = 0;
};

}  // namespace serin::store
