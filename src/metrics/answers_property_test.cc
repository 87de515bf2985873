#include "metrics/cloud_watch.h"
#include "metrics/datadog.h"
#include "metrics/dynatrace.h"
#include "metrics/google_monitoring.h"
#include "metrics/graphite.h"
#include "metrics/influxdb.h"
#include "metrics/kayenta_server.h"
#include "metrics/new_relic.h"
#include "metrics/skywalking.h"
#include "metrics/splunk.h"
#include "metrics/wavefront.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <functional>
#include <string>
#include <vector>

using namespace serin;
using namespace serin::metrics;

namespace {

struct Answer {
    std::string body;
    std::function<Result<MetricSample>(const HttpResponse&)> read;
};

Result<MetricSample> read_score(const HttpResponse& response) {
    const json::Object config{{"threshold", json::Object{{"pass", 90}, {"marginal", 75}}}};
    auto score = read_kayenta_score(response, config);
    if (!score) return std::unexpected(std::move(score).error());
    return score->value_or(MetricSample{.value = "not complete"});
}

std::vector<Answer> answers() {
    const auto datadog = [](std::string_view version) {
        return [version](const HttpResponse& response) {
            return read_datadog_answer(version, response);
        };
    };
    return {
        {R"({"series": [{"pointlist": [[1, 0.5], [2, null]]}]})", datadog("v1")},
        {R"({"data": {"attributes": {"columns": [{"type": "group", "values": [["a"], ["b"]]},
             {"type": "number", "values": [0.5, 2]}]}}})",
         datadog("v2")},
        {R"({"data": {"actor": {"account": {"nrql": {"results": [{"n": 1}, {"n": 2}]}}}}})",
         read_new_relic_answer},
        {R"({"MetricDataResults": [{"Id": "a", "Timestamps": [1.5], "Values": [0.25]}],
             "Messages": [{"Code": "a", "Value": "b"}]})",
         read_cloud_watch_answer},
        {R"([{"target": "a", "datapoints": [[0.5, 1], ["2", 2], [null, 3]]}])",
         read_graphite_answer},
        {"#datatype,string,long,double\n#default,_result,,\n,result,table,_value\n,,0,0.5\n\n",
         read_influxdb_answer},
        {R"({"timeseries": [{"data": [[1, 0.5]]}, {"data": [[2, 7]]}], "warnings": "w"})",
         [](const HttpResponse& response) { return read_wavefront_answer(response, Instant()); }},
        {R"({"data": {"service": {"values": [1, 2]}}})", read_skywalking_answer},
        {R"({"complete": true, "result": {"judgeResult": {"score": {"score": 95}}}})", read_score},
        {R"({"result": [{"data": [{"dimensions": ["a"], "values": [0.5, null]}]}]})",
         read_dynatrace_answer},
        {R"({"timeSeriesData": [{"labelValues": [{"stringValue": "a"}],
             "pointData": [{"values": [{"int64Value": "3"}]}]}]})",
         read_google_monitoring_answer},
        {"event: data\ndata: {\"data\": [{\"tsId\": \"A\", \"value\": 0.5}]}\n\n",
         read_splunk_answer}};
}

// A few bytes of `body` replaced by what means something in JSON, CSV and event streams.
std::string damaged(std::string body) {
    static const std::vector<std::string> pieces = {"",      "[",
                                                    "]",     "{",
                                                    "}",     "\"",
                                                    ",",     ":",
                                                    "\n",    "\n\n",
                                                    "null",  "true",
                                                    "-1",    "1e400",
                                                    "\"x\"", "[]",
                                                    "{}",    "\xff",
                                                    "data:", "\r",
                                                    "0",     "9223372036854775808"};
    const int edits = *rc::gen::inRange(1, 4);
    for (int i = 0; i < edits; ++i) {
        const auto at = *rc::gen::inRange<std::size_t>(0, body.size() + 1);
        const auto size = *rc::gen::inRange<std::size_t>(0, 8);
        body.replace(at, size, *rc::gen::elementOf(pieces));
    }
    return body;
}

}  // namespace

TEST_CASE("the answers that are damaged here are good") {
    for (const Answer& answer : answers()) {
        CAPTURE(answer.body);
        CHECK(answer.read({.status = 200, .body = answer.body}));
    }
}

TEST_CASE("a damaged answer is a value or an error, and says what it is") {
    for (const Answer& answer : answers()) {
        CAPTURE(answer.body);
        CHECK(rc::check(answer.body.substr(0, 20), [&] {
            const auto sample = answer.read({.status = 200, .body = damaged(answer.body)});
            const std::string told = sample ? sample->value : sample.error().message;
            RC_ASSERT(!told.empty());
        }));
    }
}
