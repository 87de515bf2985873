#include "metrics/prometheus.h"

#include "metrics/prometheus_answer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

namespace {

HttpResponse ok(std::string data) {
    return {.status = 200, .body = R"({"status": "success", "data": )" + std::move(data) + "}"};
}

std::string refusal(const HttpResponse& response) {
    const auto sample = read_prometheus_answer(response);
    return sample ? "" : sample.error().message;
}

class FakeClient : public HttpClient {
public:
    std::unique_ptr<Call> send(HttpRequest request, Done done) override {
        asked.push_back(std::move(request));
        pending.push_back(std::move(done));
        return std::make_unique<Call>();
    }
    void answer(Result<HttpResponse> response) {
        const Done done = std::move(pending.front());
        pending.pop_front();
        done(std::move(response));
    }
    std::vector<HttpRequest> asked;
    std::deque<Done> pending;
};

struct World {
    FakeClient client;
    PrometheusSource source{client, "http://default:9090/"};
    std::optional<Result<MetricSample>> answer;
    std::unique_ptr<MetricSource::Measurement> pending;

    void measure(std::string_view config) {
        pending = source.measure(
            {.config = json::parse(config)->as_object(), .now = Instant(1500ms)},
            [this](Result<MetricSample> sample) { answer = std::move(sample); });
    }
    std::string refused(std::string_view config) const {
        const auto checked = source.check(json::parse(config)->as_object());
        return checked ? "" : checked.error().message;
    }
};

}  // namespace

TEST_CASE("vectors, matrices and scalars become values") {
    const auto vector = read_prometheus_answer(ok(R"({"resultType": "vector", "result": [
        {"metric": {"a": "b"}, "value": [1435781451.781, "0.9"]},
        {"metric": {}, "value": [1435781451.781, "NaN"]}]})"));
    REQUIRE(vector);
    CHECK(vector->value == "[0.9,NaN]");
    CHECK(vector->result.at(0).get_double() == 0.9);
    CHECK(std::isnan(vector->result.at(1).get_double()));

    const auto matrix = read_prometheus_answer(ok(R"({"resultType": "matrix", "result": [
        {"metric": {}, "values": [[1, "1"], [2, "2.5"]]}, {"metric": {}, "values": [[1, "+Inf"]]}]})"));
    REQUIRE(matrix);
    CHECK(matrix->value == "[1,2.5,+Inf]");
    REQUIRE(matrix->series.size() == 2);
    CHECK(matrix->series[0].points[1] == std::pair(Instant(2s), 2.5));
    CHECK(vector->series[0].labels == std::map<std::string, std::string>{{"a", "b"}});

    const auto scalar =
        read_prometheus_answer(ok(R"({"resultType": "scalar", "result": [1, "1e+21"]})"));
    REQUIRE(scalar);
    CHECK(scalar->value == "1000000000000000000000");
    CHECK(scalar->result.get_double() == 1e21);
}

TEST_CASE("an empty vector is an empty list and not missing data") {
    const auto sample = read_prometheus_answer(ok(R"({"resultType": "vector", "result": []})"));
    REQUIRE(sample);
    CHECK(sample->result == json::Value(json::Array()));
    CHECK(sample->value == "[]");
    CHECK(sample->no_data_reason.empty());
}

TEST_CASE("warnings are kept") {
    const auto sample = read_prometheus_answer({.status = 200, .body = R"({"status": "success",
        "warnings": ["slow", "partial"], "data": {"resultType": "vector", "result": []}})"});
    REQUIRE(sample);
    CHECK(sample->metadata.at("warnings") == "slow, partial");
}

