#include "metrics/prometheus.h"

#include "expr/condition.h"
#include "metrics/authentication.h"
#include "metrics/aws_identity.h"
#include "metrics/http_fields.h"
#include "metrics/prometheus_answer.h"
#include "metrics/sigv4.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace serin::metrics {

namespace {

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("{}: {}", field, why));
}

struct Range {  // Expressions that give a time, and a duration.
    std::string start;
    std::string end;
    Duration step{0};
};

struct SigV4 {
    std::string region;
    std::string profile;
    std::string role_arn;
};

struct Config {
    std::string address;
    std::string query;
    Duration timeout{30'000};
    bool is_insecure = false;
    std::vector<std::pair<std::string, std::string>> headers;
    Authentication authentication;
    std::optional<SigV4> sigv4;
    std::optional<Range> range;
};

std::string text_at(const json::Object& config, std::string_view pointer) {
    return std::string(json::text(json::find(config, pointer)).value_or(""));
}

Result<> read_sigv4(const json::Object& config, Config& read) {
    const json::Object* given = json::object(json::find(config, "/authentication/sigv4"));
    const bool is_given = given != nullptr && !given->empty();
    const bool is_amazon = read.address.contains("aps-workspaces");
    if (!is_given && !is_amazon) return {};
    const bool has_other = !read.authentication.header.empty() || read.authentication.oauth2;
    if (is_given && has_other)
        return refuse("authentication.sigv4", "use either basicAuth, oauth2 or sigv4");
    if (has_other) return {};
    read.sigv4.emplace();
    if (!is_given) return {};
    *read.sigv4 = {
        .region = text_at(*given, "/region"),
        .profile = text_at(*given, "/profile"),
        .role_arn = text_at(*given, "/roleArn")};
    return {};
}

Result<> read_range(const json::Object& config, Config& read) {
    const json::Object* given = json::object(config.if_contains("rangeQuery"));
    if (given == nullptr) return {};
    Range range{.start = text_at(*given, "/start"), .end = text_at(*given, "/end")};
    for (const auto& [field, source] : {std::pair("start", &range.start), {"end", &range.end}}) {
        const auto compiled = expr::compile(*source);
        if (!compiled) return refuse(fmt::format("rangeQuery.{}", field), compiled.error().message);
    }
    const auto step = parse_duration(text_at(*given, "/step"));
    if (!step || *step <= Duration(0))
        return refuse("rangeQuery.step", "expected a positive duration");
    range.step = *step;
    read.range = std::move(range);
    return {};
}

Result<Config> read_config(const json::Object& config, const std::string& default_address) {
    for (const auto& member : config) {
        constexpr std::array<std::string_view, 7> known = {
            "address", "query", "timeout", "insecure", "headers", "authentication", "rangeQuery"};
        const std::string_view name = member.key();
        if (std::ranges::find(known, name) == known.end()) return refuse(name, "unknown field");
    }
    Config read{.address = text_at(config, "/address"), .query = text_at(config, "/query")};
    if (read.address.empty()) read.address = default_address;
    SERIN_TRY_DO(check_url("address", read.address));
    while (read.address.ends_with('/')) read.address.pop_back();
    if (read.query.empty()) return refuse("query", "missing");
    read.is_insecure = json::boolean(config.if_contains("insecure")).value_or(false);
    SERIN_TRY(read.timeout, read_timeout(config, "timeout", read.timeout));
    SERIN_TRY(read.headers, read_headers(config));
    SERIN_TRY(read.authentication, read_authentication(config));
    SERIN_TRY_DO(read_sigv4(config, read));
    SERIN_TRY_DO(read_range(config, read));
    return read;
}

std::string unix_text(Instant at) {
    return fmt::format("{:.3f}", static_cast<double>(at.time_since_epoch().count()) / 1000);
}

Result<Instant> evaluate_time(std::string_view field, const std::string& source, Instant now) {
    SERIN_TRY(const auto compiled, expr::compile(source));
    SERIN_TRY(const auto value, expr::evaluate(compiled, expr::Value(), now));
    if (!value.is(expr::Kind::time))
        return refuse(fmt::format("rangeQuery.{}", field), "is not a time");
    return value.time();
}

// What is asked for, and of whom.
struct Form {
    std::string url;
    std::string text;
};

Result<Form> form_of(const Config& config, Instant now) {
    const std::string query = "query=" + escape_form(config.query);
    if (!config.range) {
        return Form{
            .url = config.address + "/api/v1/query",
            .text = fmt::format("{}&time={}", query, unix_text(now))};
    }
    SERIN_TRY(const Instant start, evaluate_time("start", config.range->start, now));
    SERIN_TRY(const Instant end, evaluate_time("end", config.range->end, now));
    return Form{
        .url = config.address + "/api/v1/query_range",
        .text = fmt::format(
            "{}&start={}&end={}&step={:.3f}",
            query,
            unix_text(start),
            unix_text(end),
            static_cast<double>(config.range->step.count()) / 1000)};
}

// Asked again with GET where POST is not understood. `sign` adds who asks.
Question question_of(
    const Config& config, const Form& form, const std::function<void(HttpRequest&)>& sign) {
    HttpRequest post{.method = "POST", .url = form.url};
    post.headers = config.headers;
    post.timeout = config.timeout;
    post.verify_peer = !config.is_insecure;
    HttpRequest get = post;
    post.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    post.body = form.text;
    get.method = "GET";
    get.url += "?" + form.text;
    sign(post);
    sign(get);

    const auto read = [query = config.query](const HttpResponse& response) {
        auto sample = read_prometheus_answer(response);
        if (sample) sample->metric_metadata["ResolvedPrometheusQuery"] = query;
        return sample;
    };
    return {
        .request = std::move(post),
        .read = read,
        .instead = [get = Question{.request = std::move(get), .read = read}](
                       const HttpResponse& response) -> std::optional<Question> {
            if (response.status != 405 && response.status != 501) return std::nullopt;
            return get;
        },
        .secrets = confidential_values(config.headers)};
}

Result<Question> signed_question(
    const Credentials& credentials, const Config& config, const Form& form, Instant now) {
    SERIN_TRY(const AwsIdentity identity, aws_identity(credentials, config.sigv4->profile));
    const std::string region =
        config.sigv4->region.empty() ? identity.region : config.sigv4->region;
    if (region.empty()) {
        return refuse(
            "authentication.sigv4.region", "missing, and the AWS region is not known otherwise");
    }
    AwsIdentity asking = identity;
    asking.region = region;
    return with_aws_keys(
        credentials,
        asking,
        config.sigv4->role_arn,
        now,
        [config, form, region, now](const AwsKeys& keys) -> Result<Question> {
            return question_of(config, form, [&](HttpRequest& request) {
                sign_v4(request, keys, {.region = region, .service = "aps"}, now);
            });
        });
}

}  // namespace

Result<> PrometheusSource::check(const json::Object& config) const {
    SERIN_TRY_DO(read_config(config, address_));
    if (!credentials_) SERIN_TRY_DO(refuse_authentication(config, "sigv4"));
    return {};
}

Result<Question> PrometheusSource::ask(const MetricQuery& query) const {
    SERIN_TRY_DO(check(query.config));
    SERIN_TRY(const Config config, read_config(query.config, address_));
    SERIN_TRY(const Form form, form_of(config, query.now));
    if (config.sigv4 && credentials_)
        return signed_question(*credentials_, config, form, query.now);
    return authorized(config.authentication, [config, form](const std::string& header) {
        return question_of(config, form, [&header](HttpRequest& request) {
            if (!header.empty()) request.headers.emplace_back("Authorization", header);
        });
    });
}

}  // namespace serin::metrics
