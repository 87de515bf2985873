#include "control/analysis_controller.h"
#include "control/manager.h"
#include "metrics/kayenta_source.h"
#include "metrics/prometheus.h"
#include "metrics/request_windows.h"
#include "metrics/sequential_source.h"
#include "net/curl_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "ports/event_recorder.h"
#include "store/memory.h"

#include <doctest/doctest.h>

#include "real_prometheus.h"
#include <string>
#include <vector>

using namespace serin;
using namespace serin::control;
using namespace std::chrono_literals;

// Analysis runs that ask a real Prometheus over real HTTP, and fakes that misbehave.

namespace {

struct World {
    net::AsioLoop loop;
    net::CurlClient client{loop};
    store::MemoryStore store{loop};
    EventRecorder events{store, loop, "test"};
    metrics::PrometheusSource source{client};
    metrics::RequestWindows windows{loop};
    metrics::ReleaseRequests requests{loop, store, windows};
    metrics::SequentialSource sequential{loop, requests, {{"prometheus", &source}}};
    metrics::KayentaSource kayenta{loop, {{"prometheus", &source}}};
    AnalysisController controller{
        loop,
        store,
        events,
        {{"prometheus", &source},
         {std::string(metrics::SequentialSource::provider), &sequential},
         {std::string(metrics::KayentaSource::provider), &kayenta}}};
    Manager manager{loop, store, {&controller}};

    World() { manager.start(); }

    bool run_until(const std::function<bool()>& is_done, Duration patience = 60s) {
        const Instant deadline = loop.now() + patience;
        EventLoop::Watch timer;
        std::function<void()> look = [&] {
            if (is_done() || loop.now() > deadline) return loop.stop();
            timer = loop.after(10ms, look);
        };
        look();
        loop.run();
        return is_done();
    }

    void create(const std::string& name, const std::string& metric, const std::string& address) {
        auto spec = json::parse(R"({"metrics": [{"name": "m", "consecutiveErrorLimit": 0}]})");
        REQUIRE(spec);
        Object run(types::analysis_run(), "default", name);
        const auto fields = json::parse(metric);
        REQUIRE(fields);
        for (const auto& field : fields->as_object())
            spec->at("metrics").at(0).as_object()[field.key()] = field.value();
        run.put("/spec", *spec);
        run.put("/spec/metrics", spec->at("metrics"));
        run.document()["spec"]
            .at("metrics")
            .at(0)
            .at("provider")
            .at("prometheus")
            .as_object()["address"] = address;
        REQUIRE(store.create(run));
    }
    Object run(const std::string& name) const {
        const auto run = store.get({.type = &types::analysis_run(), .ns = "default", .name = name});
        REQUIRE(run);
        return *run;
    }
    std::string end_of(const std::string& name) {
        const bool has_ended = run_until([&] {
            const Object now = run(name);
            return !now.text("/status/completedAt").empty();
        });
        CHECK(has_ended);
        return std::string(run(name).text("/status/phase"));
    }
    std::string answer(const std::string& url) {
        std::string body;
        bool is_done = false;
        const auto call = client.send({.url = url}, [&](Result<HttpResponse> response) {
            if (response) body = response->body;
            is_done = true;
        });
        run_until([&] { return is_done; });
        return body;
    }
};

std::unique_ptr<net::HttpServer> serve(net::AsioLoop& loop, net::HttpHandler handler) {
    auto server = net::HttpServer::listen(loop, {}, std::move(handler));
    REQUIRE(server);
    return *std::move(server);
}

}  // namespace

