#include "metrics/prometheus.h"

#include "expr/condition.h"
#include "metrics/authentication.h"
#include "metrics/http_fields.h"
#include "metrics/prometheus_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
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

struct Config {
    std::string address;
    std::string query;
    Duration timeout{30'000};
    bool is_insecure = false;
    std::vector<std::pair<std::string, std::string>> headers;
    Authentication authentication;
    std::optional<Range> range;
};

std::string text_at(const json::Object& config, std::string_view pointer) {
    return std::string(json::text(json::find(config, pointer)).value_or(""));
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

// Path and form of the question.
Result<std::pair<std::string, std::string>> ask(const Config& config, Instant now) {
    const std::string query = "query=" + escape_form(config.query);
    if (!config.range) {
        return std::pair<std::string, std::string>(
            "/api/v1/query", fmt::format("{}&time={}", query, unix_text(now)));
    }
    SERIN_TRY(const Instant start, evaluate_time("start", config.range->start, now));
    SERIN_TRY(const Instant end, evaluate_time("end", config.range->end, now));
    return std::pair<std::string, std::string>(
        "/api/v1/query_range",
        fmt::format(
            "{}&start={}&end={}&step={:.3f}",
            query,
            unix_text(start),
            unix_text(end),
            static_cast<double>(config.range->step.count()) / 1000));
}

// One question, asked again with GET where POST is not understood.
class Exchange : public MetricSource::Measurement {
public:
    Exchange(HttpClient& client, const Config& config, MetricSource::Done done)
        : client_(client),
          authentication_(config.authentication),
          query_(config.query),
          done_(std::move(done)) {
        request_.headers = config.headers;
        request_.timeout = config.timeout;
        request_.verify_peer = !config.is_insecure;
    }

    void start(const std::string& url, std::string form) {
        fallback_ = request_;
        fallback_.url = url + "?" + form;
        request_.method = "POST";
        request_.url = url;
        request_.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
        request_.body = std::move(form);
        call_ = send_authorized(client_, authentication_, request_, [this](auto response) {
            const bool is_refused =
                response && (response->status == 405 || response->status == 501);
            if (is_refused)
                get();
            else
                end(std::move(response));
        });
    }

private:
    void get() {
        // In place of the call that is just ending.
        last_call_ = send_authorized(client_, authentication_, fallback_, [this](auto response) {
            end(std::move(response));
        });
    }

    // May end this object, so nothing follows the call of done.
    void end(Result<HttpResponse> response) {
        const MetricSource::Done done = std::move(done_);
        if (!response) return done(std::unexpected(std::move(response).error()));
        auto sample = read_prometheus_answer(*response);
        if (sample) sample->metric_metadata["ResolvedPrometheusQuery"] = query_;
        done(std::move(sample));
    }

    HttpClient& client_;
    const Authentication authentication_;
    HttpRequest request_;
    HttpRequest fallback_;
    std::string query_;
    MetricSource::Done done_;
    std::unique_ptr<HttpClient::Call> call_;
    std::unique_ptr<HttpClient::Call> last_call_;
};

}  // namespace

PrometheusSource::PrometheusSource(HttpClient& client, std::string address)
    : client_(client), address_(std::move(address)) {}

Result<> PrometheusSource::check(const json::Object& config) const {
    SERIN_TRY_DO(read_config(config, address_));
    return {};
}

std::unique_ptr<MetricSource::Measurement> PrometheusSource::measure(MetricQuery query, Done done) {
    const auto config = read_config(query.config, address_);
    if (!config) {
        done(std::unexpected(config.error()));
        return nullptr;
    }
    auto question = ask(*config, query.now);
    if (!question) {
        done(std::unexpected(std::move(question).error()));
        return nullptr;
    }
    auto exchange = std::make_unique<Exchange>(client_, *config, std::move(done));
    exchange->start(config->address + question->first, std::move(question->second));
    return exchange;
}

}  // namespace serin::metrics
