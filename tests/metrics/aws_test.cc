#include "provider_world.h"
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

// CloudWatch as it is reached from a pod, and what of a signed request arrives.

namespace {

constexpr const char* config = R"({"metricDataQueries": [{"id": "a", "expression": "b / c"}]})";
constexpr const char* answer = R"({"MetricDataResults": [{"Id": "a", "Values": [0.25]}]})";
constexpr Instant now{1'599'076'435s};

class TokenFile {
public:
    explicit TokenFile(const std::string& text = "token-0123\n") {
        std::string name = (std::filesystem::temp_directory_path() / "serin-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        folder_ = name;
        std::ofstream(path()) << text;
    }
    ~TokenFile() { std::filesystem::remove_all(folder_); }
    TokenFile(const TokenFile&) = delete;
    TokenFile& operator=(const TokenFile&) = delete;
    std::string path() const { return (folder_ / "token").string(); }

private:
    std::filesystem::path folder_;
};

// The signature that the request should have by what arrived of it.
std::string expected_signature(
    const net::HttpServerRequest& arrived, const AwsKeys& keys, const AwsScope& scope) {
    HttpRequest request{
        .method = arrived.method,
        .url = "http://" + *arrived.header("host") + arrived.target,
        .body = arrived.body};
    for (const char* name : {"content-type", "x-amz-target", "x-scope-orgid"}) {
        if (const std::string* value = arrived.header(name))
            request.headers.emplace_back(name, *value);
    }
    sign_v4(request, keys, scope, now);
    return request.headers.back().second;
}

std::string assumed_role(const std::string& key) {
    return "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>" + key +
           "</AccessKeyId><SecretAccessKey>secret-of-role</SecretAccessKey><SessionToken>"
           "session-of-role</SessionToken></Credentials></AssumeRoleResult></AssumeRoleResponse>";
}

constexpr const char* vector_of_one = R"({"status": "success", "data": {"resultType": "vector",
    "result": [{"metric": {}, "value": [1, "0.25"]}]}})";

}  // namespace

TEST_CASE("what is signed is what arrives") {
    ProviderWorld world;
    world.environment = {
        {"AWS_ACCESS_KEY_ID", "AKID"},
        {"AWS_SECRET_ACCESS_KEY", "secret"},
        {"AWS_SESSION_TOKEN", "session"},
        {"AWS_DEFAULT_REGION", "eu-west-1"},
        {"AWS_ENDPOINT_URL", world.address + "/"}};
    world.replies = {{.body = answer}};
    const auto sample = world.measure("cloudWatch", config, {.now = now});
    REQUIRE_MESSAGE(sample, sample.error().message);
    const net::HttpServerRequest& arrived = world.asked.back();
    CHECK(arrived.target == "/");
    CHECK(*arrived.header("x-amz-date") == "20200902T195355Z");
    CHECK(*arrived.header("x-amz-security-token") == "session");
    CHECK(
        *arrived.header("authorization") ==
        expected_signature(
            arrived,
            {.access_key_id = "AKID", .secret_access_key = "secret", .session_token = "session"},
            {.region = "eu-west-1", .service = "monitoring"}));
}

