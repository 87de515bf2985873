#include "cluster_world.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <unistd.h>

namespace serin::kubernetes {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view mark_name = "mark";

int worlds = 0;

net::AsioLoop& shared_loop() {
    static net::AsioLoop loop;
    return loop;
}

net::CurlClient& shared_client() {
    static net::CurlClient client(shared_loop());
    return client;
}

}  // namespace

ClusterWorld::ClusterWorld()
    : loop(shared_loop()),
      http(shared_client()),
      ns(fmt::format("serin-test-{}-{}", getpid(), ++worlds)) {
    const char* files = std::getenv("KUBECONFIG");
    REQUIRE_MESSAGE(files != nullptr, "KUBECONFIG names no cluster: run ./dev test-kubernetes");
    auto config = read_kubeconfig({files}, "");
    REQUIRE_MESSAGE(config, config.error().message);
    api = std::make_unique<Api>(loop, http, *std::move(config));
    const auto made = api->call(
        {.method = "POST",
         .path = "/api/v1/namespaces",
         .body = Object(types::name_space(), "", ns).document()});
    REQUIRE_MESSAGE(made, made.error().message);
}

ClusterWorld::~ClusterWorld() {
    const auto removed =
        api->call({.method = "DELETE", .path = "/api/v1/namespaces/" + ns, .body = {}});
    if (!removed) MESSAGE(removed.error().message);
}

std::unique_ptr<KubernetesStore> ClusterWorld::open(std::function<Result<>()> may_write) {
    StoreSettings settings;
    for (const ResourceType* type :
         {&types::replica_set(), &types::config_map(), &types::pod(), &types::http_route()}) {
        settings.followed.push_back({.type = type});
    }
    settings.namespaces = {ns};
    settings.may_write = std::move(may_write);
    auto store = std::make_unique<KubernetesStore>(*api, std::move(settings));
    store->start([] {});
    await([&] { return store->is_synced(); });
    return store;
}

void ClusterWorld::await(const std::function<bool()>& holds) {
    const Instant end = loop.now() + 60s;
    while (!holds()) {
        REQUIRE_MESSAGE(loop.now() < end, "waited in vain");
        const auto pause = loop.after(1ms, [this] { loop.stop(); });
        loop.run();
    }
}

// Each type has a stream of its own, so each is marked.
void ClusterWorld::settle(KubernetesStore& store) {
    const int number = ++marks_;
    for (const ResourceType* type : {&types::config_map(), &types::replica_set()}) {
        bool has_come = false;
        const auto watch = store.watch(
            {.type = type},
            "",
            [&](const StoreEvent& event) {
                has_come = has_come || (event.kind == EventKind::removed &&
                                        event.object.name() == fmt::format("mark-{}", number));
            },
            [](const Error& error) { FAIL(error.message); });
        REQUIRE(watch);
        const std::string name = fmt::format("{}-{}", mark_name, number);
        REQUIRE(store.create(type == &types::config_map() ? config(name) : group(name)));
        REQUIRE(store.remove(key(*type, name)));
        await([&] { return has_come; });
    }
}

ObjectKey ClusterWorld::key(const ResourceType& type, std::string_view name) const {
    return {&type, ns, std::string(name)};
}

Object ClusterWorld::config(std::string_view name, std::string_view value) const {
    Object object(types::config_map(), ns, name);
    object.put("/data/x", json::string(value));
    return object;
}

Object ClusterWorld::group(std::string_view name, int replicas) const {
    Object object(types::replica_set(), ns, name);
    const json::Object labels{{"app", json::string(name)}};
    object.put("/spec/replicas", replicas);
    object.put("/spec/selector/matchLabels", labels);
    object.put("/spec/template/metadata/labels", labels);
    object.put(
        "/spec/template/spec/containers",
        json::Array{json::Object{{"name", "a"}, {"image", "shop:v1"}}});
    return object;
}

ErrorKind kind_of(const Result<Object>& result) {
    REQUIRE_FALSE(result);
    return result.error().kind;
}

Told::Told(KubernetesStore& store, const ListQuery& query, const std::string& from) {
    auto handle = store.watch(
        query,
        from,
        [this](const StoreEvent& event) {
            if (event.object.name().starts_with(mark_name) ||
                event.object.name().starts_with("kube-root")) {
                return;
            }
            text += event.kind == EventKind::added      ? " +"
                    : event.kind == EventKind::modified ? " ~"
                                                        : " -";
            text += event.object.name();
        },
        [](const Error& error) { FAIL(error.message); });
    REQUIRE_MESSAGE(handle, handle.error().message);
    handle_ = *std::move(handle);
}

}  // namespace serin::kubernetes
