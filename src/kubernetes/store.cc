#include "kubernetes/store.h"

#include "base/check.h"
#include "kubernetes/path.h"
#include "store/rules.h"
#include "store/watches.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace serin::kubernetes {

namespace {

// A write without a version is a wish for the end, so it is repeated over somebody else's.
constexpr int tries_without_version = 4;

std::string path_of(const ObjectKey& key, Part part) {
    return object_path(key) + (part == Part::status ? "/status" : "");
}

std::string_view content_type_of(PatchKind kind) {
    switch (kind) {
        case PatchKind::merge:
            return "application/merge-patch+json";
        case PatchKind::json:
            return "application/json-patch+json";
        case PatchKind::strategic:
            return "application/strategic-merge-patch+json";
    }
    return "application/json";
}

json::Object removal_body(const RemoveOptions& options) {
    json::Object body{
        {"apiVersion", "v1"},
        {"kind", "DeleteOptions"},
        {"propagationPolicy",
         options.dependents == RemoveOptions::Dependents::orphan ? "Orphan" : "Background"}};
    if (options.grace_seconds) body["gracePeriodSeconds"] = *options.grace_seconds;
    json::Object conditions;
    if (!options.uid.empty()) conditions["uid"] = json::string(options.uid);
    if (!options.resource_version.empty()) {
        conditions["resourceVersion"] = json::string(options.resource_version);
    }
    if (!conditions.empty()) body["preconditions"] = std::move(conditions);
    return body;
}

}  // namespace

KubernetesStore::KubernetesStore(Api& api, StoreSettings settings)
    : api_(api), settings_(std::move(settings)) {
    for (const ListQuery& what : settings_.followed) {
        auto& one = followed_[what.type];
        SERIN_CHECK(!one);
        one = std::make_unique<Followed>(api_.loop(), what);
        const bool is_scoped = what.type->is_namespaced && !settings_.namespaces.empty();
        for (const std::string& ns :
             is_scoped ? settings_.namespaces : std::vector<std::string>{""}) {
            ListQuery selection = what;
            selection.ns = ns;
            one->informers.push_back(std::make_unique<Informer>(
                api_, one->cache, std::move(selection), settings_.optional.contains(what.type)));
        }
    }
}

KubernetesStore::~KubernetesStore() = default;

bool KubernetesStore::Followed::is_denied() const {
    return std::ranges::any_of(
        informers, [](const auto& informer) { return informer->is_denied(); });
}

void KubernetesStore::start(std::function<void()> on_synced) {
    on_synced_ = std::move(on_synced);
    for (const auto& [type, one] : followed_) {
        for (const auto& informer : one->informers) {
            informer->start([this] {
                if (!is_synced()) return;
                if (const auto told = std::exchange(on_synced_, nullptr)) told();
            });
        }
    }
}

bool KubernetesStore::is_synced() const {
    return std::ranges::all_of(followed_, [](const auto& one) {
        return std::ranges::all_of(
            one.second->informers, [](const auto& informer) { return informer->is_synced(); });
    });
}

std::vector<KubernetesStore::Stats> KubernetesStore::stats() const {
    std::map<std::string_view, Stats> all;  // Of a type in several versions there is one.
    for (const auto& [type, one] : followed_) {
        Stats& stats = all.try_emplace(type->plural, Stats{.type = type->plural, .is_synced = true})
                           .first->second;
        stats.objects += one->cache.size();
        for (const auto& informer : one->informers) {
            stats.lists += informer->lists();
            stats.is_synced = stats.is_synced && informer->is_synced();
        }
    }
    std::vector<Stats> sorted;
    for (auto& [type, stats] : all) sorted.push_back(stats);
    return sorted;
}

KubernetesStore::Followed* KubernetesStore::followed(const ResourceType& type) const {
    const auto found = followed_.find(&type);
    return found == followed_.end() ? nullptr : found->second.get();
}

// Of a namespace that nobody keeps in memory.
bool KubernetesStore::is_outside(const std::string& ns) const {
    return !settings_.namespaces.empty() && !ns.empty() &&
           std::ranges::find(settings_.namespaces, ns) == settings_.namespaces.end();
}

Result<Object> KubernetesStore::get(const ObjectKey& key) const {
    const Followed* one = followed(*key.type);
    if (one == nullptr || is_outside(key.ns)) return read(key);
    if (auto object = one->cache.find({key.ns, key.name})) return *std::move(object);
    if (!one->is_whole() || one->is_denied()) return read(key);
    return std::unexpected(store::not_found(key));
}

Result<Object> KubernetesStore::read(const ObjectKey& key) const {
    SERIN_TRY(auto answer, api_.call({.method = "GET", .path = object_path(key), .body = {}}));
    return object_from(std::move(answer), *key.type);
}

Result<ObjectList> KubernetesStore::list(const ListQuery& query) const {
    const Followed* one = followed(*query.type);
    if (one != nullptr && !is_outside(query.ns)) return one->cache.select(query);
    const bool is_scoped =
        query.ns.empty() && query.type->is_namespaced && !settings_.namespaces.empty();
    if (!is_scoped) return read_list(query, query.ns);
    if (query.limit != 0) {
        return fail(ErrorKind::invalid, "pages are of one namespace where only some are seen");
    }
    ObjectList all;
    for (const std::string& ns : settings_.namespaces) {
        SERIN_TRY(ObjectList part, read_list(query, ns));
        std::ranges::move(part.items, std::back_inserter(all.items));
        all.resource_version = std::move(part.resource_version);
    }
    return all;
}

