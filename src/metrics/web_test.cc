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
    CHECK(world.refused(R"({"url": "http://a", "authentication": {"oauth2": {"tokenUrl": "x"}}})")
              .starts_with("authentication.oauth2.tokenUrl:"));
    CHECK(
        world.refused(
            R"({"url": "http://a", "authentication": {"oauth2": {"tokenUrl": "http://x"}}})") ==
        "authentication.oauth2.clientId: missing");
    CHECK(
        world.refused(R"({"url": "http://a", "authentication": {"sigv4": {"region": "x"}}})") ==
        "authentication.sigv4: is not supported");
}

namespace {

std::string header(const HttpRequest& request, std::string_view name) {
    for (const auto& [key, value] : request.headers) {
        if (key == name) return value;
    }
    return {};
}

constexpr std::string_view with_oauth2 = R"({"url": "http://a/b", "authentication": {"oauth2": {
    "tokenUrl": "http://token/", "clientId": "me", "clientSecret": "s e",
    "scopes": ["read", "write"]}}})";

}  // namespace

TEST_CASE("a user's name and password go into the header") {
    World world;
    const auto sample = world.measured(
        R"({"url": "http://a", "authentication": {"basicAuth": {"username": "u", "password": "p"}}})",
        HttpResponse{.status = 200, .body = "1"});
    REQUIRE(sample);
    CHECK(header(world.client.asked, "Authorization") == "Basic dTpw");
}

TEST_CASE("with OAuth2 a token is asked for first") {
    World world;
    std::optional<Result<MetricSample>> answer;
    world.pending = world.source.measure(
        {.config = json::parse(with_oauth2)->as_object()},
        [&](Result<MetricSample> sample) { answer = std::move(sample); });
    CHECK(world.client.asked.url == "http://token/");
    CHECK(world.client.asked.method == "POST");
    CHECK(world.client.asked.body == "grant_type=client_credentials&scope=read%20write");
    CHECK(header(world.client.asked, "Authorization") == "Basic bWU6cyUyMGU=");
    const auto first = world.client.pending;

    SUBCASE("and used") {
        first(HttpResponse{.status = 200, .body = R"({"access_token": "T1"})"});
        CHECK(world.client.asked.url == "http://a/b");
        CHECK(header(world.client.asked, "Authorization") == "Bearer T1");
        const auto second = world.client.pending;
        second(HttpResponse{.status = 200, .body = "1"});
        REQUIRE(answer);
        CHECK(*answer);
    }
    SUBCASE("in the form where the server wants it there") {
        first(HttpResponse{.status = 401});
        CHECK(world.client.asked.body.ends_with("&client_id=me&client_secret=s%20e"));
        CHECK(header(world.client.asked, "Authorization").empty());
        const auto second = world.client.pending;
        second(HttpResponse{.status = 403});
        REQUIRE(answer);
        CHECK(
            answer->error().message ==
            "could not get an OAuth2 token: received non 2xx response code: 403");
    }
    SUBCASE("and nothing is asked without one") {
        first(HttpResponse{.status = 200, .body = "{}"});
        REQUIRE(answer);
        CHECK(
            answer->error().message ==
            "could not get an OAuth2 token: the answer holds no access_token");
    }
}
