#include "metrics/requests_source.h"

#include "ports/manual_loop.h"

#include <doctest/doctest.h>

#include <limits>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

namespace {

const Instant t0 = Instant(1'000'000s);

struct World {
    ManualLoop loop{t0};
    RequestWindows windows{loop};
    RequestsSource source{loop, windows};
    std::optional<Result<MetricSample>> answer;
    std::unique_ptr<MetricSource::Measurement> pending;

    void requests(
        int count, int status, std::string_view revision = "v2", Duration latency = 10ms) {
        const RequestOutcome outcome{
            .at = loop.now(),
            .latency_us = latency.count() * 1000,
            .ns = "default",
            .route = "shop",
            .service = revision == "v1" ? "shop-stable" : "shop-canary",
            .revision = revision,
            .status = status};
        for (int i = 0; i < count; ++i) windows.take({&outcome, 1});
    }

    MetricQuery query(std::string_view config) const {
        return {
            .provider = "serin/requests",
            .config = json::parse(config)->as_object(),
            .ns = "default",
            .run = "run",
            .metric = "m",
            .started = t0,
            .now = loop.now(),
            .candidate = {.revision = "v2", .service = "shop-canary"},
            .stable = {.revision = "v1", .service = "shop-stable"}};
    }

    void measure(std::string_view config) { measure(query(config)); }
    void measure(MetricQuery query) {
        answer.reset();
        pending = source.measure(
            std::move(query), [this](Result<MetricSample> sample) { answer = std::move(sample); });
    }

    double value(std::string_view config) {
        measure(config);
        REQUIRE(answer);
        REQUIRE(*answer);
        CAPTURE((*answer)->no_data_reason);
        REQUIRE((*answer)->result.is_array());
        return (*answer)->result.as_array().at(0).as_double();
    }
};

std::string refusal(std::string_view config) {
    ManualLoop loop;
    RequestWindows windows(loop);
    const auto result = RequestsSource(loop, windows).check(json::parse(config)->as_object());
    return result ? "" : result.error().message;
}

}  // namespace

TEST_CASE("each quantity of the canary since the run began") {
    World world;
    world.requests(90, 200);
    world.requests(4, 404);
    world.requests(6, 500);
    world.requests(1000, 200, "v1");
    world.requests(25, 0);
    world.loop.advance(10s);
    CHECK(world.value(R"({"metric": "success-rate"})") == doctest::Approx(0.94));
    CHECK(world.value(R"({"metric": "error-rate"})") == doctest::Approx(0.06));
    CHECK(
        world.value(R"({"metric": "error-rate", "statusClass": "4xx"})") == doctest::Approx(0.04));
    CHECK(world.value(R"({"metric": "count"})") == 100);
    CHECK(world.value(R"({"metric": "count", "statusClass": "5xx"})") == 6);
    CHECK(world.value(R"({"metric": "rate"})") == doctest::Approx(10));
    CHECK(world.value(R"({"metric": "success-rate", "revision": "stable"})") == 1);
    CHECK(world.value(R"({"metric": "success-rate", "revision": "v1"})") == 1);

    const auto& facts = (world.measure(R"({"metric": "success-rate"})"), (*world.answer)->metadata);
    CHECK(facts.at("requests") == "100");
    CHECK(facts.at("failed") == "6");
    CHECK(facts.at("clientAborted") == "25");
    CHECK(facts.at("window") == "10s");
    CHECK((*world.answer)->value == "[0.94]");
}

