#include "control/followed_types.h"
#include "kubernetes/cache.h"
#include "kubernetes/path.h"
#include "manifest/argo/plugins.h"
#include "store/watches.h"

#include <doctest/doctest.h>

#include "cluster_world.h"
#include "ground.h"
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

// A real Kubernetes API as a ground: a namespace for each world, and two stores over it, as of two
// processes. So that cases are the same in each run, a write ends only when the other side's watch
// has told of it, and the test moves the controllers' clock while requests take real time.
// REQUIRES: nobody else writes to the cluster, none of Kubernetes' own controllers either.

namespace serin::control {

namespace {

// For the stores: requests and their patience are real, and what is told to watchers waits for the
// test.
class BetweenLoops : public EventLoop {
public:
    BetweenLoops(EventLoop& real, ManualLoop& manual) : real_(real), manual_(manual) {}
    Instant now() const override { return real_.now(); }
    void post(std::function<void()> task) override { manual_.post(std::move(task)); }
    [[nodiscard]] Watch after(Duration delay, std::function<void()> task) override {
        return real_.after(delay, std::move(task));
    }
    [[nodiscard]] Watch on_readable(int fd, std::function<void()> task) override {
        return real_.on_readable(fd, std::move(task));
    }

private:
    EventLoop& real_;
    ManualLoop& manual_;
};

// One of the two, with a store that can begin anew.
class Side : public ObjectStore {
public:
    Side(kubernetes::ClusterWorld& world, kubernetes::Api& api, std::vector<ListQuery> followed)
        : world_(world), api_(api), followed_(std::move(followed)) {
        open();
    }

    // Begins anew, unless what is there has just begun.
    void open();
    // Its own removals it learns by its watch, like everybody.
    bool has_heard_all() const {
        return std::ranges::all_of(
            removals_, [](const auto& one) { return one.second != nullptr && *one.second; });
    }
    // Grows with each change, not with writes that change nothing.
    std::int64_t changes() const { return changes_; }

    Result<Object> get(const ObjectKey& key) const override { return store_->get(key); }
    Result<ObjectList> list(const ListQuery& query) const override { return store_->list(query); }
    Result<Object> create(Object object) override {
        return write(
            object.key(), [&](Side& by) { return by.told(by.store_->create(object), true); });
    }
    Result<Object> update(Object object, Part part) override {
        return write(object.key(), [&](Side& by) {
            return by.told(by.store_->update(object, part), false);
        });
    }
    Result<Object> patch(
        const ObjectKey& key, PatchKind kind, const json::Value& patch, Part part) override {
        return write(key, [&](Side& by) {
            return by.told(by.store_->patch(key, kind, patch, part), false);
        });
    }
    Result<Object> remove(const ObjectKey& key, const RemoveOptions& options) override {
        return write(key, [&](Side& by) { return by.remove_and_hear(key, options); });
    }
    Result<std::unique_ptr<WatchHandle>> watch(
        const ListQuery& query, const std::string& from, OnEvent on_event, OnEnd on_end) override {
        is_new_ = false;
        return store_->watch(query, from, std::move(on_event), std::move(on_end));
    }

    Side* other = nullptr;
    Ground::OnWrite on_write;

private:
    // An answer that is lost on its way: the write was made, and whoever asked for it only learns
    // of it as of somebody else's.
    template <class Write>
    Result<Object> write(const ObjectKey& key, const Write& make) {
        const auto fault = on_write ? on_write(key) : std::nullopt;
        if (!fault) return make(*this);
        if (fault->took_effect) std::ignore = make(*other);
        return std::unexpected(fault->error);
    }
    Result<Object> remove_and_hear(const ObjectKey& key, const RemoveOptions& options);
    Result<Object> told(Result<Object> answer, bool is_new);
    bool follows(const Object& object) const;
    // What lies in memory; empty when nothing does.
    Object known(const ObjectKey& key) const;
    bool is_gone(const ObjectKey& key) const;

