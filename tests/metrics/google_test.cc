#include "base/base64.h"

#include "provider_world.h"

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

// Google Cloud Monitoring, with the server of tokens that stands before it.

namespace {

// Made for this test, and good for nothing else. Written as it stands in Google's JSON.
constexpr const char* private_key =
    "-----BEGIN PRIVATE KEY-----\\n"
    "MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAOr+XJ6CG8GQgKZS\\n"
    "YU7wjIxmG4oN9x9JKhigT9J/hw/wFf2YOrKPkize6r/26IF9n6lTes2B0ORxfCR4\\n"
    "N5b3+aszHo3AOh0VSnKs1evGUVZJ+rMwG5pnkcZpZjRyk74/Yd7JNtFPqnnl9ZLY\\n"
    "tT3kBXx2lAY/s/d6/VVHylv7a3apAgMBAAECgYAGPwibNf4i4QJqaVoozQAPY09s\\n"
    "Ff7xl/JEgU5d3AHtDIapHPjCckqCYtJ+k8OOXZZ2278x4zd4OwP/vCpOGv1J4J+O\\n"
    "OXw5vpubCnH+4zKSu/8qAmoMFgrdl4xwz/C+eXNVA+px3n9OzRgXjBYb6u2te9Oe\\n"
    "5FT8IU04Aw0CtGMd4QJBAP7KMs4vP5fm9+LPsOZQglmR8Rh4NKU6Z7k6iCaIulmr\\n"
    "u9WqfSkW1SUj+91ivVelXYyCW1H0odJsstyWdYsv8P0CQQDsHBfHpwwZjY+mTuzP\\n"
    "6stU8W2Bu7gKzGbbXw4dYDCLNs2IWTgXHsS7GmLuvARdHVdrOrXPfgR+7LsRaIwA\\n"
    "RvIdAkEA1cQ9dgHsP/0XkyMfz0xS4OVyO053FP14ks7J9lKWzq8oK+8bjYLLl5qm\\n"
    "MSsrosJqR34DMjKmJk7ujeZqfjnd3QJBAOEOgig/9Yuh4QxwbNBfCQPlwTEJQwuf\\n"
    "/GccezLLDlqUmWNfT9TR8ko6g5T2SN6M6lf+tXCbuSNW+ZVFZzWYao0CQDvOpcZH\\n"
    "ZmaSF1Yzxgw9C1Lm98kBCS+7FPHHwbmd6d5U7lxTjP1xxsfIb6S5tSRBY1Y9rFLD\\n"
    "iITr4CkI6q/C81Y=\\n"
    "-----END PRIVATE KEY-----\\n";

std::string service_account_key() {
    return std::string(
               R"({"type": "service_account", "project_id": "shop-1", "private_key_id": "K1",
        "client_email": "serin@shop-1.iam", "token_uri": "$ADDRESS/token", "private_key": ")") +
           private_key + "\"}";
}

constexpr const char* token = R"({"access_token": "token-0123", "expires_in": 3599})";
constexpr const char* config = R"({"query": "fetch gce_instance | every 1m"})";

std::string decoded(std::string part) {
    for (char& letter : part) {
        if (letter == '-') letter = '+';
        if (letter == '_') letter = '/';
    }
    return decode_base64(part).value_or("");
}

struct World : ProviderWorld {
    World() {
        add_secret(
            "google-cloud-monitoring",
            {{"serviceAccountKey", service_account_key()}, {"address", "$ADDRESS"}});
    }
    Result<MetricSample> measured(Reply reply) {
        asked.clear();
        replies = {{.body = token}, std::move(reply)};
        return measure("serin/googleCloudMonitoring", config);
    }
};

}  // namespace

TEST_CASE("a service account's key becomes a token, and the token asks") {
    World world;
    const auto sample = world.measured({.body = R"({"timeSeriesData": [{"pointData":
        [{"values": [{"doubleValue": 0.25}]}, {"values": [{"doubleValue": 7}]}]}]})"});
    REQUIRE_MESSAGE(sample, sample.error().message);
    CHECK(sample->value == "0.25");
    REQUIRE(world.asked.size() == 2);

    CHECK(world.asked[0].method == "POST");
    CHECK(world.asked[0].target == "/token");
    const std::string grant =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    const std::string& form = world.asked[0].body;
    REQUIRE(form.starts_with(grant));
    const std::string assertion = form.substr(grant.size());
    const auto first = assertion.find('.');
    const auto second = assertion.rfind('.');
    CHECK(decoded(assertion.substr(0, first)) == R"({"alg":"RS256","typ":"JWT","kid":"K1"})");
    CHECK(
        decoded(assertion.substr(first + 1, second - first - 1)) ==
        R"({"iss":"serin@shop-1.iam","scope":"https://www.googleapis.com/auth/monitoring.read",)"
        R"("aud":")" +
            world.address + R"(/token","iat":1599076435,"exp":1599080035})");
    CHECK(decoded(assertion.substr(second + 1)).size() == 128);

    CHECK(world.asked[1].method == "POST");
    CHECK(world.asked[1].target == "/v3/projects/shop-1/timeSeries:query");
    CHECK(world.asked[1].body == R"({"query":"fetch gce_instance | every 1m"})");
    CHECK(world.header("authorization") == "Bearer token-0123");
}

