#include "metrics/dynatrace.h"

#include "judge/conditions.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::metrics;

namespace {

Result<MetricSample> read(std::string body, int status = 200) {
    return read_dynatrace_answer({.status = status, .body = std::move(body)});
}

}  // namespace

TEST_CASE("Dynatrace is asked for one value over the interval") {
    const auto request = dynatrace_request(
        {{"query", "builtin:service.errors:filter(eq(\"a\", b))"}, {"interval", "1m"}},
        {{"address", "https://abc.live.dynatrace.com/"}, {"dynatrace_token", "T0K"}},
        Instant(std::chrono::milliseconds(100'500)));
    REQUIRE(request);
    CHECK(request->method == "GET");
    CHECK(
        request->url ==
        "https://abc.live.dynatrace.com/api/v2/metrics/query?from=40500&metricSelector="
        "builtin%3Aservice.errors%3Afilter%28eq%28%22a%22%2C%20b%29%29&resolution=Inf&to=100500");
    CHECK(
        request->headers.front() ==
        std::pair<std::string, std::string>("Authorization", "Api-Token T0K"));
    CHECK_FALSE(dynatrace_request({{"query", "x"}}, {{"dynatrace_token", "T0K"}}, {}));
}

TEST_CASE("one entry of Dynatrace is a number, several are a list, none is nil") {
    const auto one = read(R"({"totalCount": 1, "resolution": "Inf", "result": [
        {"metricId": "a", "data": [{"dimensions": ["s"], "timestamps": [1], "values": [0.5]}]}]})");
    REQUIRE(one);
    CHECK(one->value == "0.5");
    const auto many = read(R"({"result": [{"warnings": ["sampled"], "data": [
        {"dimensions": ["GET", "eu"], "values": [1, null]}, {"dimensions": ["PUT"], "values": [null]},
        {"dimensions": ["POST"], "values": [3]}]}]})");
    REQUIRE(many);
    CHECK(many->value == "[1,3]");
    CHECK(
        many->metadata.at("groups") ==
        R"([{"name":"GET,eu","value":1},{"name":"POST","value":3}])");
    CHECK(many->metadata.at("warnings") == "sampled");
    for (const char* nothing :
         {R"({"result": []})",
          R"({"result": [{"data": []}]})",
          R"({"result": [{"data": [{"values": [null]}]}]})"}) {
        const auto none = read(nothing);
        REQUIRE(none);
        CHECK(
            judge::assess_value(
                {.success = "default(result, 0) < 1", .failure = ""}, none->result, {})
                .phase == judge::Phase::successful);
    }
}

TEST_CASE("errors of Dynatrace are told") {
    CHECK(read(R"({"error": {"code": 403, "message": "Token is missing required scope"}})", 403)
              .error()
              .message.contains("Token is missing required scope"));
    CHECK_FALSE(read("{}"));
    CHECK_FALSE(read(R"({"result": [{}]})"));
    CHECK_FALSE(read(R"({"result": [{"data": [{"values": ["x"]}]}]})"));
}
