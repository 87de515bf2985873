#include "provider_world.h"

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

// What every provider has to bear from its server, one row a provider.

namespace {

struct Row {
    std::string provider;
    std::string config;
    std::string secret_name;  // Empty: it needs none.
    std::map<std::string, std::string> secret;
    std::string good;  // A body that can be judged.
    std::string value;
    std::vector<std::string> confidential;  // Values that must not be seen anywhere.
    Duration timeout;                       // Of a request that nobody hurries.
    bool is_json = true;
    bool is_lasting = false;   // The good answer is the first of several.
    bool takes_texts = false;  // Whatever is no JSON is a value.
};

std::vector<Row> rows() {
    return {
        {.provider = "prometheus",
         .config = R"({"address": "$ADDRESS", "query": "up",
             "headers": [{"key": "X-Api-Key", "value": "key-4567"}],
             "authentication": {"basicAuth": {"username": "me", "password": "pass-0123"}}})",
         .good = R"({"status": "success", "data": {"resultType": "vector",
             "result": [{"metric": {}, "value": [1, "0.25"]}]}})",
         .value = "[0.25]",
         .confidential = {"pass-0123", "bWU6cGFzcy0wMTIz", "key-4567"},
         .timeout = 30s},
        {.provider = "web",
         .config = R"({"url": "$ADDRESS/rate", "jsonPath": "{$.rate}",
             "headers": [{"key": "Authorization", "value": "Bearer token-0123"}]})",
         .good = R"({"rate": 0.25})",
         .value = "0.25",
         .confidential = {"token-0123"},
         .timeout = 10s,
         .takes_texts = true},
        {.provider = "datadog",
         .config = R"({"query": "avg:cpu{*}"})",
         .secret_name = "datadog",
         .secret = {{"address", "$ADDRESS"}, {"api-key", "api-0123"}, {"app-key", "app-4567"}},
         .good = R"({"status": "ok", "series": [{"pointlist": [[1, 0.25]]}]})",
         .value = "0.25",
         .confidential = {"api-0123", "app-4567"},
         .timeout = 10s},
        {.provider = "datadog",
         .config = R"({"apiVersion": "v2", "query": "avg:cpu{*}", "requestTimeout": "30s"})",
         .secret_name = "datadog",
         .secret = {{"address", "$ADDRESS"}, {"api-key", "api-0123"}, {"app-key", "app-4567"}},
         .good = R"({"data": {"attributes": {"columns": [
             {"name": "query", "type": "number", "values": [0.25]}]}}})",
         .value = "0.25",
         .confidential = {"api-0123", "app-4567"},
         .timeout = 30s},
        {.provider = "newRelic",
         .config = R"({"query": "SELECT 1"})",
         .secret_name = "newrelic",
         .secret =
             {{"personal-api-key", "NRAK-0123"},
              {"account-id", "42"},
              {"base-url-nerdgraph", "$ADDRESS/graphql"}},
         .good = R"({"data": {"actor": {"account": {"nrql": {"results": [{"n": 1}]}}}}})",
         .value = R"({"n":1})",
         .confidential = {"NRAK-0123"},
         .timeout = 10s},
        {.provider = "cloudWatch",
         .config = R"({"metricDataQueries": [{"id": "a", "expression": "b / c"}]})",
         .secret_name = "cloudwatch",
         .secret =
             {{"access-key-id", "AKID"},
              {"secret-access-key", "secret-0123"},
              {"session-token", "session-4567"},
              {"endpoint", "$ADDRESS"}},
         .good = R"({"MetricDataResults": [{"Id": "a", "Values": [0.25, 1]}]})",
         .value = "[[0.25 1]]",
         .confidential = {"secret-0123", "session-4567"},
         .timeout = 30s},
        {.provider = "graphite",
         .config = R"({"address": "$ADDRESS", "query": "target=a.b"})",
         .good = R"([{"target": "a.b", "datapoints": [[0.25, 1]]}])",
         .value = "[0.250000]",
         .timeout = 10s},
        {.provider = "influxdb",
         .config = R"({"query": "from(bucket: 1) |> yield"})",
         .secret_name = "influxdb",
         .secret = {{"address", "$ADDRESS"}, {"authToken", "token-0123"}, {"org", "o"}},
         .good = "#datatype,string,long,double\n,result,table,_value\n,_result,0,0.25\n",
         .value = "[0.25]",
         .confidential = {"token-0123"},
         .timeout = 30s,
         .is_json = false},
        {.provider = "wavefront",
         .config = R"({"address": "$ADDRESS", "query": "ts(a) + 0"})",
         .secret_name = "wavefront-api-tokens",
         .secret = {{"127.0.0.1", "token-0123"}},
         .good = R"({"timeseries": [{"data": [[1599076435, 0.25]]}]})",
         .value = "0.25",
         .confidential = {"token-0123"},
         .timeout = 30s},
        {.provider = "skywalking",
         .config = R"({"address": "$ADDRESS", "query": "query($duration: Duration!) { n }"})",
         .good = R"({"data": {"n": 1}})",
         .value = R"({"n":1})",
         .timeout = 30s},
        {.provider = "serin/dynatrace",
         .config = R"({"query": "builtin:service.errors"})",
         .secret_name = "dynatrace",
         .secret = {{"address", "$ADDRESS"}, {"dynatrace_token", "token-0123"}},
         .good = R"({"result": [{"data": [{"values": [0.25]}]}]})",
         .value = "0.25",
         .confidential = {"token-0123"},
         .timeout = 10s},
        {.provider = "serin/splunk",
         .config = R"({"query": "data('errors').publish() "})",
         .secret_name = "splunk",
         .secret = {{"address", "$ADDRESS"}, {"sf_token_key", "token-0123"}},
         .good = "event: data\ndata: {\"data\": [{\"tsId\": \"A\", \"value\": 0.25}]}\n\n",
         .value = "0.25",
         .confidential = {"token-0123"},
         .timeout = 15s,
         .is_json = false},
        {.provider = "kayenta",
         .config = R"({"address": "$ADDRESS", "application": "a", "canaryConfigName": "c",
             "metricsAccountName": "m", "configurationAccountName": "n",
             "storageAccountName": "s", "threshold": {"pass": 90, "marginal": 75},
             "lookback": true, "scopes": [{"name": "default",
             "controlScope": {"scope": "x", "region": "r", "step": 60},
             "experimentScope": {"scope": "y", "region": "r", "step": 60}}]})",
         .good = R"([{"id": "1", "name": "c"}])",
         .timeout = 15s,
         .is_lasting = true},
    };
}

