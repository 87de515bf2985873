#include "control/analysis_controller.h"
#include "control/manager.h"
#include "metrics/remote_sources.h"
#include "net/curl_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "ports/event_recorder.h"
#include "store/memory.h"

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

// Analysis runs that ask services of others, as far as what is kept of them goes.

namespace {

struct World {
    net::AsioLoop loop;
    net::CurlClient client{loop};
    store::MemoryStore store{loop};
    EventRecorder events{store, loop, "test"};
    std::deque<std::pair<int, std::string>> replies;  // The last one again and again.
    std::vector<std::string> asked;
    std::unique_ptr<net::HttpServer> server;
    metrics::RemoteSources remote{
        loop, client, {store, {"serin-system"}, [](const std::string&) { return std::nullopt; }}};
    AnalysisController controller{loop, store, events, remote.with({})};
    Manager manager{loop, store, {&controller}};

    World() {
        auto listening = net::HttpServer::listen(
            loop,
            {},
            [this](
                const net::HttpServerRequest& request,
                const std::shared_ptr<net::HttpResponder>& responder) {
                asked.push_back(request.method + " " + request.path);
                const auto [status, body] = replies.front();
                if (replies.size() > 1) replies.pop_front();
                net::HttpServerResponse response;
                response.status = status;
                response.body = body;
                responder->send(std::move(response));
            });
        REQUIRE(listening);
        server = *std::move(listening);
        manager.start();
    }

    std::string address() const { return "http://127.0.0.1:" + std::to_string(server->port()); }

    void add_datadog_secret(const std::string& ns) {
        Object secret(types::secret(), ns, "mine");
        secret.put("/stringData/address", json::string(address()));
        secret.put("/stringData/api-key", json::string("api-0123"));
        secret.put("/stringData/app-key", json::string("app-4567"));
        REQUIRE(store.create(secret));
    }

    void create(const std::string& metric) {
        Object run(types::analysis_run(), "shop", "run");
        const auto read = json::parse("{\"metrics\": [" + metric + "]}");
        REQUIRE(read);
        run.put("/spec", *read);
        REQUIRE(store.create(run));
    }
    Object run() const {
        const auto found = store.get({.type = &types::analysis_run(), .ns = "shop", .name = "run"});
        REQUIRE(found);
        return *found;
    }
    bool run_until(const std::function<bool()>& is_done) {
        const Instant deadline = loop.now() + 60s;
        EventLoop::Watch timer;
        std::function<void()> look = [&] {
            if (is_done() || loop.now() > deadline) return loop.stop();
            timer = loop.after(10ms, look);
        };
        look();
        loop.run();
        return is_done();
    }
    bool ends_as(const std::string& phase) {
        return run_until([&] { return run().text("/status/phase") == phase; });
    }
};

constexpr const char* datadog = R"({"name": "errors", "consecutiveErrorLimit": 0,
    "successCondition": "default(result, 0) < 0.01", "provider": {"datadog": {
    "query": "avg:errors{*}", "secretRef": {"name": "mine", "namespaced": true}}}})";

}  // namespace

TEST_CASE("a run asks Datadog with the keys of its own namespace, and no data is judged as nil") {
    World world;
    world.add_datadog_secret("shop");
    world.replies = {{200, R"({"series": []})"}};
    world.create(datadog);
    REQUIRE(world.ends_as("Successful"));
    CHECK(world.run().text("/status/metricResults/0/measurements/0/value") == "[]");
}

TEST_CASE("keys that a service repeats are kept nowhere") {
    World world;
    world.add_datadog_secret("shop");
    world.replies = {{403, "who is api-0123 with app-4567?"}};
    world.create(datadog);
    REQUIRE(world.ends_as("Error"));
    CHECK(world.run().text("/status/message").contains("403 who is ***** with *****?"));
    for (const ResourceType& type : resource_types()) {
        if (type.kind == "Secret") continue;
        const auto all = world.store.list({.type = &type});
        REQUIRE(all);
        for (const Object& object : all->items) {
            const std::string text = json::print(object.document());
            CHECK_FALSE(text.contains("api-0123"));
            CHECK_FALSE(text.contains("app-4567"));
        }
    }
}

TEST_CASE("the keys of another namespace are not for a run") {
    World world;
    world.add_datadog_secret("other");
    world.replies = {{200, "{}"}};
    world.create(datadog);
    REQUIRE(world.ends_as("Error"));
    CHECK(world.asked.empty());
}

TEST_CASE("an execution of Kayenta is told while it lasts, and taken up by another process") {
    const auto create = [](World& world) {
        world.create(
            R"({"name": "k", "provider": {"kayenta": {"address": ")" + world.address() +
            R"(", "application": "a", "canaryConfigName": "c", "metricsAccountName": "m",
            "configurationAccountName": "n", "storageAccountName": "s",
            "threshold": {"pass": 90, "marginal": 75}, "lookback": true, "scopes": [{
            "name": "default", "controlScope": {"scope": "x", "region": "r", "step": 60},
            "experimentScope": {"scope": "y", "region": "r", "step": 60}}]}}})");
    };
    World world;
    world.replies = {
        {200, R"([{"id": "42", "name": "c"}])"}, {200, R"({"canaryExecutionId": "01ABC"})"}};
    create(world);
    const std::string at = "/status/metricResults/0/measurements/0/metadata/canaryExecutionId";
    REQUIRE(world.run_until([&] { return world.run().text(at) == "01ABC"; }));

    World other;
    other.replies = {
        {200, R"({"complete": true, "result": {"judgeResult": {"score": {"score": 95}}}})"}};
    Object begun = world.run();
    create(other);
    begun.put("/metadata", *other.run().find("/metadata"));
    begun.put("/spec", *other.run().find("/spec"));
    // Before its first turn: the loop has not run yet.
    REQUIRE(other.store.update(begun, Part::status));
    REQUIRE(other.ends_as("Successful"));
    CHECK(other.asked == std::vector<std::string>{"GET /canary/01ABC"});
    CHECK(other.run().text("/status/metricResults/0/measurements/0/value") == "95");
}
