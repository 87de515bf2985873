#include "metrics/skywalking.h"

#include "judge/conditions.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::metrics;

namespace {

Result<MetricSample> read(std::string body, int status = 200) {
    return read_skywalking_answer({.status = status, .body = std::move(body)});
}

}  // namespace

// "req.Var("duration", duration{Start: ...Format("2006-01-02 1504"), End: ..., Step: "MINUTE"})"
TEST_CASE("SkyWalking is asked with the interval as the variable duration") {
    const auto request = skywalking_request(
        {{"address", "http://oap:12800/"},
         {"interval", "3m"},
         {"query", "query q($duration: Duration!) { x }"}},
        Instant(std::chrono::seconds(1'440'938'160)));
    REQUIRE(request);
    CHECK(request->method == "POST");
    CHECK(request->url == "http://oap:12800/graphql");
    CHECK(
        request->body ==
        R"({"query":"query q($duration: Duration!) { x }","variables":{"duration":)"
        R"({"start":"2015-08-30 1233","end":"2015-08-30 1236","step":"MINUTE"}}})");
}

TEST_CASE("conditions see the data of SkyWalking") {
    const auto sample = read(R"({"data": {"service": {"values": {"values": [{"value": 9995}]}}}})");
    REQUIRE(sample);
    CHECK(sample->value == R"({"service":{"values":{"values":[{"value":9995}]}}})");
    CHECK(
        judge::assess_value(
            {.success = "all(result.service.values.values, {asFloat(.value) >= 9990})",
             .failure = ""},
            sample->result,
            {})
            .phase == judge::Phase::successful);
}

TEST_CASE("no data and errors of SkyWalking are errors") {
    CHECK(read(R"({"data": null})").error().message == "no results returned from SkyWalking query");
    CHECK(
        read(R"({"errors": [{"message": "Unknown type"}, {"message": "too"}]})").error().message ==
        "graphql: Unknown type; too");
    CHECK_FALSE(read(R"({"data": {}})", 502));
    CHECK_FALSE(read("{}"));
    CHECK_FALSE(read("[]"));
    CHECK_FALSE(read(R"({"data": 3})"));
}