std::string told(const Result<MetricSample>& sample) {
    if (!sample) return sample.error().message;
    std::string text = sample->value + sample->summary + json::print(sample->result);
    for (const auto* facts : {&sample->metadata, &sample->metric_metadata}) {
        for (const auto& [name, fact] : *facts) text += name + fact;
    }
    return text;
}

struct World : ProviderWorld {
    explicit World(const Row& given) : row(given) {
        if (!row.secret_name.empty()) add_secret(row.secret_name, row.secret);
    }
    Result<MetricSample> answered(Reply reply) {
        replies = {std::move(reply)};
        auto sample = measure(row.provider, row.config);
        for (const std::string& value : row.confidential)
            CHECK(told(sample).find(value) == std::string::npos);
        return sample;
    }
    std::string refused(Reply reply) {
        const auto sample = answered(std::move(reply));
        CHECK_FALSE(sample);
        return told(sample);
    }
    std::string echo() const {
        std::string text;
        for (const std::string& value : row.confidential) text += value + " ";
        return text;
    }
    const Row& row;
};

}  // namespace

TEST_CASE("a good answer is a value, and the server was given the time that is documented") {
    for (const Row& row : rows()) {
        if (row.is_lasting) continue;
        CAPTURE(row.provider);
        World world(row);
        const auto sample = world.answered({.body = row.good});
        REQUIRE_MESSAGE(sample, sample.error().message);
        CHECK(sample->value == row.value);
        CHECK(world.client.timeouts.back() == row.timeout);
        CHECK(world.asked.size() == 1);
    }
}

TEST_CASE("a refusal is told with the server's words and without our credentials") {
    for (const Row& row : rows()) {
        CAPTURE(row.provider);
        World world(row);
        for (const int status : {400, 401, 403, 404}) {
            const std::string words = world.refused(
                {.status = status,
                 .body = R"({"errors": ["no ticket for )" + world.echo() + "\"]}"});
            CAPTURE(words);
            CHECK(words.find(std::to_string(status)) != std::string::npos);
            CHECK(words.find("no ticket") != std::string::npos);
        }
    }
}

TEST_CASE("of credentials that a message ends in nothing is seen either") {
    for (const Row& row : rows()) {
        for (const std::string& value : row.confidential) {
            CAPTURE(row.provider);
            World world(row);
            const std::string words =
                world.refused({.status = 400, .body = std::string(295, '+') + value + "tail"});
            CHECK(words.contains("+*****..."));
        }
    }
}

