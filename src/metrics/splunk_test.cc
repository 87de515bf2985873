#include "metrics/splunk.h"

#include "judge/conditions.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::metrics;

namespace {

const json::Object config{{"query", "data('errors').sum().publish()"}, {"interval", "1m"}};

std::string url(const std::string& address) {
    const auto request = splunk_request(
        config,
        {{"address", address}, {"sf_token_key", "T0K"}},
        Instant(std::chrono::milliseconds(100'500)));
    REQUIRE(request);
    CHECK(request->method == "POST");
    CHECK(request->body == "data('errors').sum().publish()");
    CHECK(request->headers.front() == std::pair<std::string, std::string>("X-SF-Token", "T0K"));
    return request->url;
}

Result<MetricSample> read(std::string body, int status = 200) {
    return read_splunk_answer({.status = status, .body = std::move(body)});
}

}  // namespace

TEST_CASE("Splunk is given the program over the interval, at the host of streams") {
    const std::string expected =
        "https://stream.eu0.signalfx.com/v2/signalflow/execute?immediate=true&start=40500&"
        "stop=100500";
    CHECK(url("https://api.eu0.signalfx.com/") == expected);
    CHECK(url("https://stream.eu0.signalfx.com") == expected);
    CHECK(url("wss://stream.eu0.signalfx.com") == expected);
}

TEST_CASE("the last value of each published series counts") {
    const auto one = read(
        "event: control-message\ndata: {\ndata:   \"event\" : \"STREAM_START\"\ndata: }\n\n"
        "event: metadata\nid: A\ndata: {\"tsId\": \"A\", \"properties\": {}}\n\n"
        "event: data\r\nid: data-1\r\ndata: {\r\ndata:   \"data\" : [ {\r\n"
        "data:     \"tsId\" : \"A\",\r\ndata:     \"value\" : 7\r\ndata:   } ]\r\ndata: }\r\n\r\n"
        "event: data\ndata: {\"data\": [{\"tsId\": \"A\", \"value\": 0.5}]}\n\n"
        "event: data\ndata: {\"data\": [{\"tsId\": \"A\", \"value\": null}]}\n\n"
        "event: data\ndata: {\"data\": []}\n\n"
        "event: control-message\ndata: {\"event\": \"END_OF_CHANNEL\"}\n\n");
    REQUIRE(one);
    CHECK(one->value == "0.5");
    const auto two = read(
        "event: data\ndata: {\"data\": [{\"tsId\": \"B\", \"value\": 1}, {\"tsId\": \"A\", "
        "\"value\": 2}]}\n\nevent: data\ndata: {\"data\": [{\"tsId\": \"B\", \"value\": 3}]}\n\n");
    REQUIRE(two);
    CHECK(two->value == "[3,2]");
    const auto none = read("event: control-message\ndata: {\"event\": \"END_OF_CHANNEL\"}\n\n");
    REQUIRE(none);
    CHECK(none->result.is_null());
}

TEST_CASE("errors of Splunk are told") {
    CHECK(
        read("event: error\ndata: {\"error\": 400, \"message\": \"no such function\"}\n\n")
            .error()
            .message == "Splunk: no such function");
    CHECK(
        read("event: control-message\ndata: {\"event\": \"CHANNEL_ABORT\", \"abortInfo\": "
             "{\"sf_job_abortReason\": \"too many series\"}}\n\n")
            .error()
            .message == "Splunk: the computation was aborted: too many series");
    CHECK(read(R"({"code": 401, "message": "Unauthorized"})", 401).error().message.contains("401"));
    CHECK_FALSE(read(""));
    CHECK_FALSE(read("event: data\ndata: {\"data\": 3}\n\n"));
    CHECK_FALSE(read("event: data\ndata: {\"data\": [{\"value\": 3}]}\n\n"));
    CHECK_FALSE(read("event: data\ndata: {\"data\": [{\"tsId\": \"A\", \"value\": \"x\"}]}\n\n"));
}
