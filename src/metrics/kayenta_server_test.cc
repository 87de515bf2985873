#include "metrics/kayenta_server.h"

#include "base/json.h"
#include "ports/manual_loop.h"

#include <doctest/doctest.h>

#include <deque>
#include <optional>
#include <string>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view config =
    R"({"address": "http://kayenta:8090/", "application": "shop app",
    "canaryConfigName": "errors", "metricsAccountName": "prom", "configurationAccountName": "conf",
    "storageAccountName": "s3", "threshold": {"pass": 90, "marginal": 75}, "scopes": [
    {"name": "default", "controlScope": {"scope": "base", "region": "eu", "step": 60},
     "experimentScope": {"scope": "canary", "region": "eu", "step": 60}}]})";

json::Object with(std::string_view pointer, json::Value value) {
    json::Object changed = json::parse(config)->as_object();
    json::put(changed, pointer, std::move(value));
    return changed;
}

class FakeClient : public HttpClient {
public:
    std::unique_ptr<Call> send(HttpRequest request, Done done) override {
        asked.push_back(std::move(request));
        pending = std::move(done);
        return std::make_unique<Call>();
    }
    void answer(std::string body) {
        const Done done = std::exchange(pending, nullptr);
        REQUIRE(done);
        done(HttpResponse{.status = 200, .body = std::move(body)});
    }
    std::deque<HttpRequest> asked;
    Done pending;
};