TEST_CASE("credentials follow no redirect to another server") {
    for (const Row& row : rows()) {
        if (row.confidential.empty()) continue;
        CAPTURE(row.provider);
        World world(row);
        const ProviderWorld other;
        for (const int status : {301, 302, 303, 307, 308}) {
            const std::string words = world.refused(
                {.status = status,
                 .headers = {{"Location", other.address + "/?a=" + world.echo()}}});
            CAPTURE(words);
            CHECK(words.contains(std::to_string(status)));
            CHECK(words.contains("redirected to " + other.address + "/, which is not followed"));
        }
        CHECK(world.asked.size() == 5);
    }
}

TEST_CASE("a redirect within a server is followed with all that was sent") {
    for (const Row& row : rows()) {
        if (row.is_lasting) continue;
        CAPTURE(row.provider);
        World world(row);
        world.replies = {{.status = 308, .headers = {{"Location", "/moved"}}}, {.body = row.good}};
        const auto sample = world.measure(row.provider, row.config);
        REQUIRE_MESSAGE(sample, sample.error().message);
        CHECK(sample->value == row.value);
        REQUIRE(world.asked.size() == 2);
        CHECK(world.asked[1].target == "/moved");
        CHECK(world.asked[1].method == world.asked[0].method);
        CHECK(world.asked[1].body == world.asked[0].body);
        CHECK(world.asked[1].headers == world.asked[0].headers);

        world.asked.clear();
        CHECK(world.refused({.status = 307, .headers = {{"Location", "/again"}}})
                  .contains("redirects for ever"));
        CHECK(world.asked.size() == 11);
    }
}

TEST_CASE("a rate limit and a failing server are errors, and nothing is asked again by itself") {
    for (const Row& row : rows()) {
        CAPTURE(row.provider);
        World world(row);
        const std::string limited =
            world.refused({.status = 429, .body = "slow down", .headers = {{"Retry-After", "30"}}});
        CHECK(limited.find("429 (retry after 30 s) slow down") != std::string::npos);
        CHECK(world.refused({.status = 500, .body = "oops"}).find("500 oops") != std::string::npos);
        CHECK(world.refused({.status = 503}).find("503") != std::string::npos);
        CHECK(world.asked.size() == 3);
    }
}

TEST_CASE("a server that says nothing is given up") {
    for (const Row& row : rows()) {
        CAPTURE(row.provider);
        World world(row);
        world.client.patience = 50ms;
        CHECK(
            world.refused({.is_silent = true}).find("no answer within 50ms") != std::string::npos);
    }
}

TEST_CASE("answers that make no sense are errors") {
    for (const Row& row : rows()) {
        if (row.takes_texts) continue;
        CAPTURE(row.provider);
        World world(row);
        std::vector<std::string> bodies = {
            "<html>sign in</html>", row.good.substr(0, row.good.size() / 2), "\xff\xfe\x00"};
        if (row.is_json) bodies.insert(bodies.end(), {"", "null", "17", "\"text\"", "[1, 2]"});
        for (const std::string& body : bodies) {
            CAPTURE(body);
            CHECK_FALSE(world.refused({.body = body}).empty());
        }
    }
}

TEST_CASE("an answer of the right kind with wrong types never passes for a value") {
    for (const Row& row : rows()) {
        if (!row.is_json || row.takes_texts) continue;
        CAPTURE(row.provider);
        World world(row);
        for (const auto& [from, to] :
             {std::pair<std::string, std::string>("[", "{\"a\": "), {"{", "[7, "}}) {
            std::string body = row.good;
            for (auto at = body.find(from); at != std::string::npos;
                 at = body.find(from, at + to.size()))
                body.replace(at, from.size(), to);
            if (body == row.good) continue;
            CAPTURE(body);
            CHECK_FALSE(world.answered({.body = body}));
        }
    }
}

TEST_CASE("an answer without end is cut off") {
    for (const Row& row : rows()) {
        CAPTURE(row.provider);
        World world(row);
        CHECK(
            world.refused({.body = std::string(answer_bytes_max + 1, ' ')})
                .find("larger than 4194304 bytes") != std::string::npos);
    }
}

TEST_CASE("without credentials nothing is asked, and the message says where they were looked for") {
    for (const Row& row : rows()) {
        if (row.secret_name.empty()) continue;
        CAPTURE(row.provider);
        ProviderWorld world;
        world.environment["AWS_EC2_METADATA_DISABLED"] = "true";
        const auto sample = world.measure(row.provider, row.config);
        REQUIRE_FALSE(sample);
        CHECK(sample.error().message.starts_with(
            "there is no secret \"" + row.secret_name + "\" in serin-system or argo-rollouts"));
        CHECK(world.asked.empty());
    }
}