TEST_CASE("a measurement tells its numbers to people") {
    World world;
    world.requests(94, 200, "v2", 100ms);
    world.requests(6, 500, "v2", 100ms);
    world.requests(1000, 200, "v1");
    world.loop.advance(1900ms);
    const auto told = [&](std::string_view config) {
        world.measure(config);
        return (*world.answer)->summary;
    };
    CHECK(told(R"({"metric": "success-rate"})") == "success rate 0.94 over 100 requests in 1.9s");
    CHECK(
        told(R"({"metric": "error-rate", "statusClass": "5xx"})") ==
        "5xx error rate 0.06 over 100 requests in 1.9s");
    CHECK(
        told(R"({"metric": "count", "statusClass": "5xx"})") ==
        "6 5xx requests of 100 requests in 1.9s");
    CHECK(told(R"({"metric": "rate"})") == "52.63 requests a second in 1.9s");
    CHECK(told(R"({"metric": "latency"})").starts_with("p95 latency 0.1"));
    CHECK(
        told(R"({"metric": "error-rate", "relativeTo": "stable"})") ==
        "error rate 0.06 over 100 requests, stable error rate 0 over 1000 requests in 1.9s");
}

TEST_CASE("latency quantiles are in seconds") {
    World world;
    world.requests(90, 200, "v2", 100ms);
    world.requests(10, 200, "v2", 1000ms);
    CHECK(
        world.value(R"({"metric": "latency", "quantile": 0.5})") ==
        doctest::Approx(0.1).epsilon(0.02));
    CHECK(
        world.value(R"({"metric": "latency", "quantile": "0.99"})") ==
        doctest::Approx(1).epsilon(0.02));
}

TEST_CASE("relative to stable, as difference or ratio") {
    World world;
    world.requests(90, 200);
    world.requests(10, 500);
    world.requests(95, 200, "v1");
    world.requests(5, 500, "v1");
    CHECK(
        world.value(R"({"metric": "error-rate", "relativeTo": "stable"})") ==
        doctest::Approx(0.05));
    CHECK(
        world.value(R"({"metric": "error-rate", "relativeTo": "stable", "comparison": "ratio"})") ==
        doctest::Approx(2));
    CHECK((*world.answer)->metadata.at("stableRequests") == "100");
    CHECK((*world.answer)->metadata.at("stableValue") == "0.05");
    CHECK(
        world.value(
            R"({"metric": "count", "statusClass": "4xx", "relativeTo": "stable", "comparison": "ratio"})") ==
        1);
}

TEST_CASE("a ratio to nothing is infinite") {
    World world;
    world.requests(100, 500);
    world.requests(100, 200, "v1");
    CHECK(
        world.value(R"({"metric": "error-rate", "relativeTo": "stable", "comparison": "ratio"})") ==
        std::numeric_limits<double>::infinity());
    CHECK((*world.answer)->value == "[+Inf]");
}

TEST_CASE("only requests since the run began, and within the window, count") {
    World world;
    world.requests(100, 500);
    world.loop.advance(10s);
    world.requests(50, 200);
    auto query = world.query(R"({"metric": "error-rate"})");
    query.started = world.loop.now();
    world.measure(query);
    CHECK((*world.answer)->metadata.at("requests") == "50");

    world.loop.advance(60s);
    world.requests(40, 200);
    CHECK(world.value(R"({"metric": "error-rate", "window": "30s"})") == 0);
    CHECK((*world.answer)->metadata.at("requests") == "40");
}

TEST_CASE("a measurement waits for enough requests and ends with the one that completes them") {
    World world;
    world.requests(29, 200);
    world.measure(R"({"metric": "success-rate"})");
    world.loop.advance(10s);
    CHECK_FALSE(world.answer);
    world.requests(1, 500);
    world.loop.run_until_idle();
    REQUIRE(world.answer);
    CHECK((*world.answer)->metadata.at("requests") == "30");
}

TEST_CASE("without enough requests in time there is no data, and the reason says so") {
    World world;
    world.requests(12, 200);
    world.measure(R"({"metric": "success-rate"})");
    world.loop.advance(60s);
    REQUIRE(world.answer);
    CHECK((*world.answer)->no_data_reason == "12 of at least 30 requests in the last 60s");
    CHECK((*world.answer)->result.is_null());

    world.measure(
        R"({"metric": "success-rate", "window": "5s", "timeout": "1s", "minRequests": 5})");
    world.loop.advance(1s);
    CHECK((*world.answer)->no_data_reason == "0 of at least 5 requests in the last 5s");
}

