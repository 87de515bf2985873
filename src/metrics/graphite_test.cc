#include "metrics/graphite.h"

#include "judge/conditions.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::metrics;

namespace {

Result<MetricSample> read(std::string body, int status = 200) {
    return read_graphite_answer({.status = status, .body = std::move(body)});
}

}  // namespace

// "q := u.Query(); q.Set("format", "json"); u.RawQuery = q.Encode()", after white space is removed.
TEST_CASE("Graphite is asked for the targets of the query as JSON") {
    CHECK(
        graphite_url("http://graphite:8080/", "target=sumSeries(app.http.*.count)&from=-2min") ==
        "http://graphite:8080/render?format=json&from=-2min&"
        "target=sumSeries%28app.http.%2A.count%29");
    CHECK(
        graphite_url(
            "http://g/base", "target=divideSeries(\n  a,\n  b)\n &from=-5min&format=csv") ==
        "http://g/base/render?format=json&from=-5min&target=divideSeries%28a%2Cb%29");
    CHECK(
        graphite_url("http://g", "target=alias%28a%2C%22b+c%22%29&target=d") ==
        "http://g/render?format=json&target=alias%28a%2C%22b%20c%22%29&target=d");
}

// "if dp.Value != nil { valueStr = valueStr + fmt.Sprintf("%f,", *dp.Value); results = append(..."
TEST_CASE("Graphite gives the values of the first target without those that are null") {
    const auto sample = read(R"([{"target": "a", "datapoints":
        [[0.5, 1598867910], [null, 1598867920], ["12.25", "1598867930"], [7, 1598867940]]},
        {"target": "b", "datapoints": [[9, 1]]}])");
    REQUIRE(sample);
    CHECK(sample->value == "[0.500000,12.250000,7.000000]");
    CHECK(
        judge::assess_value({.success = "all(result, # < 13)", .failure = ""}, sample->result, {})
            .phase == judge::Phase::successful);
    const auto nothing = read(R"([{"target": "a", "datapoints": [[null, 1], [null, 2]]}])");
    REQUIRE(nothing);
    CHECK(nothing->value == "[]");
    CHECK(nothing->result == json::Value(json::Array()));
}

TEST_CASE("no target and no point of Graphite are errors") {
    CHECK(read("[]").error().message == "no values found");
    CHECK(read(R"([{"target": "a", "datapoints": []}])").error().message == "no values found");
    CHECK(
        read("no such function", 400).error().message ==
        "error response: received non 2xx response code: 400 no such function");
    CHECK_FALSE(read(R"([{"datapoints": [[1]]}])"));
    CHECK_FALSE(read(R"([{"datapoints": [[true, 1]]}])"));
    CHECK_FALSE(read(R"([{"datapoints": [["much", 1]]}])"));
    CHECK_FALSE(read(R"([{}])"));
}
