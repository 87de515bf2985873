#include "provider_world.h"
#include <cstdlib>
#include <filesystem>

using namespace serin;
using namespace serin::metrics;

// Servers whose certificate nobody has signed.

namespace {

class Certificate {
public:
    Certificate() {
        std::string name = (std::filesystem::temp_directory_path() / "serin-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        folder_ = name;
        const std::string command = fmt::format(
            "cd {} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            "-days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout key.pem "
            "-out certificate.pem >/dev/null 2>&1",
            name);
        REQUIRE(std::system(command.c_str()) == 0);
    }
    ~Certificate() { std::filesystem::remove_all(folder_); }
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;

    net::HttpServerOptions options() const {
        net::HttpServerOptions options{.is_tls = true};
        options.tls.certificate_file = (folder_ / "certificate.pem").string();
        options.tls.key_file = (folder_ / "key.pem").string();
        return options;
    }

private:
    std::filesystem::path folder_;
};

constexpr const char* one = R"({"status": "success", "data": {"resultType": "vector",
    "result": [{"metric": {}, "value": [1, "0.25"]}]}})";

std::string with_insecure(std::string config, bool is_insecure) {
    config.insert(1, fmt::format(R"("insecure": {}, )", is_insecure));
    return config;
}

}  // namespace

TEST_CASE(
    "a certificate that nobody has signed is taken where the metric says so, and only there") {
    const Certificate certificate;
    const std::map<std::string, std::string> configs = {
        {"prometheus", R"({"address": "$ADDRESS", "query": "up", "authentication":
            {"basicAuth": {"username": "me", "password": "pass-0123"}}})"},
        {"web", R"({"url": "$ADDRESS", "jsonPath": "{$.data.result[0].value[1]}"})"}};
    for (const auto& [provider, config] : configs) {
        CAPTURE(provider);
        ProviderWorld world(certificate.options());
        world.replies = {{.body = one}};
        for (const std::string& strict : {config, with_insecure(config, false)}) {
            const auto refused = world.measure(provider, strict);
            REQUIRE_FALSE(refused);
            CHECK(refused.error().message.contains("SSL"));
        }
        CHECK(world.asked.empty());  // Nothing was told to who may be anybody.
        const auto sample = world.measure(provider, with_insecure(config, true));
        REQUIRE_MESSAGE(sample, sample.error().message);
        CHECK(sample->value.contains("0.25"));
    }
}

TEST_CASE("the server of tokens is trusted as the one that is asked") {
    const Certificate certificate;
    ProviderWorld world(certificate.options());
    world.replies = {{.body = R"({"access_token": "T-0123"})"}, {.body = "7"}};
    const std::string config = R"({"url": "$ADDRESS", "authentication": {"oauth2": {
        "tokenUrl": "$ADDRESS/token", "clientId": "me", "clientSecret": "secret-0123"}}})";
    CHECK(
        world.measure("web", config).error().message.starts_with("could not get an OAuth2 token"));
    CHECK(world.asked.empty());
    CHECK(world.measure("web", with_insecure(config, true))->value == "7");
    CHECK(world.header("authorization") == "Bearer T-0123");
}

TEST_CASE("keys go to no server whose certificate nobody has signed") {
    const Certificate certificate;
    ProviderWorld world(certificate.options());
    world.add_secret(
        "datadog", {{"address", "$ADDRESS"}, {"api-key", "api-0123"}, {"app-key", "app-4567"}});
    world.add_secret("wavefront-api-tokens", {{"127.0.0.1", "token-0123"}});
    world.replies = {{.body = "{}"}};
    CHECK_FALSE(world.measure("datadog", R"({"query": "avg:cpu{*}"})"));
    CHECK_FALSE(world.measure("wavefront", R"({"address": "$ADDRESS", "query": "a"})"));
    CHECK(world.asked.empty());
}
