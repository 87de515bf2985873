#include "metrics/sigv4.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace serin;
using namespace serin::metrics;

// Vectors of AWS' published test suite for Signature Version 4, under their names there, and the
// example of its documentation.

namespace {

const AwsKeys keys{
    .access_key_id = "AKIDEXAMPLE",
    .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    .session_token = ""};
constexpr Instant now{std::chrono::seconds(1'440'938'160)};  // 20150830T123600Z

std::string authorization(HttpRequest request, const std::string& service = "service") {
    sign_v4(request, keys, {.region = "us-east-1", .service = service}, now);
    REQUIRE(request.headers.back().first == "Authorization");
    return request.headers.back().second;
}

std::string expected(const std::string& headers, const std::string& signature) {
    return "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
           "SignedHeaders=" +
           headers + ", Signature=" + signature;
}

constexpr const char* url = "https://example.amazonaws.com/";

}  // namespace

TEST_CASE("get-vanilla, post-vanilla") {
    CHECK(
        authorization({.url = url}) ==
        expected(
            "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));
    CHECK(
        authorization({.method = "POST", .url = url}) ==
        expected(
            "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"));
    CHECK(authorization({.url = "https://example.amazonaws.com"}) == authorization({.url = url}));
    CHECK(
        authorization({.url = "https://example.amazonaws.com:443/"}) ==
        authorization({.url = url}));
}

TEST_CASE("get-vanilla-query-order-key-case") {
    CHECK(
        authorization({.url = std::string(url) + "?Param2=value2&Param1=value1"}) ==
        expected(
            "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"));
}

TEST_CASE("post-x-www-form-urlencoded") {
    CHECK(
        authorization(
            {.method = "POST",
             .url = url,
             .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
             .body = "Param1=value1"}) ==
        expected(
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"));
}

TEST_CASE("the example of the documentation: ListUsers") {
    const std::string signed_by = authorization(
        {.url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
         .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}}},
        "iam");
    CHECK(
        signed_by ==
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

TEST_CASE("the token of temporary credentials is sent and signed") {
    HttpRequest request{.url = url};
    AwsKeys temporary = keys;
    temporary.session_token = "TOKEN";
    sign_v4(request, temporary, {.region = "us-east-1", .service = "service"}, now);
    CHECK(
        request.headers[1] == std::pair<std::string, std::string>("X-Amz-Security-Token", "TOKEN"));
    CHECK(request.headers.back().second.contains("host;x-amz-date;x-amz-security-token"));
}

// What AWS' own library signs (botocore 1.44.5, SigV4Auth) for requests as Serin makes them.
namespace {

struct Vector {
    HttpRequest request;
    std::string token;
    AwsScope scope;
    std::string headers;
    std::string signature;
};

const std::pair<std::string, std::string> form_type{
    "Content-Type", "application/x-www-form-urlencoded"};

std::vector<Vector> vectors_of_botocore() {
    const std::string query = "query=sum%28rate%28x%5B1m%5D%29%29%20%2B%201&time=1.500";
    const std::string path = "/workspaces/ws-1/api/v1/query";
    return {
        {.request =
             {.method = "POST",
              .url = "https://monitoring.eu-central-1.amazonaws.com/",
              .headers =
                  {{"Content-Type", "application/x-amz-json-1.0"},
                   {"X-Amz-Target", "GraniteServiceVersion20100801.GetMetricData"}},
              .body = R"({"StartTime":1440936360,"EndTime":1440938160,"MetricDataQueries":[)"
                      R"({"Id":"rate","Expression":"errors / requests"}]})"},
         .token = "TOKEN/+==",
         .scope = {.region = "eu-central-1", .service = "monitoring"},
         .headers = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
         .signature = "896e151f4bb34beee9746ad6a3ec09fd3a170cc93bd383627a9b7ca157b7b08c"},
        {.request =
             {.method = "POST",
              .url = "https://aps-workspaces.eu-west-1.amazonaws.com" + path,
              .headers = {form_type},
              .body = query},
         .scope = {.region = "eu-west-1", .service = "aps"},
         .headers = "content-type;host;x-amz-date",
         .signature = "4a1e8d6ced5d3d4cf03ecce2261f6b193ffa82d424c8edf28d85b48d185cf3d6"},
        {.request = {.url = "http://127.0.0.1:8080" + path + "?" + query},
         .scope = {.region = "eu-west-1", .service = "aps"},
         .headers = "host;x-amz-date",
         .signature = "50292c3f97274916c964acb5665069f8d6b1184a5039ab8e63dc7cbe565b1fb2"},
        {.request =
             {.method = "POST",
              .url = "https://sts.eu-west-1.amazonaws.com/",
              .headers = {form_type},
              .body = "Version=2011-06-15&RoleSessionName=serin&Action=AssumeRole&"
                      "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fserin"},
         .scope = {.region = "eu-west-1", .service = "sts"},
         .headers = "content-type;host;x-amz-date",
         .signature = "744467fa59757ff3e62dd6595bcb42b1cd216d00e3a9b35908c7e34ad3fb6662"},
    };
}

}  // namespace

TEST_CASE("CloudWatch, Amazon's Prometheus and STS are signed as AWS' own library signs them") {
    for (Vector vector : vectors_of_botocore()) {
        CAPTURE(vector.scope.service);
        AwsKeys asking = keys;
        asking.session_token = vector.token;
        sign_v4(vector.request, asking, vector.scope, now);
        CHECK(
            vector.request.headers.back().second ==
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/" + vector.scope.region + "/" +
                vector.scope.service + "/aws4_request, SignedHeaders=" + vector.headers +
                ", Signature=" + vector.signature);
    }
}
