#include "metrics/sigv4.h"

#include <doctest/doctest.h>

#include <string>

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