TEST_CASE("a pod's web identity becomes the keys of its role") {
    const TokenFile file;
    ProviderWorld world;
    world.environment = {
        {"AWS_ROLE_ARN", "arn:aws:iam::1:role/serin"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE", file.path()},
        {"AWS_REGION", "eu-west-1"},
        {"AWS_ENDPOINT_URL_STS", world.address},
        {"AWS_ENDPOINT_URL_CLOUDWATCH", world.address}};
    world.replies = {
        {.body = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>"
                 "<Credentials><SessionToken>session-1</SessionToken><SecretAccessKey>secret-1"
                 "</SecretAccessKey><Expiration>2020-09-02T20:53:55Z</Expiration>"
                 "<AccessKeyId>ASIA1</AccessKeyId></Credentials>"
                 "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"},
        {.body = answer}};
    const auto sample = world.measure("cloudWatch", config);
    REQUIRE_MESSAGE(sample, sample.error().message);
    CHECK(sample->value == "[[0.25]]");
    CHECK(
        world.asked[0].body ==
        "Version=2011-06-15&RoleSessionName=serin&Action=AssumeRoleWithWebIdentity&"
        "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fserin&WebIdentityToken=token-0123");
    CHECK(world.header("authorization").contains("Credential=ASIA1/20200902/eu-west-1/monitoring"));
    CHECK(world.header("x-amz-security-token") == "session-1");

    world.replies = {
        {.status = 403, .body = "<Error><Code>AccessDenied</Code> token-0123</Error>"}};
    CHECK(
        world.measure("cloudWatch", config).error().message ==
        "could not get keys of AWS: received non 2xx response code: 403 "
        "<Error><Code>AccessDenied</Code> *****</Error>");
    world.replies = {{.body = "<html></html>"}};
    CHECK(
        world.measure("cloudWatch", config).error().message ==
        "could not get keys of AWS: the answer holds none");
    world.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/nowhere/token";
    CHECK(world.measure("cloudWatch", config).error().message == "/nowhere/token: cannot be read");
}

TEST_CASE("a container's own address gives keys") {
    const TokenFile file;
    ProviderWorld world;
    world.environment = {
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", world.address + "/v1/credentials"},
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.path()},
        {"AWS_REGION", "eu-west-1"},
        {"AWS_ENDPOINT_URL_CLOUDWATCH", world.address}};
    world.replies = {
        {.body =
             R"({"AccessKeyId": "ASIA2", "SecretAccessKey": "secret-2", "Token": "session-2"})"},
        {.status = 400,
         .body = R"({"__type": "Throttling", "message": "no, session-2 secret-2"})"}};
    const auto sample = world.measure("cloudWatch", config);
    REQUIRE_FALSE(sample);
    CHECK(sample.error().message == "CloudWatch refused (400): Throttling: no, ***** *****");
    CHECK(world.asked[0].target == "/v1/credentials");
    CHECK(*world.asked[0].header("authorization") == "token-0123");
    CHECK(world.header("authorization").contains("Credential=ASIA2/"));
}

TEST_CASE("keys that were given go before those of the pod") {
    ProviderWorld world;
    world.environment = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", world.address}};
    world.add_secret(
        "cloudwatch",
        {{"access-key-id", "AKID"},
         {"secret-access-key", "s"},
         {"region", "eu-west-1"},
         {"endpoint", "$ADDRESS"}});
    world.replies = {{.body = answer}};
    CHECK(world.measure("cloudWatch", config));
    CHECK(world.asked.size() == 1);
    CHECK(world.header("authorization").contains("Credential=AKID/"));
}

TEST_CASE("the machine's metadata service gives the keys of its role") {
    ProviderWorld world;
    world.environment = {
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT", world.address + "/"},
        {"AWS_REGION", "eu-west-1"},
        {"AWS_ENDPOINT_URL_CLOUDWATCH", world.address}};
    const std::string keys =
        R"({"Code": "Success", "AccessKeyId": "ASIA3", "SecretAccessKey": "secret-3",
            "Token": "session-3", "Expiration": "2020-09-02T20:53:55Z"})";
    world.replies = {
        {.body = "metadata-token"}, {.body = "node-role\n"}, {.body = keys}, {.body = answer}};
    const auto sample = world.measure("cloudWatch", config);
    REQUIRE_MESSAGE(sample, sample.error().message);
    CHECK(sample->value == "[[0.25]]");
    REQUIRE(world.asked.size() == 4);
    CHECK(world.asked[0].method == "PUT");
    CHECK(world.asked[0].target == "/latest/api/token");
    CHECK(*world.asked[0].header("x-aws-ec2-metadata-token-ttl-seconds") == "60");
    CHECK(world.asked[1].target == "/latest/meta-data/iam/security-credentials/");
    CHECK(*world.asked[1].header("x-aws-ec2-metadata-token") == "metadata-token");
    CHECK(world.asked[2].target == "/latest/meta-data/iam/security-credentials/node-role");
    CHECK(*world.asked[2].header("x-aws-ec2-metadata-token") == "metadata-token");
    CHECK(world.header("authorization").contains("Credential=ASIA3/"));
    CHECK(world.header("x-amz-security-token") == "session-3");

    const std::string nothing =
        "there is no secret \"cloudwatch\" in serin-system or argo-rollouts, no AWS_ACCESS_KEY_ID "
        "with AWS_SECRET_ACCESS_KEY, no role of a pod and no profile";
    world.replies = {{.body = "metadata-token"}, {.status = 404, .body = "no metadata-token"}};
    CHECK(
        world.measure("cloudWatch", config).error().message ==
        nothing +
            "; the machine's metadata service gives none: received non 2xx response code: "
            "404 no *****");
    world.client.patience = 50ms;
    world.replies = {{.is_silent = true}};
    CHECK(
        world.measure("cloudWatch", config).error().message ==
        nothing + "; the machine's metadata service gives none: " + world.address +
            "/latest/api/token: no answer within 50ms");
    world.asked.clear();
    world.environment["AWS_EC2_METADATA_DISABLED"] = "true";
    CHECK(world.measure("cloudWatch", config).error().message == nothing);
    CHECK(world.asked.empty());
}