TEST_CASE("analysis runs ask a real Prometheus") {
    World world;
    double ratio = 0.97;
    const auto exporter = serve(world.loop, [&](const auto&, const auto& responder) {
        responder->send(
            {.headers = {{"Content-Type", "text/plain; version=0.0.4"}},
             .body = "shop_success_ratio " + std::to_string(ratio) + "\nshop_nan NaN\n"});
    });
    const Prometheus prometheus(exporter->port());
    const std::string query = prometheus.url() + "/api/v1/query?query=shop_success_ratio";
    const Instant deadline = world.loop.now() + 60s;
    while (!world.answer(query).contains("0.97")) {
        REQUIRE(world.loop.now() < deadline);
        world.run_until([] { return false; }, 50ms);
    }

    world.create(
        "good",
        R"({"successCondition": "result[0] >= 0.95",
        "provider": {"prometheus": {"query": "shop_success_ratio"}}})",
        prometheus.url());
    CHECK(world.end_of("good") == "Successful");
    const Object good = world.run("good");
    CHECK(good.text("/status/metricResults/0/measurements/0/value") == "[0.97]");
    CHECK(
        good.text("/status/metricResults/0/metadata/ResolvedPrometheusQuery") ==
        "shop_success_ratio");

    world.create(
        "scalar",
        R"json({"successCondition": "result > 0.9",
        "provider": {"prometheus": {"query": "scalar(shop_success_ratio)"}}})json",
        prometheus.url());
    CHECK(world.end_of("scalar") == "Successful");
    CHECK(world.run("scalar").text("/status/metricResults/0/measurements/0/value") == "0.97");

    world.create(
        "range",
        R"json({"successCondition": "len(result) > 0 and all(result, # > 0.9)",
        "provider": {"prometheus": {"query": "max_over_time(shop_success_ratio[1m])",
        "rangeQuery": {"start": "now() - duration('1s')", "end": "now()", "step": "200ms"}}}})json",
        prometheus.url());
    CHECK(world.end_of("range") == "Successful");

    world.create(
        "nan",
        R"({"successCondition": "result[0] > 0.5",
        "provider": {"prometheus": {"query": "shop_nan"}}})",
        prometheus.url());
    CHECK(world.end_of("nan") == "Failed");
    CHECK(world.run("nan").text("/status/metricResults/0/measurements/0/value") == "[NaN]");

    world.create(
        "empty",
        R"({"successCondition": "result[0] > 0.5",
        "provider": {"prometheus": {"query": "nothing_of_the_kind"}}})",
        prometheus.url());
    CHECK(world.end_of("empty") == "Error");
    CHECK(
        world.run("empty")
            .text("/status/message")
            .contains("metric result is nil or empty: no data returned from the metric provider"));

    world.create("broken", R"({"provider": {"prometheus": {"query": "sum("}}})", prometheus.url());
    CHECK(world.end_of("broken") == "Error");
    CHECK(world.run("broken").text("/status/message").contains("bad_data: "));

    world.create(
        "falling",
        R"({"interval": "300ms", "successCondition": "result[0] >= 0.95",
        "provider": {"prometheus": {"query": "shop_success_ratio"}}})",
        prometheus.url());
    REQUIRE(world.run_until(
        [&] { return world.run("falling").integer("/status/metricResults/0/successful") >= 2; }));
    ratio = 0.5;
    CHECK(world.end_of("falling") == "Failed");
    CHECK(
        world.run("falling").text("/status/message") ==
        "Metric \"m\" assessed Failed due to failed (1) > failureLimit (0)");
}

TEST_CASE("a Prometheus that misbehaves leads to an error that says how") {
    World world;
    std::vector<std::shared_ptr<net::HttpResponder>> unanswered;
    const auto fake =
        serve(world.loop, [&](const net::HttpServerRequest& request, const auto& responder) {
            if (request.path == "/slow/api/v1/query") return unanswered.push_back(responder);
            net::HttpServerResponse response;
            if (request.path == "/malformed/api/v1/query")
                response.body = R"({"status": "success", "data)";
            if (request.path == "/html/api/v1/query") response.body = "<html>login</html>";
            if (request.path == "/down/api/v1/query") response = {.status = 503, .body = "no"};
            if (request.path == "/denied/api/v1/query") response = {.status = 401, .body = "no"};
            if (request.path == "/huge/api/v1/query") response.body = std::string(11 << 20, ' ');
            if (request.path == "/get/api/v1/query") {
                response = request.method == "POST"
                               ? net::HttpServerResponse{.status = 405}
                               : net::HttpServerResponse{.body = R"({"status": "success",
                      "data": {"resultType": "scalar", "result": [1, "7"]}})"};
            }
            responder->send(std::move(response));
        });
    const std::string base = "http://127.0.0.1:" + std::to_string(fake->port()) + "/";
    const auto message = [&](const std::string& name) {
        world.create(
            name,
            R"({"successCondition": "result == 7",
            "provider": {"prometheus": {"query": "up", "timeout": 1}}})",
            base + name);
        const std::string phase = world.end_of(name);
        CHECK(phase == (name == "get" ? "Successful" : "Error"));
        return std::string(world.run(name).text("/status/metricResults/0/measurements/0/message"));
    };
    CHECK(message("malformed").starts_with("bad_response"));
    CHECK(message("html").starts_with("bad_response"));
    CHECK(message("empty").starts_with("bad_response"));
    CHECK(message("down") == "server_error: server error: 503 no");
    CHECK(message("denied") == "client_error: client error: 401 no");
    CHECK_FALSE(message("huge").empty());
    CHECK_FALSE(message("slow").empty());
    CHECK(message("get").empty());

    world.create(
        "refused",
        R"({"provider": {"prometheus": {"query": "up"}}})",
        "http://127.0.0.1:" + std::to_string(free_port()));
    CHECK(world.end_of("refused") == "Error");
}

