#include "metrics/datadog.h"

#include "judge/conditions.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

namespace {

constexpr Instant now{1'599'076'435s};
const DatadogAccount account{
    .address = "https://api.datadoghq.eu/", .api_key = "A", .app_key = "B"};

HttpRequest asked(std::string_view config) {
    auto request = datadog_request(json::parse(config)->as_object(), account, now);
    REQUIRE(request);
    return *std::move(request);
}

Result<MetricSample> read(std::string_view version, std::string body, int status = 200) {
    return read_datadog_answer(version, {.status = status, .body = std::move(body)});
}

judge::Phase phase(const char* condition, const json::Value& result) {
    return judge::assess_value({.success = condition, .failure = ""}, result, now).phase;
}

}  // namespace

TEST_CASE("Datadog v1 is asked for the query over the interval, in seconds") {
    const HttpRequest request =
        asked(R"({"query": "avg:cpu{env:prod} by {x}", "interval": "10m"})");
    CHECK(request.method == "GET");
    CHECK(
        request.url ==
        "https://api.datadoghq.eu/api/v1/query?from=1599075835&"
        "query=avg%3Acpu%7Benv%3Aprod%7D%20by%20%7Bx%7D&to=1599076435");
    CHECK(
        request.headers == std::vector<std::pair<std::string, std::string>>{
                               {"Content-Type", "application/json"},
                               {"DD-API-KEY", "A"},
                               {"DD-APPLICATION-KEY", "B"}});
    CHECK(asked(R"({"query": "x"})").url.ends_with("?from=1599076135&query=x&to=1599076435"));
    const auto here = datadog_request(json::parse(R"({"query": "x"})")->as_object(), {}, now);
    REQUIRE(here);
    CHECK(here->url.starts_with("https://api.datadoghq.com/api/v1/query?"));
}

TEST_CASE("Datadog v2 is asked for one scalar of queries and formula, in milliseconds") {
    const HttpRequest request = asked(R"({"apiVersion": "v2", "aggregator": "sum",
        "queries": {"b": "sum:hits{*}", "a": "sum:errors{*}"}, "formula": "a / b"})");
    CHECK(request.method == "POST");
    CHECK(request.url == "https://api.datadoghq.eu/api/v2/query/scalar");
    CHECK(
        request.body ==
        R"({"data":{"attributes":{"from":1599076135000,"to":1599076435000,"queries":[)"
        R"({"aggregator":"sum","data_source":"metrics","name":"a","query":"sum:errors{*}"},)"
        R"({"aggregator":"sum","data_source":"metrics","name":"b","query":"sum:hits{*}"}],)"
        R"("formulas":[{"formula":"a / b"}]},"type":"scalar_request"}})");
    CHECK(asked(R"({"apiVersion": "v2", "query": "avg:cpu{*}"})")
              .body.ends_with(
                  R"("queries":[{"aggregator":"last","data_source":"metrics","name":"query",)"
                  R"("query":"avg:cpu{*}"}],"formulas":[]},"type":"scalar_request"}})"));
}

// "{.series[0].pointlist[-1:][1]}": a number, and its text without an exponent.
TEST_CASE("Datadog v1 gives the last point of the first series") {
    const auto sample = read("v1", R"({"status": "ok", "series": [
        {"pointlist": [[1598867910000, 0.002], [1598867925000, 0.0003332881882246533]]},
        {"pointlist": [[1598867910000, 7]]}]})");
    REQUIRE(sample);
    CHECK(sample->value == "0.0003332881882246533");
    CHECK(phase("result < 0.001", sample->result) == judge::Phase::successful);
    CHECK(phase("result[0] < 0.001", sample->result) == judge::Phase::error);
}

TEST_CASE("an interval of Datadog that is not over is no value") {
    const auto sample = read("v1", R"({"series": [{"pointlist": [[1, 0.5], [2, null]]}]})");
    REQUIRE(sample);
    CHECK(sample->value == "0.5");
    CHECK(read("v1", R"({"series": [{"pointlist": [[1, null]]}]})")->result.is_null());
}

