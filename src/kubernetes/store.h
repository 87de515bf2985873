#pragma once

#include "kubernetes/api.h"
#include "kubernetes/cache.h"
#include "kubernetes/informer.h"
#include "ports/object_store.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace serin::kubernetes {

struct StoreSettings {
    // What is kept in memory and can be watched, a selection (by labels or fields) a type. Of a
    // type that is followed in part, lists and watches know that part; other objects, and types
    // that are not followed, are asked of the API at each reading: what is read rarely, or, like
    // Secrets, should not lie in memory.
    std::vector<ListQuery> followed;
    // Of those followed: what the process may lack the rights to. Such a type counts as empty, and
    // reading an object of it gives the API's refusal.
    std::set<const ResourceType*> optional;
    // Whose objects are seen; empty: all namespaces'.
    std::vector<std::string> namespaces;
    // Asked before every write; an error refuses it. For leadership.
    std::function<Result<>()> may_write;
};

// The object store of a cluster: the Kubernetes API. Followed types are read from memory, which
// lists and watches keep true (kubernetes/informer.h), with every write of ours in it at once.
//
// Writes wait for the API's answer, on the loop (Api::call_timeout at most). Errors are the API's:
// `unavailable` for 429, 5xx and an API that cannot be reached, and nothing is repeated here.
// Removal differs from the local stores as Kubernetes does: what an object owns follows later, by
// the cluster's garbage collector.
class KubernetesStore : public ObjectStore {
public:
    // Api (and its loop) outlives it.
    KubernetesStore(Api& api, StoreSettings settings);
    ~KubernetesStore() override;

    // Begins to follow. `on_synced` is called once all followed types are in memory: reading before
    // that finds too little. A type that the cluster lacks counts as empty.
    void start(std::function<void()> on_synced);
    bool is_synced() const;

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
    // `invalid` for a type that is not followed.
    Result<std::unique_ptr<WatchHandle>> watch(
        const ListQuery& query, const std::string& from, OnEvent on_event, OnEnd on_end) override;

    struct Stats {
        std::string_view type;
        size_t objects = 0;
        std::int64_t lists = 0;
        bool is_synced = false;
    };
    std::vector<Stats> stats() const;
    std::int64_t writes() const { return writes_; }

private:
    struct Followed {
        ListQuery selection;
        TypeCache cache;
        std::vector<std::unique_ptr<Informer>> informers;  // One a namespace.
        Followed(EventLoop& loop, const ListQuery& what)
            : selection(what), cache(loop, *what.type) {}
        bool is_denied() const;
        bool is_whole() const { return selection.labels.is_empty() && selection.fields.is_empty(); }
    };

    Followed* followed(const ResourceType& type) const;
    bool is_outside(const std::string& ns) const;
    Result<Object> read(const ObjectKey& key) const;
    Result<ObjectList> read_list(const ListQuery& query, const std::string& ns) const;
    Result<json::Value> write(const ObjectKey& key, const Api::Call& call);
    Result<Object> stored(const ResourceType& type, json::Value answer);

    Api& api_;
    StoreSettings settings_;
    std::map<const ResourceType*, std::unique_ptr<Followed>> followed_;
    std::function<void()> on_synced_;
    std::int64_t writes_ = 0;
};

}  // namespace serin::kubernetes