TEST_CASE("a secret without its keys is named, and nothing is asked") {
    for (const Row& row : rows()) {
        if (row.secret_name.empty()) continue;
        CAPTURE(row.provider);
        ProviderWorld world;
        world.add_secret(row.secret_name, {{"unrelated", "x"}});
        CHECK_FALSE(world.measure(row.provider, row.config));
        CHECK(world.asked.empty());
    }
}

TEST_CASE("a metric names its secret, in the run's namespace or in that of who runs Serin") {
    for (const Row& row : rows()) {
        if (row.provider != "datadog" && !row.provider.starts_with("serin/")) continue;
        CAPTURE(row.provider);
        const auto config = [&](std::string_view reference) {
            return row.config.substr(0, row.config.rfind('}')) +
                   fmt::format(R"(, "secretRef": {}}})", reference);
        };
        const std::string named = config(R"({"name": "mine"})");
        const std::string namespaced = config(R"({"name": "mine", "namespaced": true})");
        World world(row);
        // One of another's does not do, nor that which is taken when none is named.
        world.add_secret("mine", row.secret, "other");
        world.replies = {{.body = row.good}};
        CHECK(
            world.measure(row.provider, named).error().message ==
            "there is no secret \"mine\" in serin-system or argo-rollouts");
        CHECK_FALSE(world.measure(row.provider, namespaced));
        CHECK(world.asked.empty());

        world.add_secret("mine", row.secret, "shop");
        CHECK_FALSE(world.measure(row.provider, named));
        CHECK(world.measure(row.provider, namespaced)->value == row.value);
        world.add_secret("mine", row.secret);
        CHECK(world.measure(row.provider, named)->value == row.value);
        const auto unnamed = world.measure(row.provider, config(R"({"namespaced": true})"));
        CHECK(unnamed.error().message.starts_with("secretRef.name: "));
    }
}

TEST_CASE("the secret of a former Argo Rollouts installation is found") {
    for (const Row& row : rows()) {
        if (row.secret_name.empty()) continue;
        CAPTURE(row.provider);
        ProviderWorld world;
        world.add_secret(row.secret_name, row.secret, "argo-rollouts");
        world.replies = {{.body = row.good}};
        CHECK(world.measure(row.provider, row.config));
    }
}

TEST_CASE("what a server echoes of our credentials, a condition does not see") {
    ProviderWorld world;
    world.replies = {
        {.body = R"({"access_token": "T-0123"})"},
        {.body = R"({"header": "Bearer T-0123", "token-4567": ["s+e"], "form": "s%2Be"})"}};
    const auto sample = world.measure("web", R"({"url": "$ADDRESS", "headers": [
        {"key": "X-Token", "value": "token-4567"}], "authentication": {"oauth2": {
        "tokenUrl": "$ADDRESS/token", "clientId": "me", "clientSecret": "s+e"}}})");
    REQUIRE_MESSAGE(sample, sample.error().message);
    CHECK(sample->value == R"({"header":"Bearer *****","*****":["*****"],"form":"*****"})");
    CHECK(json::text(json::find(sample->result, "/header")) == "Bearer *****");
    CHECK(world.header("authorization") == "Bearer T-0123");

    world.replies = {{.status = 403, .body = "s+e is not the secret"}};
    const auto refused = world.measure("web", R"({"url": "$ADDRESS", "authentication": {"oauth2": {
        "tokenUrl": "$ADDRESS/token", "clientId": "me", "clientSecret": "s+e"}}})");
    CHECK(
        refused.error().message ==
        "could not get an OAuth2 token: received non 2xx response code: 403");
}

TEST_CASE("text and markup are values of the web, and what a page lacks is an error") {
    ProviderWorld world;
    world.replies = {{.body = "<html>sign in</html>"}};
    CHECK(
        world.measure("web", R"({"url": "$ADDRESS", "jsonPath": "{$.a}"})")->value ==
        "<html>sign in</html>");
    for (const char* body : {"17", "{}", "[1, 2]", "null", R"({"b": 1})"}) {
        CAPTURE(body);
        world.replies = {{.body = body}};
        CHECK(world.measure("web", R"({"url": "$ADDRESS", "jsonPath": "{$.a}"})")
                  .error()
                  .message.starts_with("could not find jsonPath"));
    }
}
