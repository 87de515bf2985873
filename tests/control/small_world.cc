#include "small_world.h"

#include "base/json.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

namespace serin::control {

namespace {

json::Value parsed(const std::string& text) {
    auto value = json::parse(text);
    REQUIRE_MESSAGE(value, (value ? "" : value.error().message));
    return *std::move(value);
}

}  // namespace

ObjectKey RouteWeights::key(const RouteTarget& target) const {
    const auto name = json::text(target.config.if_contains("httpRoute")).value_or("");
    return {&types::http_route(), target.ns, std::string(name)};
}

Result<std::vector<ObjectKey>> RouteWeights::objects(const RouteTarget& target) const {
    return std::vector{key(target)};
}

Result<SplitSeen> RouteWeights::observe(const RouteTarget& target) const {
    SERIN_TRY(const Object route, store_.get(key(target)));
    SplitSeen seen;
    seen.written.candidate = static_cast<int>(route.integer("/spec/weight"));
    if (route.find("/status/weight")) {
        seen.in_force = Split{.candidate = static_cast<int>(route.integer("/status/weight"))};
    }
    seen.is_settled = seen.in_force == seen.written &&
                      route.integer("/status/observedGeneration") == route.generation();
    return seen;
}

Result<> RouteWeights::apply(const RouteTarget& target, Split wanted) {
    written.push_back(wanted.candidate);
    const json::Value change = json::Object{{"spec", json::Object{{"weight", wanted.candidate}}}};
    SERIN_TRY_DO(store_.patch(key(target), PatchKind::merge, change));
    return {};
}

std::vector<Trigger> Kubelet::triggers() const {
    return {on_change_of(types::replica_set())};
}

Result<CallAgain> Kubelet::reconcile(const ObjectKey& key) {
    auto group = store_.get(key);
    if (!group) return std::nullopt;
    const auto desired = group->integer("/spec/replicas");
    const bool is_broken = group->text("/spec/template/spec/containers/0/image") == broken_image;
    const std::int64_t available = is_broken ? 0 : desired;
    group->put("/status/replicas", desired);
    group->put("/status/readyReplicas", available);
    group->put("/status/availableReplicas", available);
    group->put("/status/observedGeneration", group->generation());
    SERIN_TRY_DO(store_.update(*group, Part::status));
    return std::nullopt;
}

std::vector<Trigger> DataPlane::triggers() const {
    return {on_change_of(types::http_route())};
}

Result<CallAgain> DataPlane::reconcile(const ObjectKey& key) {
    auto route = store_.get(key);
    if (!route || !confirms) return std::nullopt;
    route->put("/status/weight", route->integer("/spec/weight"));
    route->put("/status/observedGeneration", route->generation());
    SERIN_TRY_DO(store_.update(*route, Part::status));
    return std::nullopt;
}

std::unique_ptr<PluginRunner::Call> Plugins::call(PluginCall call, Done done) {
    class Pending : public Call {
    public:
        EventLoop::Watch watch;
    };
    asked.push_back(std::move(call.request));
    std::string text = answers.empty() ? "" : answers.front();
    if (answer_to) text = answer_to(asked.back());
    if (answers.size() > 1) answers.erase(answers.begin());
    auto pending = std::make_unique<Pending>();
    pending->watch = loop_.after(Duration(1), [text, done = std::move(done)] {
        if (text.empty()) return done(fail(ErrorKind::unavailable, "plugin 'acme/smoke' is ill"));
        const auto answer = json::parse(text);
        done(json::Object(*json::object(&*answer)));
    });
    return pending;
}

SmallWorld::SmallWorld(std::unique_ptr<Ground> under)
    : ground(std::move(under)),
      ns(ground->ns),
      loop(ground->loop),
      store(ground->others()),
      router(ground->controllers()),
      plugin_router(ground->controllers()),
      routers(router, plugin_router),
      kubelet(store),
      data_plane(store),
      plugins(loop) {
    restart();
}

void SmallWorld::restart() {
    manager.reset();
    played.reset();
    ground->restart();
    ObjectStore& own = ground->controllers();
    controller = std::make_unique<ReleaseController>(loop, own, evidence, routers, plugins);
    router_plugins = std::make_unique<RouterPlugins>(loop, own, plugins);
    manager = std::make_unique<Manager>(
        loop, own, std::vector<Reconciler*>{controller.get(), router_plugins.get()});
    deployments = std::make_unique<DeploymentController>(loop, store, evidence, routers);
    played = std::make_unique<Manager>(
        loop, store, std::vector<Reconciler*>{deployments.get(), &kubelet, &data_plane});
    manager->start();
    played->start();
    settle();
}

void SmallWorld::settle() {
    ground->settle();
}
void SmallWorld::advance(Duration by) {
    ground->advance(by);
}

void SmallWorld::install(const std::string& steps, const std::string& more) {
    for (const char* name : {"shop-stable", "shop-canary"}) {
        Object service(types::service(), ns, name);
        service.put("/spec/selector/app", "shop");
        service.put("/spec/ports", json::Array{json::Object{{"port", 80}}});
        add(service);
    }
    Object route(types::http_route(), ns, "shop");
    route.put("/spec/weight", 0);
    add(route);
    for (const char* name : {"success-rate", "latency"}) {
        Object analysis(types::analysis_template(), ns, name);
        analysis.put("/spec", parsed(R"({"metrics": [{"name": "rate", "interval": "1s",
            "successCondition": "result >= 0.95", "provider": {"plugin": {"serin/requests": {}}}}]})"));
        add(analysis);
    }
    Object rollout(types::rollout(), ns, "shop");
    json::Value spec = parsed(R"({"replicas": 10, "selector": {"matchLabels": {"app": "shop"}},
        "template": {"metadata": {"labels": {"app": "shop"}},
                     "spec": {"containers": [{"name": "shop", "image": "shop:v1"}]}},
        "strategy": {"canary": {"stableService": "shop-stable", "canaryService": "shop-canary",
            "trafficRouting": {"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "shop"}}}}}})");
    rollout.put("/spec", std::move(spec));
    rollout.put("/spec/strategy/canary/steps", parsed(steps));
    add(rollout);
    patch(more);
    settle();
}

void SmallWorld::add(const Object& object) {
    const auto created = store.create(object);
    REQUIRE_MESSAGE(created, (created ? "" : created.error().message));
}

void SmallWorld::patch(const std::string& change) {
    is_own_write = true;
    const auto patched =
        store.patch(key(types::rollout(), "shop"), PatchKind::merge, parsed(change));
    is_own_write = false;
    REQUIRE_MESSAGE(patched, (patched ? "" : patched.error().message));
}

void SmallWorld::patch_status(const std::string& change) {
    is_own_write = true;
    const auto patched = store.patch(
        key(types::rollout(), "shop"),
        PatchKind::merge,
        json::Object{{"status", parsed(change)}},
        Part::status);
    is_own_write = false;
    REQUIRE_MESSAGE(patched, (patched ? "" : patched.error().message));
    settle();
}

void SmallWorld::set_image(const std::string& image) {
    patch(
        R"({"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": ")" + image +
        R"("}]}}}})");
    settle();
}