TEST_CASE("the files of AWS' tools give keys and region") {
    const TokenFile keys(
        "# mine\n[default]\naws_access_key_id = AKID1\naws_secret_access_key=secret-1\n"
        "\n[ other ]\nAWS_ACCESS_KEY_ID=AKID2\naws_secret_access_key = secret-2\n"
        "aws_session_token = session-2\n");
    const TokenFile settings("[profile other]\nregion = us-west-2\n[default]\nregion=eu-north-1");
    ProviderWorld world;
    world.environment = {
        {"AWS_SHARED_CREDENTIALS_FILE", keys.path()},
        {"AWS_CONFIG_FILE", settings.path()},
        {"AWS_ENDPOINT_URL_CLOUDWATCH", world.address}};
    world.replies = {{.body = answer}};
    CHECK(world.measure("cloudWatch", config));
    CHECK(world.header("authorization").contains("Credential=AKID1/20200902/eu-north-1/"));
    world.environment["AWS_PROFILE"] = "other";
    CHECK(world.measure("cloudWatch", config));
    CHECK(world.header("authorization").contains("Credential=AKID2/20200902/us-west-2/"));
    CHECK(world.header("x-amz-security-token") == "session-2");
}

TEST_CASE("Amazon's Prometheus is asked with a signature") {
    ProviderWorld world;
    world.environment = {{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "secret-0"}};
    const AwsKeys keys{
        .access_key_id = "AKID", .secret_access_key = "secret-0", .session_token = ""};
    const AwsScope scope{.region = "eu-west-1", .service = "aps"};
    const char* amazon = R"({"address": "$ADDRESS/workspaces/ws-1", "query": "up == 1",
        "headers": [{"key": "X-Scope-OrgID", "value": "shop"}],
        "authentication": {"sigv4": {"region": "eu-west-1"}}})";
    world.replies = {{.body = vector_of_one}};
    const auto sample = world.measure("prometheus", amazon, {.now = now});
    REQUIRE_MESSAGE(sample, sample.error().message);
    CHECK(sample->value == "[0.25]");
    CHECK(world.asked.back().target == "/workspaces/ws-1/api/v1/query");
    CHECK(world.header("authorization") == expected_signature(world.asked.back(), keys, scope));

    SUBCASE("as is the same question by GET") {
        world.replies = {{.status = 405}, {.body = vector_of_one}};
        CHECK(world.measure("prometheus", amazon, {.now = now}));
        CHECK(world.asked.back().method == "GET");
        CHECK(world.header("authorization") == expected_signature(world.asked.back(), keys, scope));
    }
    SUBCASE("also where only the address tells that it is Amazon's") {
        world.environment["AWS_REGION"] = "eu-west-1";
        CHECK(world.measure(
            "prometheus",
            R"({"address": "$ADDRESS/aps-workspaces/ws-1", "query": "up"})",
            {.now = now}));
        CHECK(world.header("authorization") == expected_signature(world.asked.back(), keys, scope));
    }
    SUBCASE("and told what is wrong with it, without the keys") {
        world.replies = {
            {.status = 403, .body = R"({"message": "secret-0 is not for \"aps:QueryMetrics\""})"}};
        CHECK(
            world.measure("prometheus", amazon).error().message ==
            "client_error: client error: 403 {\"message\": \"***** is not for "
            "\\\"aps:QueryMetrics\\\"\"}");
    }
}

