#include "metrics/wavefront.h"

#include "judge/conditions.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::metrics;

namespace {

constexpr Instant now{std::chrono::seconds(1'000)};

Result<MetricSample> read(std::string body, int status = 200) {
    return read_wavefront_answer({.status = status, .body = std::move(body)}, now);
}

judge::Phase phase(const char* condition, const json::Value& result) {
    return judge::assess_value({.success = condition, .failure = ""}, result, now).phase;
}

}  // namespace

// "StartTime ... EndTime: startTime.Unix()*1000, MaxPoints: "1", Granularity: "s",
// SeriesOutsideTimeWindow: true".
TEST_CASE("Wavefront is asked for the points around now") {
    const HttpRequest request = wavefront_request(
        {{"address", "example.wavefront.com"}, {"query", "sum(ts(a.b, env=\"x\"))"}}, "T0K", now);
    CHECK(
        request.url ==
        "https://example.wavefront.com/api/v2/chart/api?e=1000000&g=s&i=true&p=1&"
        "q=sum%28ts%28a.b%2C%20env%3D%22x%22%29%29&s=1000000");
    CHECK(
        request.headers.front() ==
        std::pair<std::string, std::string>("Authorization", "Bearer T0K"));
    CHECK(wavefront_request({{"address", "http://proxy:80/"}, {"query", "x"}}, "t", now)
              .url.starts_with("http://proxy:80/api/v2/chart/api?"));
}

TEST_CASE("one series of Wavefront is a number: its point nearest to now") {
    const auto sample = read(
        R"({"timeseries": [{"label": "a", "data": [[900, 7], [995, 0.5], [1040, 9]]}],
            "warnings": "slow"})");
    REQUIRE(sample);
    CHECK(sample->value == "0.50");
    CHECK(sample->metadata.at("timestamps") == "995");
    CHECK(sample->metadata.at("drift") == "-5");
    CHECK(sample->metadata.at("warnings") == "slow");
    CHECK(phase("result < 0.6", sample->result) == judge::Phase::successful);
}

TEST_CASE("several series of Wavefront are a list") {
    const auto sample = read(
        R"({"timeseries": [{"data": [[1000, 0.5]]}, {"data": []}, {"data": [[1010, 0.754]]}]})");
    REQUIRE(sample);
    CHECK(sample->value == "[0.50,0.75]");
    CHECK(sample->metadata.at("timestamps") == "[1000,1010]");
    CHECK(sample->metadata.at("drift") == "[0,10]");
    CHECK(phase("all(result, # < 0.8)", sample->result) == judge::Phase::successful);
}

TEST_CASE("a series of Wavefront without points is not zero") {
    for (const char* body :
         {R"({"timeseries": []})", R"({"timeseries": [{"data": []}]})", R"({"query": "x"})"}) {
        CAPTURE(body);
        CHECK(read(body).error().message == "No TimeSeries found in response from Wavefront");
    }
}

TEST_CASE("what Wavefront says of a query is told") {
    CHECK(
        read(R"({"errorType": "QuerySyntaxError", "errorMessage": "near ')'"})").error().message ==
        "Wavefront: near ')'");
    CHECK(read(R"({"status": {"result": "ERROR", "message": "HTTP 401", "code": 401}})", 401)
              .error()
              .message.starts_with("received non 2xx response code: 401 "));
    CHECK_FALSE(read("[]"));
    CHECK_FALSE(read(R"({"timeseries": {}})"));
    CHECK_FALSE(read(R"({"timeseries": [{"data": [[1]]}]})"));
    CHECK_FALSE(read(R"({"timeseries": [{"data": [[1, "x"]]}]})"));
}
