#pragma once

#include "kubernetes/api.h"
#include "kubernetes/store.h"
#include "net/curl_client.h"
#include "net/loop.h"
#include "ports/object_store.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

// A namespace of its own on the cluster that KUBECONFIG names, and stores over it.

namespace serin::kubernetes {

class ClusterWorld {
public:
    ClusterWorld();
    ~ClusterWorld();  // The namespace goes with it.
    ClusterWorld(const ClusterWorld&) = delete;
    ClusterWorld& operator=(const ClusterWorld&) = delete;

    // Follows ReplicaSets, ConfigMaps, Pods and HTTPRoutes; synced on return.
    std::unique_ptr<KubernetesStore> open(std::function<Result<>()> may_write = nullptr);

    // Runs the loop until it holds; fails the test after a while.
    void await(const std::function<bool()>& holds);
    // Lets everything that is on its way arrive: until a mark that is written now has come back.
    void settle(KubernetesStore& store);

    Object config(std::string_view name, std::string_view value = "1") const;
    Object group(std::string_view name, int replicas = 0) const;
    ObjectKey key(const ResourceType& type, std::string_view name) const;

    // Shared by all worlds, so that the API's connections and TLS sessions are used again.
    net::AsioLoop& loop;
    net::CurlClient& http;
    std::unique_ptr<Api> api;
    std::string ns;

private:
    int marks_ = 0;
};

ErrorKind kind_of(const Result<Object>& result);

// What a watch has told so far: "+a ~a -a" for added, modified, removed. Marks are left out.
class Told {
public:
    Told(KubernetesStore& store, const ListQuery& query, const std::string& from = "");
    std::string text;

private:
    std::unique_ptr<WatchHandle> handle_;
};

}  // namespace serin::kubernetes