TEST_CASE("the sequential judge counts what a real Prometheus has scraped") {
    World world;
    // Two pods an arm; those of the canary restart, and fail after a while.
    std::map<std::string, int> total{{"v1-a", 90'000}, {"v1-b", 80'000}, {"v2-a", 0}, {"v2-b", 0}};
    std::map<std::string, int> failed;
    bool is_broken = false;
    const auto exporter = serve(world.loop, [&](const auto&, const auto& responder) {
        std::string body;
        for (auto& [pod, count] : total) {
            const std::string labels = "{pod=\"" + pod + "\",revision=\"" + pod.substr(0, 2) + "\"";
            body += "shop_requests_total" + labels + "} " + std::to_string(count) + "\n";
            // As usual, there is no series before the first failure.
            if (failed.contains(pod)) {
                body += "shop_failed_total" + labels + "} " + std::to_string(failed[pod]) + "\n";
            }
            const bool is_canary = pod.starts_with("v2");
            count += is_canary ? 10 : 50;
            if (is_canary && is_broken) failed[pod] += 5;
        }
        responder->send({.headers = {{"Content-Type", "text/plain; version=0.0.4"}}, .body = body});
    });
    const Prometheus prometheus(exporter->port());

    Object rollout(types::rollout(), "default", "shop");
    REQUIRE(world.store.create(rollout));
    rollout = *world.store.get({.type = &types::rollout(), .ns = "default", .name = "shop"});
    rollout.put("/status/stableRS", "v1");
    REQUIRE(world.store.update(rollout, Part::status));
    Object run(types::analysis_run(), "default", "counted");
    run.set_label("rollouts-pod-template-hash", "v2");
    run.set_controller(rollout);
    auto metrics = json::parse(R"json([{"name": "m", "provider": {"plugin": {"serin/sequential": {
        "counters": {"provider": {"prometheus": {}}, "interval": "1s"},
        "metrics": [{"metric": "error-rate",
            "canary": {"total": "shop_requests_total{revision='v2'}",
                       "failed": "sum by (pod) (shop_failed_total{revision='v2'})"},
            "stable": {"total": "shop_requests_total{revision='v1'}",
                       "failed": "shop_failed_total{revision='v1'}"}}]}}}}])json");
    REQUIRE(metrics);
    json::Value* config =
        &metrics->at(0).at("provider").at("plugin").as_object()["serin/sequential"];
    config->at("counters").at("provider").at("prometheus").as_object()["address"] =
        prometheus.url();
    run.put("/spec/metrics", *metrics);
    REQUIRE(world.store.create(run));

    const auto counted = [&] {
        const Object now = world.run("counted");
        const auto text =
            now.text("/status/metricResults/0/measurements/0/metadata/canaryRequests");
        return text.empty() ? 0 : std::stoi(std::string(text));
    };
    REQUIRE(world.run_until([&] { return counted() > 0; }));
    CHECK(world.run("counted").text("/status/phase") == "Running");
    total["v2-a"] = 0;  // It has restarted.
    is_broken = true;
    CHECK(world.end_of("counted") == "Failed");
    const Object ended = world.run("counted");
    CHECK(ended.text("/status/message").contains("error-rate: "));
    // Not what the stable pods had served long before.
    const auto stable =
        ended.text("/status/metricResults/0/measurements/0/metadata/stableRequests");
    CHECK(std::stoi(std::string(stable)) < 80'000);
}

TEST_CASE("Kayenta's judge scores series of a real Prometheus, both arms by scope") {
    World world;
    double noise = 0;
    const auto exporter = serve(world.loop, [&](const auto&, const auto& responder) {
        noise = noise > 0.5 ? noise - 0.37 : noise + 0.29;
        responder->send(
            {.headers = {{"Content-Type", "text/plain; version=0.0.4"}},
             .body = "shop_queue{hash=\"v1\"} " + std::to_string(10 + noise) +
                     "\nshop_queue{hash=\"v2\"} " + std::to_string(20 + noise) + "\n"});
    });
    const Prometheus prometheus(exporter->port());
    auto config = json::parse(R"json({
        "lifetime": "12s", "interval": "6s", "step": "1s",
        "provider": {"prometheus": {}}, "control": "v1", "experiment": "v2",
        "canaryConfig": {"name": "shop", "classifier": {"groupWeights": {}},
            "metrics": [{"name": "queue", "groups": ["saturation"],
                "query": {"type": "prometheus",
                          "customInlineTemplate": "PromQL:max(shop_queue{hash=\"${scope}\"})"},
                "analysisConfigurations": {"canary": {"direction": "increase"}}}]}})json");
    REQUIRE(config);
    config->at("provider").at("prometheus").as_object()["address"] = prometheus.url();
    Object run(types::analysis_run(), "default", "kayenta");
    run.put(
        "/spec/metrics",
        json::Array{json::Object{
            {"name", "m"},
            {"provider", json::Object{{"plugin", json::Object{{"serin/kayenta", *config}}}}}}});
    REQUIRE(world.store.create(run));
    CHECK(world.end_of("kayenta") == "Failed");
    const Object ended = world.run("kayenta");
    CHECK(ended.text("/status/message").contains("queue is High: 20"));
    // The first one, or the second if Prometheus had too few points for the first.
    CHECK(
        ended.text("/status/metricResults/0/measurements/0/metadata/judgement").ends_with(" of 2"));
}