struct World {
    ManualLoop loop{Instant(1'440'938'160s)};
    FakeClient client;
    KayentaServerSource source{loop, client};
    std::optional<Result<MetricSample>> answer;
    std::unique_ptr<MetricSource::Measurement> pending;
    MetricQuery query{
        .config = json::parse(config)->as_object(),
        .started = loop.now() - 10min,
        .interval = 5min,
        .now = loop.now()};

    void measure() {
        pending = source.measure(
            query, [this](Result<MetricSample> sample) { answer = std::move(sample); });
    }
    // To the execution.
    void start() {
        measure();
        client.answer(R"([{"id": "17", "name": "latency"}, {"id": "42", "name": "errors"}])");
        client.answer(R"({"canaryExecutionId": "01ABC"})");
    }
    std::string refused(const json::Object& changed) const {
        const auto checked = source.check(changed);
        return checked ? "" : checked.error().message;
    }
};

MetricSample::Judgement judged(double score) {
    const auto sample = read_kayenta_score(
        {.status = 200,
         .body = json::print(json::parse(
                                 R"({"complete": true, "result": {"judgeResult": {"score":
                 {"score": )" + std::to_string(score) +
                                 "}}}}")
                                 .value())},
        json::parse(config)->as_object());
    REQUIRE(sample);
    REQUIRE(*sample);
    return *(*sample)->judgement;
}

}  // namespace

TEST_CASE("Kayenta is asked for the config, started, and looked at until it is complete") {
    World world;
    world.measure();
    CHECK(
        world.client.asked[0].url ==
        "http://kayenta:8090/canaryConfig?application=shop%20app&configurationAccountName=s3");
    world.client.answer(R"([{"id": "17", "name": "latency"}, {"id": "42", "name": "errors"}])");
    const HttpRequest& start = world.client.asked[1];
    CHECK(start.method == "POST");
    CHECK(
        start.url ==
        "http://kayenta:8090/canary/42?application=shop%20app&metricsAccountName=prom&"
        "configurationAccountName=conf&storageAccountName=s3");
    CHECK(
        start.body ==
        R"({"scopes":{"default":{"controlScope":{"scope":"base","region":"eu","step":60,)"
        R"("start":"2015-08-30T12:31:00Z","end":"2015-08-30T12:36:00Z"},"experimentScope":)"
        R"({"scope":"canary","region":"eu","step":60,"start":"2015-08-30T12:31:00Z",)"
        R"("end":"2015-08-30T12:36:00Z"}}},"thresholds":{"pass":90,"marginal":75}})");
    world.client.answer(R"({"canaryExecutionId": "01ABC"})");
    CHECK(world.pending->metadata().at("canaryExecutionId") == "01ABC");
    CHECK(world.client.asked.size() == 2);

    world.loop.advance(15s);
    CHECK(world.client.asked.back().url == "http://kayenta:8090/canary/01ABC");
    world.client.answer(R"({"complete": false})");
    CHECK_FALSE(world.answer);
    world.loop.advance(15s);
    CHECK(world.client.asked.size() == 4);
    world.client.answer(
        R"({"complete": true, "result": {"judgeResult": {"score": {"score": 95.7}}}})");
    REQUIRE(world.answer);
    REQUIRE(*world.answer);
    CHECK((*world.answer)->value == "95");
    CHECK((*world.answer)->judgement == MetricSample::Judgement::successful);
    CHECK((*world.answer)->metadata.at("canaryExecutionId") == "01ABC");
}

TEST_CASE("the score is the verdict") {
    using enum MetricSample::Judgement;
    CHECK(judged(90) == successful);
    CHECK(judged(89.9) == inconclusive);  // "score := int(result)"
    CHECK(judged(75) == inconclusive);
    CHECK(judged(74.9) == failed);
    CHECK(judged(0) == failed);
}

TEST_CASE("a restart goes on with the execution that was begun") {
    World world;
    world.query.begun = {{"canaryExecutionId", "01ABC"}, {"canaryConfigName", "errors"}};
    world.measure();
    REQUIRE(world.client.asked.size() == 1);
    CHECK(world.client.asked[0].url == "http://kayenta:8090/canary/01ABC");
}

TEST_CASE("a terminated measurement asks nothing more") {
    World world;
    world.start();
    world.pending->terminate();
    world.loop.advance(1min);
    CHECK(world.client.asked.size() == 2);
    CHECK_FALSE(world.answer);
}

TEST_CASE("scopes without times are about the interval, or about all since the run began") {
    World world;
    world.query.config = with("/lookback", true);
    CHECK(kayenta_start_request(world.query.config, "42", world.query)
              ->body.contains(R"("start":"2015-08-30T12:26:00Z","end":"2015-08-30T12:36:00Z")"));
    world.query.config = json::parse(config)->as_object();
    world.query.interval.reset();
    CHECK(
        kayenta_start_request(world.query.config, "42", world.query).error().message ==
        "scopes: without start and end, the metric needs an interval, or lookback");
}

TEST_CASE("what is wrong in a Kayenta metric is named") {
    const World world;
    CHECK(world.refused(json::parse(config)->as_object()).empty());
    CHECK(world.refused(with("/address", "kayenta")).starts_with("address:"));
    CHECK(world.refused(with("/application", "")) == "application: missing");
    CHECK(
        world.refused(with("/threshold", json::Object{{"pass", 90}})) ==
        "threshold: needs pass and marginal");
    CHECK(world.refused(with("/scopes", json::Array())) == "scopes: missing");
    CHECK(world.refused(with("/canary", true)) == "canary: unknown field");
    CHECK(
        world.refused(with(
            "/scopes",
            json::Array{json::Object{
                {"name", "default"},
                {"controlScope", json::Object{{"scope", "x"}, {"start", "2026-01-01T00:00:00Z"}}},
                {"experimentScope", json::Object{{"scope", "y"}}}}})) ==
        "scopes: controlScope: give both start and end, or neither");
}

TEST_CASE("what Kayenta does not know, does not start or does not finish is an error") {
    World unknown;
    unknown.measure();
    unknown.client.answer(R"([{"id": "17", "name": "latency"}])");
    CHECK(unknown.answer->error().message == "Kayenta has no canary config \"errors\"");
    CHECK(unknown.client.asked.size() == 1);

    World unstarted;
    unstarted.measure();
    unstarted.client.answer(R"([{"id": "42", "name": "errors"}])");
    unstarted.client.answer("{}");
    CHECK(unstarted.answer->error().message == "Kayenta: Invalid canaryExecutionId");

    for (const auto& [body, words] :
         {std::pair("{}", "Kayenta: Missing Complete Status"),
          {R"({"complete": true, "status": "terminal"})",
           "Kayenta: Missing Score: the execution is terminal"},
          {R"({"complete": true, "result": {"judgeResult": {"score": {"score": "x"}}}})",
           "Kayenta: Missing Score"}}) {
        World world;
        world.start();
        world.loop.advance(15s);
        world.client.answer(body);
        REQUIRE(world.answer);
        CHECK(world.answer->error().message == words);
    }
}