Result<ObjectList> KubernetesStore::read_list(const ListQuery& query, const std::string& ns) const {
    const std::string path = collection_path(*query.type, ns) +
                             query_text(
                                 {{"labelSelector", query.labels.to_string()},
                                  {"fieldSelector", query.fields.to_string()},
                                  {"limit", query.limit == 0 ? "" : std::to_string(query.limit)},
                                  {"continue", query.continue_at}});
    auto answer = api_.call({.method = "GET", .path = path, .body = {}});
    // A type that the cluster does not serve has no objects.
    if (!answer && answer.error().kind == ErrorKind::not_found) return ObjectList{};
    if (!answer) return std::unexpected(std::move(answer).error());
    ObjectList list;
    const auto* metadata = json::find(*answer, "/metadata");
    if (metadata != nullptr) {
        list.resource_version = json::text(json::find(*metadata, "/resourceVersion")).value_or("");
        list.continue_at = json::text(json::find(*metadata, "/continue")).value_or("");
    }
    if (json::array(json::find(*answer, "/items")) != nullptr) {
        for (json::Value& item : answer->get_object()["items"].get_array()) {
            Object object = object_from(std::move(item), *query.type);
            // Owners cannot be asked for.
            const bool is_wanted = !query.owner_uid || object.controller_uid() == *query.owner_uid;
            if (is_wanted) list.items.push_back(std::move(object));
        }
    }
    return list;
}

Result<json::Value> KubernetesStore::write(const ObjectKey& key, const Api::Call& call) {
    if (settings_.may_write) SERIN_TRY_DO(settings_.may_write());
    ++writes_;
    auto answer = api_.call(call);
    if (answer) return answer;
    return std::unexpected(std::move(answer).error().within(to_string(key)));
}

// The answer to a write is the newest that is known of the object.
Result<Object> KubernetesStore::stored(const ResourceType& type, json::Value answer) {
    Object object = object_from(std::move(answer), type);
    Followed* one = followed(type);
    const bool is_known = one != nullptr && !is_outside(std::string(object.ns())) &&
                          store::matches(one->selection, object);
    if (is_known) one->cache.put(object);
    return object;
}

Result<Object> KubernetesStore::create(Object object) {
    SERIN_TRY(const ResourceType* const type, store::known_type(object));
    object.erase("/metadata/resourceVersion");
    const ObjectKey key = object.key();
    SERIN_TRY(
        auto answer,
        write(
            key,
            {.method = "POST",
             .path = collection_path(*type, key.ns),
             .body = std::move(object.document())}));
    return stored(*type, std::move(answer));
}

Result<Object> KubernetesStore::update(Object object, Part part) {
    SERIN_TRY(const ResourceType* const type, store::known_type(object));
    const ObjectKey key = object.key();
    const bool is_unconditional = object.resource_version().empty();
    for (int tries = 1;; ++tries) {
        if (is_unconditional) {
            // What is in memory will do at first; after a conflict it is too old.
            SERIN_TRY(const Object current, tries == 1 ? get(key) : read(key));
            object.put("/metadata/resourceVersion", json::string(current.resource_version()));
        }
        auto answer = write(
            key,
            {.method = "PUT", .path = path_of(key, part), .body = json::Value(object.document())});
        if (answer) return stored(*type, *std::move(answer));
        const bool is_passed_over = answer.error().kind == ErrorKind::conflict && is_unconditional;
        if (!is_passed_over || tries == tries_without_version) {
            return std::unexpected(std::move(answer).error());
        }
    }
}

Result<Object> KubernetesStore::patch(
    const ObjectKey& key, PatchKind kind, const json::Value& patch, Part part) {
    SERIN_TRY(
        auto answer,
        write(
            key,
            {.method = "PATCH",
             .path = path_of(key, part),
             .body = patch,
             .content_type = content_type_of(kind)}));
    return stored(*key.type, std::move(answer));
}

Result<Object> KubernetesStore::remove(const ObjectKey& key, const RemoveOptions& options) {
    SERIN_TRY(
        auto answer,
        write(key, {.method = "DELETE", .path = object_path(key), .body = removal_body(options)}));
    const bool is_gone = json::text(json::find(answer, "/kind")) == "Status" &&
                         json::text(json::find(answer, "/apiVersion")) == "v1";
    if (!is_gone) return stored(*key.type, std::move(answer));
    Object last(*key.type, key.ns, key.name);
    const std::string uid(json::text(json::find(answer, "/details/uid")).value_or(""));
    last.put("/metadata/uid", json::string(uid));
    Followed* one = followed(*key.type);
    if (one == nullptr || is_outside(key.ns)) return last;
    if (auto known = one->cache.find({key.ns, key.name})) last = *std::move(known);
    one->cache.hide({key.ns, key.name}, uid);
    return last;
}

Result<std::unique_ptr<WatchHandle>> KubernetesStore::watch(
    const ListQuery& query, const std::string& from, OnEvent on_event, OnEnd on_end) {
    Followed* one = followed(*query.type);
    if (one == nullptr || is_outside(query.ns)) {
        return fail(
            ErrorKind::invalid,
            fmt::format("{} are not followed, so they cannot be watched", query.type->plural));
    }
    return one->cache.watch(query, from, std::move(on_event), std::move(on_end));
}

}  // namespace serin::kubernetes