    kubernetes::ClusterWorld& world_;
    kubernetes::Api& api_;
    std::vector<ListQuery> followed_;
    std::unique_ptr<kubernetes::KubernetesStore> store_;
    std::vector<std::pair<std::unique_ptr<WatchHandle>, std::shared_ptr<bool>>> removals_;
    bool is_new_ = false;  // Nobody has begun to watch it.
    std::uint64_t newest_ = 0;
    std::int64_t changes_ = 0;
};

void Side::open() {
    if (std::exchange(is_new_, true)) return;
    removals_.clear();
    kubernetes::StoreSettings settings;
    settings.followed = followed_;
    settings.namespaces = {world_.ns};
    store_ = std::make_unique<kubernetes::KubernetesStore>(api_, std::move(settings));
    store_->start([] {});
    world_.await([&] { return store_->is_synced(); });
}

bool Side::follows(const Object& object) const {
    return std::ranges::any_of(followed_, [&](const ListQuery& one) {
        return one.type == object.key().type && store::matches(one, object);
    });
}

Object Side::known(const ObjectKey& key) const {
    ListQuery query{.type = key.type, .ns = key.ns};
    query.fields = LabelSelector::equal_to({{"metadata.name", key.name}});
    const ObjectList found = *store_->list(query);
    return found.items.empty() ? Object() : found.items.front();
}

Result<Object> Side::told(Result<Object> answer, bool is_new) {
    if (!answer) return answer;
    const auto version = kubernetes::version_number(answer->resource_version());
    if (std::exchange(newest_, std::max(newest_, version)) != newest_) ++changes_;
    if (!other->follows(*answer)) return answer;
    world_.await([&] {
        const Object seen = other->known(answer->key());
        if (seen.is_empty()) return !is_new;  // A write may end a removal that waited for it.
        return kubernetes::version_number(seen.resource_version()) >= version;
    });
    return answer;
}

bool Side::is_gone(const ObjectKey& key) const {
    const auto asked =
        world_.api->call({.method = "GET", .path = kubernetes::object_path(key), .body = {}});
    return !asked && asked.error().kind == ErrorKind::not_found;
}

Result<Object> Side::remove_and_hear(const ObjectKey& key, const RemoveOptions& options) {
    ListQuery query{.type = key.type, .ns = key.ns};
    query.fields = LabelSelector::equal_to({{"metadata.name", key.name}});
    const auto has_heard = std::make_shared<bool>(false);
    auto heard = store_->watch(
        query,
        "",
        [has_heard](const StoreEvent& event) {
            if (event.kind == EventKind::removed) *has_heard = true;
        },
        nullptr);
    auto last = store_->remove(key, options);
    // Grace or a finalizer may hold it back: then it was only changed.
    if (!last || !is_gone(key)) return told(std::move(last), false);
    ++changes_;
    if (follows(*last) && heard) removals_.emplace_back(*std::move(heard), has_heard);
    if (other->follows(*last)) world_.await([&] { return other->known(key).is_empty(); });
    return last;
}

std::vector<ListQuery> watched_by_others() {
    return {
        {.type = &types::rollout()},
        {.type = &types::analysis_run()},
        {.type = &types::config_map()},
        {.type = &types::replica_set()},
        {.type = &types::deployment()},
        {.type = &types::pod()},
        {.type = &types::http_route()}};
}

class ClusterGround : public Ground {
public:
    ClusterGround(Instant start, std::unique_ptr<kubernetes::ClusterWorld> world)
        : Ground(start, world->ns),
          world_(std::move(world)),
          between_(world_->loop, loop),
          api_(between_, world_->http, world_->api->config()),
          controllers_(*world_, api_, followed_types()),
          others_(*world_, api_, watched_by_others()) {
        controllers_.other = &others_;
        others_.other = &controllers_;
    }

    ObjectStore& controllers() override { return controllers_; }
    ObjectStore& others() override { return others_; }

    void settle() override {
        world_->await([&] {
            loop.run_until_idle();
            return controllers_.has_heard_all() && others_.has_heard_all();
        });
    }
    // From timer to timer, so that what each sets off has settled when the next one is due.
    void advance(Duration by) override {
        const Instant end = loop.now() + by;
        settle();
        for (auto next = loop.next_timer(); next && *next <= end; next = loop.next_timer()) {
            loop.advance(std::max(*next - loop.now(), Duration(0)));
            settle();
        }
        loop.advance(end - loop.now());
    }
    void restart() override { controllers_.open(); }
    void set_faults(OnWrite on_write) override {
        controllers_.on_write = on_write;
        others_.on_write = std::move(on_write);
    }
    int stride() const override { return 17; }
    std::int64_t writes() const override { return controllers_.changes() + others_.changes(); }

private:
    std::unique_ptr<kubernetes::ClusterWorld> world_;
    BetweenLoops between_;
    kubernetes::Api api_;
    Side controllers_;
    Side others_;
};

// The plugins of all releases are registered in a namespace that all worlds share.
void clear_plugins(kubernetes::ClusterWorld& world) {
    const std::string ns(argo::plugin_config_namespace);
    const auto made = world.api->call(
        {.method = "POST",
         .path = "/api/v1/namespaces",
         .body = Object(types::name_space(), "", ns).document()});
    REQUIRE_MESSAGE((made || made.error().kind == ErrorKind::exists), made.error().message);
    const ObjectKey config{&types::config_map(), ns, std::string(argo::plugin_config_name)};
    const auto removed =
        world.api->call({.method = "DELETE", .path = kubernetes::object_path(config), .body = {}});
    REQUIRE_MESSAGE(
        (removed || removed.error().kind == ErrorKind::not_found), removed.error().message);
}

}  // namespace

std::unique_ptr<Ground> make_ground(Instant start) {
    auto world = std::make_unique<kubernetes::ClusterWorld>();
    clear_plugins(*world);
    return std::make_unique<ClusterGround>(start, std::move(world));
}

}  // namespace serin::control
