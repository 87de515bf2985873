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
    TokenFile() {
        std::string name = (std::filesystem::temp_directory_path() / "serin-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        folder_ = name;
        std::ofstream(path()) << "token-0123\n";
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
    for (const char* name : {"content-type", "x-amz-target"})
        request.headers.emplace_back(name, *arrived.header(name));
    sign_v4(request, keys, scope, now);
    return request.headers.back().second;
}

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
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&"
        "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fserin&RoleSessionName=serin&"
        "WebIdentityToken=token-0123");
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