TEST_CASE("a role is assumed before Amazon's Prometheus is asked") {
    ProviderWorld world;
    world.environment = {
        {"AWS_ACCESS_KEY_ID", "AKID"},
        {"AWS_SECRET_ACCESS_KEY", "secret-0"},
        {"AWS_ENDPOINT_URL_STS", world.address}};
    const char* amazon = R"({"address": "$ADDRESS/workspaces/ws-1", "query": "up",
        "authentication": {"sigv4": {"region": "eu-west-1",
        "roleArn": "arn:aws:iam::1:role/metrics"}}})";
    world.replies = {{.body = assumed_role("ASIA4")}, {.body = vector_of_one}};
    const auto sample = world.measure("prometheus", amazon, {.now = now});
    REQUIRE_MESSAGE(sample, sample.error().message);
    REQUIRE(world.asked.size() == 2);
    CHECK(
        world.asked[0].body ==
        "Version=2011-06-15&RoleSessionName=serin&Action=AssumeRole&"
        "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fmetrics");
    CHECK(
        *world.asked[0].header("authorization") ==
        expected_signature(
            world.asked[0],
            {.access_key_id = "AKID", .secret_access_key = "secret-0", .session_token = ""},
            {.region = "eu-west-1", .service = "sts"}));
    CHECK(
        world.header("authorization") == expected_signature(
                                             world.asked[1],
                                             {.access_key_id = "ASIA4",
                                              .secret_access_key = "secret-of-role",
                                              .session_token = "session-of-role"},
                                             {.region = "eu-west-1", .service = "aps"}));

    world.replies = {{.status = 403, .body = "<Message>AKID may not, secret-0</Message>"}};
    CHECK(
        world.measure("prometheus", amazon).error().message ==
        "could not get keys of AWS: received non 2xx response code: 403 "
        "<Message>AKID may not, *****</Message>");
    world.replies = {
        {.body = assumed_role("ASIA4")}, {.status = 400, .body = "session-of-role secret-of-role"}};
    CHECK(
        world.measure("prometheus", amazon).error().message ==
        "client_error: client error: 400 ***** *****");
}

TEST_CASE("a signature needs a region, and a profile its keys") {
    ProviderWorld world;
    world.environment = {{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "s"}};
    const auto refused = [&](const std::string& authentication) {
        const auto sample = world.measure(
            "prometheus",
            R"({"address": "$ADDRESS", "query": "up", "authentication": )" + authentication + "}");
        REQUIRE_FALSE(sample);
        CHECK(world.asked.empty());
        return sample.error().message;
    };
    CHECK(refused(R"({"sigv4": {"roleArn": "arn:a"}})")
              .starts_with("authentication.sigv4.region: missing"));
    CHECK(
        refused(R"({"sigv4": {"profile": "ops", "region": "a"}})") ==
        "the files of AWS' tools have no keys for profile \"ops\"");
    CHECK(
        refused(R"({"sigv4": {"region": "a"},
            "basicAuth": {"username": "a", "password": "b"}})") ==
        "authentication.sigv4: use either basicAuth, oauth2 or sigv4");
}

TEST_CASE("a profile that is named goes before all other keys") {
    const TokenFile keys("[ops]\naws_access_key_id=AKID5\naws_secret_access_key=secret-5\n");
    ProviderWorld world;
    world.environment = {
        {"AWS_ACCESS_KEY_ID", "AKID"},
        {"AWS_SECRET_ACCESS_KEY", "s"},
        {"AWS_SHARED_CREDENTIALS_FILE", keys.path()}};
    world.replies = {{.body = vector_of_one}};
    CHECK(world.measure("prometheus", R"({"address": "$ADDRESS", "query": "up",
        "authentication": {"sigv4": {"profile": "ops", "region": "eu-west-1"}}})"));
    CHECK(world.header("authorization").contains("Credential=AKID5/20200902/eu-west-1/aps/"));
}