TEST_CASE("without a key the machine's metadata server is asked who we are") {
    ProviderWorld world;
    world.add_secret("google-cloud-monitoring", {{"project", "p"}, {"address", "$ADDRESS"}});
    world.environment["GCE_METADATA_HOST"] = world.address.substr(7);
    world.replies = {{.body = token}, {.body = R"({"timeSeriesData": []})"}};
    const auto sample = world.measure("serin/googleCloudMonitoring", config);
    REQUIRE_MESSAGE(sample, sample.error().message);
    CHECK(sample->result.is_null());
    CHECK(world.asked[0].target == "/computeMetadata/v1/instance/service-accounts/default/token");
    CHECK(*world.asked[0].header("metadata-flavor") == "Google");
    CHECK(world.asked[1].target == "/v3/projects/p/timeSeries:query");
}

TEST_CASE("one series of Google is a number, several are a list with their labels") {
    World world;
    const auto sample = world.measured({.body = R"({"timeSeriesData": [
        {"labelValues": [{"stringValue": "eu"}], "pointData": [{"values": [{"int64Value": "3"}]}]},
        {"labelValues": [{"stringValue": "us"}], "pointData": []},
        {"labelValues": [{"stringValue": "as"}], "pointData": [{"values": [{"boolValue": true}]}]}
        ]})"});
    REQUIRE(sample);
    CHECK(sample->value == "[3,1]");
    CHECK(sample->metadata.at("groups") == R"([{"name":"eu","value":3},{"name":"as","value":1}])");
    CHECK(world.measured({.body = "{}"})->result.is_null());
}

TEST_CASE("what goes wrong at Google is told, without key and token") {
    World world;
    const auto words = [&](Reply reply) {
        const auto sample = world.measured(std::move(reply));
        REQUIRE_FALSE(sample);
        CHECK_FALSE(sample.error().message.contains("token-0123"));
        CHECK_FALSE(sample.error().message.contains("PRIVATE KEY"));
        return sample.error().message;
    };
    CHECK(words({.status = 403, .body = "no ticket for token-0123"})
              .contains("403 no ticket for *****"));
    CHECK(words({.status = 429, .body = "quota", .headers = {{"Retry-After", "7"}}})
              .contains("429 (retry after 7 s) quota"));
    CHECK(words({.status = 500}).contains("500"));
    CHECK(words({.body = "<html>"}).starts_with("Google: "));
    CHECK(
        words({.body = R"({"partialErrors": [{"message": "too much"}], "timeSeriesData": []})"}) ==
        "Google: the answer is not complete: too much");
    CHECK(words({.body = R"({"timeSeriesData": [{"pointData":
        [{"values": [{"distributionValue": {}}]}]}]})"})
              .contains("aggregate it in the query"));
    CHECK(words({.body = std::string(answer_bytes_max + 1, ' ')}).contains("larger than"));

    world.replies = {{.status = 400, .body = R"({"error": "invalid_grant"})"}};
    const auto refused = world.measure("serin/googleCloudMonitoring", config);
    REQUIRE_FALSE(refused);
    CHECK(
        refused.error().message ==
        "could not get a token of Google: received non 2xx response code: 400 "
        R"({"error": "invalid_grant"})");
    world.replies = {{.body = "{}"}};
    CHECK_FALSE(world.measure("serin/googleCloudMonitoring", config));
    world.client.patience = 50ms;
    world.replies = {{.is_silent = true}};
    CHECK(world.measure("serin/googleCloudMonitoring", config)
              .error()
              .message.contains("no answer within 50ms"));
}

TEST_CASE("a key of Google that is none is refused before anything is asked") {
    for (const char* key : {"{", "{}", R"({"client_email": "a", "private_key": "secret-pem"})"}) {
        ProviderWorld world;
        world.add_secret("google-cloud-monitoring", {{"serviceAccountKey", key}, {"project", "p"}});
        const auto sample = world.measure("serin/googleCloudMonitoring", config);
        REQUIRE_FALSE(sample);
        CHECK(sample.error().message.starts_with("serviceAccountKey: "));
        CHECK_FALSE(sample.error().message.contains("secret-pem"));
        CHECK(world.asked.empty());
    }
}
