// HTTP probes over the real loop and client, in real time.

#include "node/pod_facts.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "world.h"
#include <filesystem>
#include <fstream>

namespace serin::node {

TEST_CASE("an HTTP readiness probe follows what the process answers") {
    World files;  // For its folder; its loop and store stay unused.
    files.make_image("shop", "v1", "");
    net::AsioLoop loop;
    net::CurlClient http(loop);
    store::MemoryStore store(loop, files.folder);
    Node node(loop, store, http, files.settings);
    REQUIRE(node.start());
    Driver driver(loop, store, node.reconcilers());

    const auto until = [&](const std::function<bool()>& is_done) {
        bool is_reached = false;
        std::function<void()> look;
        EventLoop::Watch timer;
        look = [&] {
            is_reached = is_done();
            if (is_reached) return loop.stop();
            timer = loop.after(Duration{10}, look);
        };
        look();
        const auto patience = loop.after(Duration{20'000}, [&] { loop.stop(); });
        if (!is_reached) loop.run();
        return is_reached;
    };
    const ObjectKey key{.type = &types::pod(), .ns = "default", .name = "a"};
    const auto pod = [&] { return store.get(key).value_or(Object()); };

    const std::string health = files.folder + "/images/shop/v1/healthy";
    const auto made = json::parse(fmt::format(
        R"({{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "a", "namespace": "default"}},
             "spec": {{"containers": [{{"name": "main", "image": "shop:v1", "command": ["{}"],
               "env": [{{"name": "HEALTH_FILE", "value": "{}"}}],
               "ports": [{{"name": "http", "containerPort": 8080}}],
               "readinessProbe": {{"httpGet": {{"path": "/healthz", "port": 8080}},
                 "periodSeconds": 1, "failureThreshold": 1}}}}]}}}})",
        TEST_SERVER,
        health));
    REQUIRE(made);
    REQUIRE(store.create(Object(made->as_object())));

    const auto has_event = [&](std::string_view message) {
        const ObjectList all = store.list({.type = &types::event()}).value();
        for (const Object& event : all.items) {
            if (event.text("/message").contains(message)) return true;
        }
        return false;
    };
    CHECK(until([&] { return has_event("HTTP probe failed with statuscode: 500"); }));
    CHECK_FALSE(is_ready(pod()));
    std::ofstream(health) << "";
    CHECK(until([&] { return is_ready(pod()); }));
    std::filesystem::remove(health);
    CHECK(until([&] { return !is_ready(pod()); }));

    REQUIRE(store.remove(key));
    CHECK(until([&] { return pod().is_empty(); }));
}

}  // namespace serin::node
