#include "metrics/new_relic.h"

#include "judge/conditions.h"

#include <doctest/doctest.h>

#include <string>

using namespace serin;
using namespace serin::metrics;
using namespace std::chrono_literals;

namespace {

const json::Object config{{"query", "FROM Transaction SELECT percentage(count(*), WHERE error)"}};
const SecretValues secret{{"personal-api-key", "NRAK\n"}, {"account-id", "42"}};

SecretValues with(const std::string& key, const std::string& value) {
    SecretValues values = secret;
    values[key] = value;
    return values;
}

Result<MetricSample> read(std::string results) {
    return read_new_relic_answer(
        {.status = 200,
         .body = R"({"data": {"actor": {"account": {"nrql": {"results": )" + std::move(results) +
                 "}}}}}"});
}

judge::Phase phase(const char* condition, const json::Value& result) {
    return judge::assess_value({.success = condition, .failure = ""}, result, {}).phase;
}

}  // namespace

TEST_CASE("NerdGraph is asked for the query of the account") {
    const auto request = new_relic_request(config, secret);
    REQUIRE(request);
    CHECK(request->method == "POST");
    CHECK(request->url == "https://api.newrelic.com/graphql");
    CHECK(
        request->body ==
        R"~({"query":"query($accountId: Int!, $query: Nrql!, $timeout: Seconds) { actor )~"
        R"~({ account(id: $accountId) { nrql(query: $query, timeout: $timeout) { results } } } }",)~"
        R"~("variables":{"accountId":42,)~"
        R"~("query":"FROM Transaction SELECT percentage(count(*), WHERE error)","timeout":5}})~");
    CHECK(request->headers.back() == std::pair<std::string, std::string>("Api-Key", "NRAK"));
    CHECK(request->timeout == 10s);
    CHECK(new_relic_request({{"query", "x"}, {"timeout", 20}}, secret)
              ->body.ends_with(R"~("timeout":20}})~"));
}

TEST_CASE("the region and the base URL say where New Relic is") {
    CHECK(
        new_relic_request(config, with("region", "EU"))->url ==
        "https://api.eu.newrelic.com/graphql");
    CHECK(
        new_relic_request(config, with("region", "staging"))->url ==
        "https://staging-api.newrelic.com/graphql");
    CHECK(
        new_relic_request(config, with("base-url-nerdgraph", "http://proxy/graphql/"))->url ==
        "http://proxy/graphql");
    CHECK(
        new_relic_request(config, with("region", "mars")).error().message ==
        "region: expected us, eu or staging");
    CHECK(
        new_relic_request(config, with("account-id", "x")).error().message ==
        "account-id: is not a number");
}

// "if len(results) == 1 { result := results[0] ... } else if len(results) > 1 {
// EvaluateResult(results" and else "no results returned from NRQL query".
TEST_CASE("one row of New Relic is an object, several are a list, none is an error") {
    const auto one = read(R"([{"percentage": 1.5}])");
    REQUIRE(one);
    CHECK(one->value == R"({"percentage":1.5})");
    CHECK(phase("result.percentage < 2", one->result) == judge::Phase::successful);

    const auto several = read(R"([{"facet": "b", "count": 1}, {"facet": "a", "count": 3}])");
    REQUIRE(several);
    CHECK(several->value == R"([{"count":1,"facet":"b"},{"count":3,"facet":"a"}])");
    CHECK(phase("result[1].count == 3", several->result) == judge::Phase::successful);

    for (const char* nothing : {"[]", "[{}]", "null", "[null]"}) {
        CAPTURE(nothing);
        const auto none = read(nothing);
        REQUIRE_FALSE(none);
        CHECK(none.error().message == "no results returned from NRQL query");
    }
}

TEST_CASE("an error that NerdGraph answers with 200 is an error") {
    CHECK(
        read_new_relic_answer(
            {.status = 200, .body = R"({"data": {"actor": {"account": {"nrql": null}}}, "errors": [
                 {"message": "NRQL Syntax Error", "extensions": {"errorClass": "TIMEOUT"}}]})"})
            .error()
            .message == "graphql: NRQL Syntax Error");
}