TEST_CASE("errors are told in Prometheus' words") {
    CHECK(refusal({.status = 400, .body = R"({"status": "error", "errorType": "bad_data",
                   "error": "parse error"})"}) == "bad_data: parse error");
    CHECK(refusal({.status = 422, .body = R"({"status": "error", "errorType": "execution",
                   "error": "too many samples"})"}) == "execution: too many samples");
    CHECK(
        refusal({.status = 404, .body = "not found"}) ==
        "client_error: client error: 404 not found");
    CHECK(
        refusal({.status = 429, .headers = {{"retry-after", "9"}}, .body = "slow"}) ==
        "client_error: client error: 429 (retry after 9 s) slow");
    CHECK(refusal({.status = 500}) == "server_error: server error: 500");
    CHECK(refusal({.status = 301}) == "bad_response: bad response code 301");
}

TEST_CASE("of a long error its beginning is told, on one line") {
    const std::string told = refusal(
        {.status = 400,
         .body = R"({"status": "error", "errorType": "bad_data", "error": "1:2:\n)" +
                 std::string(5000, 'x') + "\"}"});
    CHECK(told == "bad_data: 1:2: " + std::string(295, 'x') + "...");
}

TEST_CASE("answers that are none are refused") {
    for (const char* body :
         {"", "null", "<html>", "{}", "[]", "{\"status\": 1}", R"({"status": "success"})"}) {
        CAPTURE(body);
        CHECK(refusal({.status = 200, .body = body}).starts_with("bad_response"));
    }
    CHECK(refusal(ok("null")) == "bad_response: no result");
    CHECK(
        refusal(ok(R"({"resultType": "string", "result": [1, "x"]})")) ==
        "Prometheus metric type not supported");
    for (const char* result :
         {"{}",
          "1",
          R"([1])",
          R"([{"value": 1}])",
          R"([{"value": [1]}])",
          R"([{"value": [1, 2]}])",
          R"([{"value": [1, "2x"]}])",
          R"([{"value": [1, ""]}])"}) {
        CAPTURE(result);
        CHECK(refusal(ok(std::string(R"({"resultType": "vector", "result": )") + result + "}"))
                  .starts_with("bad_response"));
    }
    CHECK(refusal(ok(R"({"resultType": "matrix", "result": [{}]})")).starts_with("bad_response"));
    CHECK(refusal(ok(R"({"resultType": "scalar", "result": "1"})")).starts_with("bad_response"));
}

TEST_CASE("a query is posted as a form") {
    World world;
    world.measure(R"({"address": "http://prom:9090/base/", "query": "sum(rate(x[1m])) + 1",
        "timeout": 5, "insecure": true, "headers": [{"key": "X-Scope-OrgID", "value": "team"}],
        "authentication": {"basicAuth": {"username": "Aladdin", "password": "open sesame"}}})");
    REQUIRE(world.client.asked.size() == 1);
    const HttpRequest& request = world.client.asked[0];
    CHECK(request.method == "POST");
    CHECK(request.url == "http://prom:9090/base/api/v1/query");
    CHECK(request.body == "query=sum%28rate%28x%5B1m%5D%29%29%20%2B%201&time=1.500");
    CHECK(request.timeout == 5s);
    CHECK_FALSE(request.verify_peer);
    const auto has = [&](std::string_view name, std::string_view value) {
        return std::ranges::find(
                   request.headers, std::pair(std::string(name), std::string(value))) !=
               request.headers.end();
    };
    CHECK(has("X-Scope-OrgID", "team"));
    CHECK(has("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    CHECK(has("Content-Type", "application/x-www-form-urlencoded"));

    world.client.answer(ok(R"({"resultType": "vector", "result": []})"));
    REQUIRE(world.answer);
    CHECK((*world.answer)->metric_metadata.at("ResolvedPrometheusQuery") == "sum(rate(x[1m])) + 1");
}

TEST_CASE("where POST is not understood, GET is tried") {
    for (const int status : {405, 501}) {
        World world;
        world.measure(R"({"query": "up"})");
        world.client.answer(HttpResponse{.status = status});
        REQUIRE(world.client.asked.size() == 2);
        CHECK(world.client.asked[1].method == "GET");
        CHECK(world.client.asked[1].url == "http://default:9090/api/v1/query?query=up&time=1.500");
        CHECK_FALSE(world.answer);
        world.client.answer(HttpResponse{.status = 405});
        REQUIRE(world.answer);
        CHECK(world.answer->error().message == "client_error: client error: 405");
    }
}

TEST_CASE("a range query computes its ends") {
    World world;
    world.measure(R"json({"query": "up", "rangeQuery": {"start": "now() - duration(\"1s\")",
        "end": "now()", "step": "1m"}})json");
    REQUIRE(world.client.asked.size() == 1);
    CHECK(world.client.asked[0].url == "http://default:9090/api/v1/query_range");
    CHECK(world.client.asked[0].body == "query=up&start=0.500&end=1.500&step=60.000");
}

TEST_CASE("a failed exchange is an error") {
    World world;
    world.measure(R"({"query": "up"})");
    world.client.answer(fail(ErrorKind::unavailable, "connection refused"));
    REQUIRE(world.answer);
    CHECK(world.answer->error().message == "connection refused");
}

TEST_CASE("a configuration that cannot be asked is refused with the field's name") {
    const World world;
    CHECK(world.refused(R"({"query": "up"})").empty());
    CHECK(
        world.refused(R"({"query": "up", "authentication": {"sigv4": {}, "oauth2": {}}})").empty());
    CHECK(world.refused(R"({})") == "query: missing");
    CHECK(world.refused(R"({"query": "up", "adress": "x"})") == "adress: unknown field");
    CHECK(world.refused(R"({"query": "up", "address": "prom:9090"})").starts_with("address:"));
    CHECK(world.refused(R"({"query": "up", "timeout": -1})").starts_with("timeout:"));
    CHECK(world.refused(R"({"query": "up", "timeout": "x"})").starts_with("timeout:"));
    CHECK(world.refused(R"({"query": "up", "headers": [{"key": "a"}]})").starts_with("headers:"));
    CHECK(world.refused(R"({"query": "up", "headers": [{"key": "a", "value": "b\r\nc: d"}]})")
              .starts_with("headers:"));
    CHECK(world.refused(R"({"query": "up", "authentication": {"basicAuth": {"username": "a"}}})")
              .starts_with("authentication.basicAuth:"));
    CHECK(world.refused(R"({"query": "up", "authentication": {"oauth2": {"tokenUrl": "x"}}})")
              .starts_with("authentication.oauth2.tokenUrl:"));
    CHECK(world
              .refused(R"json({"query": "up",
        "rangeQuery": {"start": "now(", "end": "now()", "step": "1m"}})json")
              .starts_with("rangeQuery.start:"));
    CHECK(world
              .refused(R"json({"query": "up",
        "rangeQuery": {"start": "now()", "end": "now()", "step": "x"}})json")
              .starts_with("rangeQuery.step:"));
    FakeClient client;
    CHECK_FALSE(PrometheusSource(client).check(json::parse(R"({"query": "up"})")->as_object()));
}
