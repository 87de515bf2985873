#include "metrics/web.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

namespace {

class FakeClient : public HttpClient {
public:
    std::unique_ptr<Call> send(HttpRequest request, Done done) override {
        asked = std::move(request);
        pending = std::move(done);
        return std::make_unique<Call>();
    }
    HttpRequest asked;
    Done pending;
};

struct World {
    FakeClient client;
    WebSource source{client};
    std::unique_ptr<MetricSource::Measurement> pending;

    Result<MetricSample> measured(std::string_view config, Result<HttpResponse> response) {
        std::optional<Result<MetricSample>> answer;
        pending = source.measure(
            {.config = json::parse(config)->as_object()},
            [&](Result<MetricSample> sample) { answer = std::move(sample); });
        client.pending(std::move(response));
        REQUIRE(answer);
        return *answer;
    }
    std::string refused(std::string_view config) const {
        const auto checked = source.check(json::parse(config)->as_object());
        return checked ? "" : checked.error().message;
    }
};

}  // namespace

TEST_CASE("the JSON path's first match is the result") {
    World world;
    const HttpResponse response{
        .status = 200, .body = R"({"data": {"ok": true, "rates": [0.5, 2]}})"};
    const auto sample =
        world.measured(R"({"url": "http://a/b", "jsonPath": "{$.data.rates[0]}"})", response);
    REQUIRE(sample);
    CHECK(sample->value == "0.5");
    CHECK(world.client.asked.method == "GET");
    CHECK(world.client.asked.timeout == 10s);
    CHECK(
        world.measured(R"({"url": "http://a/b", "jsonPath": "{$.data}"})", response)->value ==
        R"({"ok":true,"rates":[0.5,2]})");
    CHECK_FALSE(world.measured(R"({"url": "http://a/b", "jsonPath": "{$.none}"})", response));
}

TEST_CASE("an answer that is no JSON is text") {
    World world;
    const auto sample =
        world.measured(R"({"url": "http://a"})", HttpResponse{.status = 200, .body = "fine"});
    REQUIRE(sample);
    CHECK(sample->value == "fine");
    CHECK(json::text(&sample->result) == "fine");
}

TEST_CASE("any status but 2xx and a failed exchange are errors") {
    World world;
    const std::string_view config = R"({"url": "http://a"})";
    CHECK(
        world.measured(config, HttpResponse{.status = 404}).error().message ==
        "received non 2xx response code: 404");
    CHECK(
        world.measured(config, fail(ErrorKind::unavailable, "no route")).error().message ==
        "no route");
}

TEST_CASE("a JSON body is sent as such") {
    World world;
    const auto sample = world.measured(
        R"({"url": "http://a", "method": "POST", "jsonBody": {"q": [1]}, "timeoutSeconds": 3})",
        HttpResponse{.status = 201, .body = "1"});
    REQUIRE(sample);
    CHECK(world.client.asked.body == R"({"q":[1]})");
    CHECK(world.client.asked.timeout == 3s);
    CHECK(
        std::ranges::count(
            world.client.asked.headers,
            std::pair<std::string, std::string>("Content-Type", "application/json")) == 1);
}

TEST_CASE("a configuration that cannot be asked is refused with the field's name") {
    const World world;
    CHECK(world.refused(R"({"url": "http://a"})").empty());
    CHECK(world.refused(R"({})") == "url: missing");
    CHECK(world.refused(R"({"url": "ftp://a"})").starts_with("url:"));
    CHECK(world.refused(R"({"url": "http://a", "method": "DELETE"})").starts_with("method:"));
    CHECK(world.refused(R"({"url": "http://a", "body": "x"})").starts_with("method:"));
    CHECK(world.refused(R"({"url": "http://a", "method": "PUT", "body": "x", "jsonBody": {}})")
              .starts_with("jsonBody:"));
    CHECK(world.refused(R"({"url": "http://a", "jsonPath": "{$.["})").starts_with("jsonPath:"));
    CHECK(world.refused(R"({"url": "http://a", "json_path": ""})") == "json_path: unknown field");
    CHECK(
        world.refused(R"({"url": "http://a", "authentication": {"oauth2": {"tokenUrl": "x"}}})") ==
        "authentication.oauth2: is not supported");
}