ObjectKey SmallWorld::key(const ResourceType& type, const std::string& name) const {
    return {&type, ns, name};
}

Object SmallWorld::get(const ResourceType& type, const std::string& name) const {
    auto object = store.get(key(type, name));
    REQUIRE_MESSAGE(object, (object ? "" : object.error().message));
    return *std::move(object);
}

Object SmallWorld::rollout() const {
    return get(types::rollout(), "shop");
}

int SmallWorld::weight() const {
    return static_cast<int>(get(types::http_route(), "shop").integer("/spec/weight"));
}

Object SmallWorld::group(const std::string& image) const {
    ListQuery query;
    query.type = &types::replica_set();
    const ObjectList list = *store.list(query);
    for (const Object& one : list.items) {
        if (one.text("/spec/template/spec/containers/0/image") == image) return one;
    }
    return {};
}

int SmallWorld::replicas(const std::string& image) const {
    return static_cast<int>(group(image).integer("/spec/replicas"));
}

std::vector<Object> SmallWorld::runs() const {
    ListQuery query;
    query.type = &types::analysis_run();
    return store.list(query)->items;
}

void SmallWorld::finish_run(
    const std::string& name, const std::string& phase, const std::string& message) {
    Object run = get(types::analysis_run(), name);
    run.put("/status/phase", json::string(phase));
    run.put("/status/message", json::string(message));
    run.put(
        "/status/metricResults",
        parsed(R"([{"name": "rate", "phase": "Failed", "failed": 1, "measurements":
            [{"value": "[0.80]", "phase": "Failed", "message": "8 of 40 requests failed"}]}])"));
    is_own_write = true;
    REQUIRE(store.update(run, Part::status));
    is_own_write = false;
    settle();
}

std::vector<std::string> SmallWorld::event_reasons() const {
    ListQuery query;
    query.type = &types::event();
    std::vector<std::string> reasons;
    const ObjectList list = *store.list(query);
    for (const Object& event : list.items) {
        reasons.emplace_back(event.text("/reason"));
    }
    std::ranges::sort(reasons);
    return reasons;
}

}  // namespace serin::control
