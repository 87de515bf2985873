#pragma once

#include "kubernetes/api.h"
#include "kubernetes/cache.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::kubernetes {

// Keeps a cache true to what the API has of one selection (type, namespace, labels, fields): lists,
// then watches from there, and lists again where the watch's history was outrun (410). A broken
// watch is resumed where it stopped. A type that the cluster does not serve has no objects, until
// it does; neither has, for an optional one, a type that may not be read.
class Informer {
public:
    // Api and cache outlive it.
    Informer(Api& api, TypeCache& cache, ListQuery selection, bool is_optional = false);

    // `on_synced` is called on the loop once, when the first list is in the cache.
    void start(std::function<void()> on_synced);
    bool is_synced() const { return is_synced_; }
    // The API refused the last list of an optional type.
    bool is_denied() const { return is_denied_; }
    std::int64_t lists() const { return lists_; }

private:
    std::string path(std::vector<std::pair<std::string_view, std::string>> parameters) const;
    void list(const std::string& continue_at);
    void listed(Result<HttpResponse> answer);
    void watch();
    void take(std::string_view line);
    void watch_ended(const Result<HttpResponse>& answer);
    void relist();
    void again(Duration delay, std::function<void()> task);
    Duration backoff();
    Duration relist_delay();
    void report(std::string_view event, const Error& error);
    void synced();

    Api& api_;
    TypeCache& cache_;
    ListQuery selection_;
    std::function<void()> on_synced_;
    std::unique_ptr<HttpClient::Call> call_;
    EventLoop::Watch timer_;
    std::set<TypeCache::Place> present_;  // In the list that is under way.
    std::string version_;                 // Up to which everything is known.
    std::int64_t turn_ = 0;  // Counts requests: late lines of a former one are nobody's.
    std::int64_t lists_ = 0;
    int failures_ = 0;
    int forgotten_ = 0;  // Watches in a row that began at a version that was not known any more.
    int watch_seconds_;  // That the next watch lasts.
    Instant watch_began_{};
    bool is_synced_ = false;
    bool is_optional_ = false;
    bool is_denied_ = false;
};

// An item of a list or a watch as an object: lists leave the type out of their items. What no
// controller reads (managedFields, which may be the larger part) is left out.
Object object_from(json::Value item, const ResourceType& type);

}  // namespace serin::kubernetes