// "Datadog queries can return empty results ... The Datadog provider will return a nil value ...
// successCondition: default(result, 0) < 0.05"
TEST_CASE("no data of Datadog is nil, which default() is for") {
    for (const auto& [version, body] :
         {std::pair("v1", R"({"status": "ok", "series": []})"),
          {"v1", R"({"series": [{"pointlist": []}]})"},
          {"v1", "{}"},
          {"v2", R"({"data": {"attributes": {"columns": []}}})"},
          {"v2",
           R"({"data": {"attributes": {"columns": [{"type": "number", "values": [null]}]}}})"},
          {"v2", "{}"}}) {
        CAPTURE(body);
        const auto sample = read(version, body);
        REQUIRE(sample);
        CHECK(sample->result.is_null());
        CHECK(sample->no_data_reason.empty());
        CHECK(phase("default(result, 0) < 0.05", sample->result) == judge::Phase::successful);
        CHECK(phase("default(result, 1) < 0.05", sample->result) == judge::Phase::failed);
        CHECK(phase("result < 0.05", sample->result) == judge::Phase::error);
    }
}

TEST_CASE("Datadog v2 gives a number, or a list where the query is grouped") {
    const auto number = read("v2", R"({"data": {"attributes": {"columns": [
        {"name": "a", "type": "number", "values": [0.5]},
        {"name": "b", "type": "number", "values": [9]}]}}})");
    REQUIRE(number);
    CHECK(number->value == "0.5");
    CHECK(phase("result == 0.5", number->result) == judge::Phase::successful);

    const auto grouped = read("v2", R"({"data": {"attributes": {"columns": [
        {"name": "env", "type": "group", "values": [["prod"], ["test"], ["dev"]]},
        {"name": "resource", "type": "group", "values": [["GET /a"], ["GET /b"], ["GET /c"]]},
        {"name": "query", "type": "number", "values": [0.5, null, 2]}]}}})");
    REQUIRE(grouped);
    CHECK(grouped->value == "[0.5,2]");
    CHECK(
        grouped->metadata.at("groups") ==
        R"([{"name":"prod,GET /a","value":0.5},{"name":"dev,GET /c","value":2}])");
    CHECK(phase("max(result) < 3", grouped->result) == judge::Phase::successful);

    const auto one = read("v2", R"({"data": {"attributes": {"columns": [
        {"type": "group", "values": [["prod"]]}, {"type": "number", "values": [1]}]}}})");
    REQUIRE(one);
    CHECK(one->value == "[1]");
    CHECK_FALSE(read("v2", R"({"data": {"attributes": {"columns": [
        {"type": "group", "values": [[]]}, {"type": "number", "values": [1]}]}}})"));
}

TEST_CASE("of very many groups the lowest and the highest are kept, and all are judged") {
    json::Array names;
    json::Array values;
    for (int i = 0; i < 150; ++i) {
        names.push_back(json::Array{json::string("host-" + std::to_string(i))});
        values.emplace_back(i);
    }
    const json::Value body = json::Object{
        {"data",
         json::Object{
             {"attributes",
              json::Object{
                  {"columns",
                   json::Array{
                       json::Object{{"type", "group"}, {"values", names}},
                       json::Object{{"type", "number"}, {"values", values}}}}}}}}};
    const auto sample = read("v2", json::print(body));
    REQUIRE(sample);
    CHECK(sample->result.as_array().size() == 150);
    const auto kept = json::parse(sample->metadata.at("groups"));
    REQUIRE(kept);
    CHECK(kept->as_array().size() == 100);
    CHECK(json::text(json::find(*kept, "/49/name")) == "host-49");
    CHECK(json::text(json::find(*kept, "/50/name")) == "host-100");
    CHECK(sample->metadata.at("groups_truncated") == "true");
}

TEST_CASE("errors of Datadog are told as Argo Rollouts tells them") {
    CHECK(
        read("v1", R"({"errors": ["Forbidden"]})", 403).error().message ==
        R"(received authentication error response code: 403 {"errors": ["Forbidden"]})");
    CHECK(
        read("v2", R"({"status":"error"})", 400).error().message ==
        R"(received non 2xx response code: 400 {"status":"error"})");
    CHECK(
        read("v2", R"({"data": {"errors": "bad formula"}})").error().message ==
        "There were errors in your query: bad formula");
    CHECK(
        read("v2", R"({"errors": "bad formula", "data": {}})").error().message ==
        "There were errors in your query: bad formula");
    CHECK_FALSE(read("v1", R"({"series": "none"})"));
    CHECK_FALSE(read("v1", R"({"series": [{"pointlist": [[1]]}]})"));
    CHECK_FALSE(read("v1", R"({"series": [{"pointlist": [[1, "x"]]}]})"));
}
