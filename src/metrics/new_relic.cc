#include "metrics/new_relic.h"

#include "metrics/graphql.h"
#include "metrics/http_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace serin::metrics {

namespace {

constexpr std::string_view document =
    "query($accountId: Int!, $query: Nrql!, $timeout: Seconds) { actor { account(id: $accountId) "
    "{ nrql(query: $query, timeout: $timeout) { results } } } }";

Result<std::string> address_of(const SecretValues& secret) {
    if (std::string given = value_at(secret, "base-url-nerdgraph"); !given.empty()) {
        SERIN_TRY_DO(check_url("base-url-nerdgraph", given));
        return without_slash(std::move(given));
    }
    std::string region = value_at(secret, "region");
    std::ranges::transform(region, region.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    if (region.empty() || region == "us") return "https://api.newrelic.com/graphql";
    if (region == "eu") return "https://api.eu.newrelic.com/graphql";
    if (region == "staging") return "https://staging-api.newrelic.com/graphql";
    return fail(ErrorKind::invalid, "region: expected us, eu or staging");
}

}  // namespace

Result<> NewRelicSource::check(const json::Object& config) const {
    SERIN_TRY_DO(check_fields(config, {"profile", "query", "timeout"}));
    if (text_field(config, "query").empty()) return fail(ErrorKind::invalid, "query: missing");
    SERIN_TRY_DO(read_timeout(config, "timeout", {}));
    return {};
}

Result<Question> NewRelicSource::ask(const MetricQuery& query) const {
    SERIN_TRY_DO(check(query.config));
    std::string profile = text_field(query.config, "profile");
    if (profile.empty()) profile = "newrelic";
    SERIN_TRY(const SecretValues secret, credentials_.own_secret(profile));
    auto request = new_relic_request(query.config, secret);
    if (!request) {
        return std::unexpected(
            std::move(request).error().within(fmt::format("secret \"{}\"", profile)));
    }
    return Question{
        .request = *std::move(request),
        .read = read_new_relic_answer,
        .secrets = {value_at(secret, "personal-api-key")}};
}

Result<HttpRequest> new_relic_request(const json::Object& config, const SecretValues& secret) {
    const std::string key = value_at(secret, "personal-api-key");
    const std::string account_text = value_at(secret, "account-id");
    if (key.empty() || account_text.empty()) {
        return fail(
            ErrorKind::invalid,
            "account ID or personal API key not found: it needs account-id and personal-api-key");
    }
    std::int64_t account = 0;
    const char* end = account_text.data() + account_text.size();
    const auto [stopped, problem] = std::from_chars(account_text.data(), end, account);
    if (problem != std::errc() || stopped != end)
        return fail(ErrorKind::invalid, "account-id: is not a number");
    SERIN_TRY(const std::string address, address_of(secret));
    SERIN_TRY(const Duration timeout, read_timeout(config, "timeout", std::chrono::seconds(5)));
    HttpRequest request = graphql_request(
        address,
        document,
        {{"accountId", account},
         {"query", json::string(text_field(config, "query"))},
         {"timeout", std::chrono::duration_cast<std::chrono::seconds>(timeout).count()}});
    request.headers.emplace_back("Api-Key", key);
    // The query may take all of its time there.
    request.timeout = timeout + std::chrono::seconds(5);
    return request;
}

Result<MetricSample> read_new_relic_answer(const HttpResponse& response) {
    SERIN_TRY(const json::Value data, read_graphql_answer(response));
    const json::Array* rows = json::array(json::find(data, "/actor/account/nrql/results"));
    const bool is_nothing =
        rows == nullptr || rows->empty() ||
        (rows->size() == 1 && (!rows->front().is_object() || rows->front().get_object().empty()));
    if (is_nothing) return fail(ErrorKind::not_found, "no results returned from NRQL query");
    const json::Value result = rows->size() == 1 ? rows->front() : json::Value(*rows);
    return MetricSample{.result = result, .value = json::print_canonical(result)};
}

}  // namespace serin::metrics