TEST_CASE("the stable side needs enough requests as well") {
    World world;
    world.requests(100, 200);
    world.requests(3, 200, "v1");
    world.measure(R"({"metric": "error-rate", "relativeTo": "stable"})");
    CHECK_FALSE(world.answer);
    world.requests(27, 200, "v1");
    world.loop.run_until_idle();
    CHECK(world.answer);
}

TEST_CASE("with minRequests 0 silence is a count of zero, but no rate of errors") {
    World world;
    CHECK(world.value(R"({"metric": "count", "minRequests": 0})") == 0);
    world.measure(R"({"metric": "error-rate", "minRequests": 0, "timeout": "1s"})");
    world.loop.advance(1s);
    CHECK_FALSE((*world.answer)->no_data_reason.empty());
}

TEST_CASE("an early look never waits") {
    World world;
    auto query = world.query(R"({"metric": "success-rate"})");
    query.is_early = true;
    world.measure(query);
    REQUIRE(world.answer);
    CHECK_FALSE((*world.answer)->no_data_reason.empty());
}

TEST_CASE("news are as many new requests to the canary as a measurement needs") {
    World world;
    int news = 0;
    const auto watch = world.source.watch(
        world.query(R"({"metric": "success-rate", "minRequests": 10})"), [&] { ++news; });
    REQUIRE(watch);
    world.requests(9, 200);
    world.requests(50, 200, "v1");
    world.loop.run_until_idle();
    CHECK(news == 0);
    world.requests(1, 200);
    world.loop.run_until_idle();
    CHECK(news == 1);
}

TEST_CASE("an abandoned measurement calls nobody") {
    World world;
    world.measure(R"({"metric": "success-rate"})");
    world.pending.reset();
    world.requests(100, 200);
    world.loop.advance(120s);
    CHECK_FALSE(world.answer);
}

TEST_CASE("an unknown canary is an error, not a pass") {
    World world;
    auto query = world.query(R"({"metric": "success-rate"})");
    query.candidate = {};
    world.measure(query);
    REQUIRE(world.answer);
    REQUIRE_FALSE(*world.answer);
    CHECK(world.answer->error().kind == ErrorKind::invalid);
}

TEST_CASE("a wrong configuration is refused with the field's name") {
    CHECK(refusal(R"({"metric": "success-rate"})").empty());
    CHECK(refusal(R"({"metric": "latency", "quantile": 0.99, "window": "5m"})").empty());
    CHECK(refusal(R"({})").starts_with("metric: missing"));
    CHECK(refusal(R"({"metric": "sucess-rate"})").starts_with("metric: expected"));
    CHECK(refusal(R"({"metric": "count", "windw": "5m"})") == "windw: unknown field");
    CHECK(refusal(R"({"metric": "latency", "quantile": 95})").starts_with("quantile: must be"));
    CHECK(refusal(R"({"metric": "count", "quantile": 0.5})").starts_with("quantile: only"));
    CHECK(refusal(R"({"metric": "count", "window": "-5m"})") == "window: must be positive");
    CHECK(refusal(R"({"metric": "count", "window": 60})").starts_with("window: expected"));
    CHECK(refusal(R"({"metric": "count", "window": "2h"})") == "window: must be at most 1h");
    CHECK(refusal(R"({"metric": "count", "statusClass": "6xx"})").starts_with("statusClass"));
    CHECK(refusal(R"({"metric": "latency", "statusClass": "5xx"})").starts_with("statusClass"));
    CHECK(refusal(R"({"metric": "count", "minRequests": -1})").starts_with("minRequests"));
    CHECK(
        refusal(R"({"metric": "count", "comparison": "ratio"})").starts_with("comparison: needs"));
    CHECK(refusal(R"({"metric": "count", "relativeTo": "v1"})").starts_with("relativeTo"));
    CHECK(refusal(R"({"metric": "count", "revision": "stable", "relativeTo": "stable"})")
              .starts_with("relativeTo"));
}
