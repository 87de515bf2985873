#include "metrics/cloud_watch.h"

#include "judge/conditions.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::metrics;

namespace {

constexpr Instant now{std::chrono::seconds(1'440'938'160)};
const AwsIdentity account{
    .keys = {.access_key_id = "AKIDEXAMPLE", .secret_access_key = "SECRET", .session_token = ""},
    .region = "eu-central-1",
    .endpoint = ""};

constexpr std::string_view errors = R"({"interval": "30m", "metricDataQueries": [
    {"id": "rate", "expression": "errors / requests"},
    {"id": "errors", "returnData": false, "metricStat": {"stat": "Sum", "unit": "Count",
     "period": "300", "metric": {"namespace": "App", "metricName": "Errors",
     "dimensions": [{"name": "service", "value": "shop"}]}}}]})";

Result<MetricSample> read(std::string body, int status = 200) {
    return read_cloud_watch_answer({.status = status, .body = std::move(body)});
}

std::string refused(std::string_view queries) {
    const auto request = cloud_watch_request(
        json::parse(R"({"metricDataQueries": )" + std::string(queries) + "}")->as_object(),
        account,
        now);
    return request ? "" : request.error().message;
}

}  // namespace

TEST_CASE("CloudWatch is asked for GetMetricData over the interval, signed") {
    const auto request = cloud_watch_request(json::parse(errors)->as_object(), account, now);
    REQUIRE(request);
    CHECK(request->method == "POST");
    CHECK(request->url == "https://monitoring.eu-central-1.amazonaws.com/");
    CHECK(
        request->body ==
        R"({"StartTime":1440936360,"EndTime":1440938160,"MetricDataQueries":[)"
        R"({"Id":"rate","Expression":"errors / requests"},{"Id":"errors","MetricStat":{"Metric":)"
        R"({"Namespace":"App","MetricName":"Errors","Dimensions":[{"Name":"service",)"
        R"("Value":"shop"}]},"Period":300,"Stat":"Sum","Unit":"Count"},"ReturnData":false}]})");
    CHECK(
        request->headers[1] == std::pair<std::string, std::string>(
                                   "X-Amz-Target", "GraniteServiceVersion20100801.GetMetricData"));
    CHECK(request->headers.back().second.starts_with(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-central-1/monitoring/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature="));
    for (const auto& [name, value] : request->headers) CHECK_FALSE(value.contains("SECRET"));
}

TEST_CASE("queries that CloudWatch cannot answer are refused with their place") {
    CHECK(refused("[]") == "metricDataQueries: missing");
    CHECK(refused("[{}]") == "metricDataQueries[0].id: missing");
    CHECK(
        refused(R"([{"id": "a"}])") ==
        "metricDataQueries[0]: needs expression or metricStat, and not both");
    CHECK(
        refused(R"([{"id": "a", "expression": "b", "Period": 3}])") ==
        "metricDataQueries[0]: Period: unknown field");
    CHECK(
        refused(R"([{"id": "a", "metricStat": {"stat": "Sum", "metric": {}}}])") ==
        "metricDataQueries[0].metricStat.period: missing");
    CHECK(
        refused(R"([{"id": "a", "expression": "b", "period": "soon"}])") ==
        "metricDataQueries[0].period: expected seconds");
}

// "for _, result := range result.MetricDataResults { value = append(value, result.Values) }
// measurement.Value = fmt.Sprintf("%+v", value)", and conditions see MetricDataResults.
TEST_CASE("conditions see the series of CloudWatch") {
    const auto sample = read(R"({"MetricDataResults": [
        {"Id": "rate", "Label": "rate", "StatusCode": "Complete",
         "Timestamps": [1440938100.0, 1440937800.0], "Values": [0.00001, 0.25]},
        {"Id": "b", "Label": "b", "StatusCode": "Complete", "Timestamps": [], "Values": []}],
        "Messages": [{"Code": "PartialData", "Value": "later"}]})");
    REQUIRE(sample);
    CHECK(sample->value == "[[1e-05 0.25] []]");
    CHECK(sample->metadata.at("messages") == "PartialData: later");
    const auto phase = [&](const char* condition) {
        return judge::assess_value({.success = condition, .failure = ""}, sample->result, now)
            .phase;
    };
    CHECK(phase("result[0].Values[0] < 0.01") == judge::Phase::successful);
    CHECK(
        phase("result[0].Id == 'rate' && result[0].StatusCode == 'Complete'") ==
        judge::Phase::successful);
    CHECK(phase("result[0].Timestamps[0] == '2015-08-30T12:35:00Z'") == judge::Phase::successful);
    CHECK(phase("len(result[1].Values) == 0") == judge::Phase::successful);
    CHECK(phase("result[1].Values[0] < 1") == judge::Phase::error);
}

TEST_CASE("errors of AWS are told by their code") {
    CHECK(
        read(
            R"({"__type": "com.amazon.coral.service#Throttling", "message": "Rate exceeded"})", 400)
            .error() ==
        Error{ErrorKind::unavailable, "CloudWatch refused (400): Throttling: Rate exceeded"});
    CHECK(
        read(R"({"__type": "InvalidSignatureException", "Message": "bad"})", 403).error() ==
        Error{ErrorKind::invalid, "CloudWatch refused (403): InvalidSignatureException: bad"});
    CHECK(read("<html>", 503).error().message == "received non 2xx response code: 503 <html>");
    CHECK_FALSE(read("{}"));
    CHECK_FALSE(read(R"({"MetricDataResults": [{"Values": ["x"]}]})"));
    CHECK_FALSE(read(R"({"MetricDataResults": [{"Timestamps": ["x"], "Values": [1]}]})"));
}

TEST_CASE("the endpoint follows the region") {
    AwsIdentity china = account;
    china.region = "cn-north-1";
    const auto config = json::parse(errors)->as_object();
    CHECK(
        cloud_watch_request(config, china, now)->url ==
        "https://monitoring.cn-north-1.amazonaws.com.cn/");
    china.region = "";
    CHECK_FALSE(cloud_watch_request(config, china, now));
    china.region = "evil.example/";
    CHECK_FALSE(cloud_watch_request(config, china, now));
}
