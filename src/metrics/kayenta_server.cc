#include "metrics/kayenta_server.h"

#include "metrics/authentication.h"
#include "metrics/http_fields.h"
#include "metrics/http_provider.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

namespace serin::metrics {

namespace {

constexpr Duration look_again = std::chrono::seconds(15);
constexpr std::string_view execution_key = "canaryExecutionId";

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorKind::invalid, std::move(message));
}

HttpRequest request_to(const json::Object& config, std::string path) {
    HttpRequest request{.url = without_slash(text_field(config, "address")) + std::move(path)};
    request.timeout = std::chrono::seconds(15);
    request.body_bytes_max = answer_bytes_max;
    return request;
}

Result<json::Value> read_json(const HttpResponse& response) {
    if (response.status != 200) {
        return std::unexpected(status_error(response).within("Kayenta"));
    }
    auto body = json::parse(response.body);
    if (!body) return std::unexpected(std::move(body).error().within("Kayenta"));
    return *std::move(body);
}

Result<> check_scope(const json::Object& scopes, std::string_view name) {
    const json::Object* scope = json::object(scopes.if_contains(name));
    if (scope == nullptr) return refuse(fmt::format("scopes: {} is missing", name));
    const bool has_start = !text_field(*scope, "start").empty();
    const bool has_end = !text_field(*scope, "end").empty();
    if (has_start != has_end)
        return refuse(fmt::format("scopes: {}: give both start and end, or neither", name));
    return {};
}

Result<json::Object> dated(
    const json::Object& scope, const json::Object& config, const MetricQuery& query) {
    json::Object out = scope;
    if (!text_field(scope, "start").empty()) return out;
    const bool is_lookback = json::boolean(config.if_contains("lookback")).value_or(false);
    if (!is_lookback && !query.interval) {
        return refuse("scopes: without start and end, the metric needs an interval, or lookback");
    }
    const Instant start = is_lookback ? query.started : query.now - *query.interval;
    out["start"] = json::string(format_time(start));
    out["end"] = json::string(format_time(query.now));
    return out;
}

class Execution : public MetricSource::Measurement {
public:
    Execution(EventLoop& loop, HttpClient& client, MetricQuery query, MetricSource::Done done)
        : loop_(loop), client_(client), query_(std::move(query)), done_(std::move(done)) {
        const auto begun = query_.begun.find(std::string(execution_key));
        if (begun != query_.begun.end()) {
            execution_id_ = begun->second;
            ask_score();
            return;
        }
        send(kayenta_config_request(query_.config), [this](const HttpResponse& response) {
            start(read_kayenta_config(response, text_field(query_.config, "canaryConfigName")));
        });
    }

    std::map<std::string, std::string> metadata() const override {
        // Something from the start, so that the measurement is kept while it lasts.
        std::map<std::string, std::string> facts{
            {"canaryConfigName", text_field(query_.config, "canaryConfigName")}};
        if (!execution_id_.empty()) facts[std::string(execution_key)] = execution_id_;
        return facts;
    }
    void report(std::function<void()> on_progress) override {
        on_progress_ = std::move(on_progress);
    }
    void terminate() override {
        done_ = nullptr;
        timer_.reset();
        calls_.clear();
    }

private:
    void send(HttpRequest request, std::function<void(const HttpResponse&)> take) {
        // The former call may be what is calling: it goes with the next one.
        if (calls_.size() > 1) calls_.erase(calls_.begin());
        calls_.push_back(client_.send(
            std::move(request),
            [this, take = std::move(take)](const Result<HttpResponse>& response) {
                if (!response) return end(std::unexpected(response.error()));
                take(*response);
            }));
    }

    void start(const Result<std::string>& config_id) {
        if (!config_id) return end(std::unexpected(config_id.error()));
        auto request = kayenta_start_request(query_.config, *config_id, query_);
        if (!request) return end(std::unexpected(std::move(request).error()));
        send(*std::move(request), [this](const HttpResponse& response) {
            auto id = read_kayenta_execution(response);
            if (!id) return end(std::unexpected(std::move(id).error()));
            execution_id_ = *std::move(id);
            wait();
            if (on_progress_) on_progress_();
        });
    }

    void wait() {
        timer_ = loop_.after(look_again, [this] { ask_score(); });
    }

    void ask_score() {
        send(
            kayenta_score_request(query_.config, execution_id_),
            [this](const HttpResponse& response) {
                auto score = read_kayenta_score(response, query_.config);
                if (!score) return end(std::unexpected(std::move(score).error()));
                if (!*score) return wait();
                (*score)->metadata[std::string(execution_key)] = execution_id_;
                end(*std::move(*score));
            });
    }

    // May end this object, so nothing follows the call of done.
    void end(Result<MetricSample> sample) {
        timer_.reset();
        const MetricSource::Done done = std::exchange(done_, nullptr);
        if (done) done(std::move(sample));
    }

    EventLoop& loop_;
    HttpClient& client_;
    MetricQuery query_;
    MetricSource::Done done_;
    std::string execution_id_;
    std::function<void()> on_progress_;
    std::vector<std::unique_ptr<HttpClient::Call>> calls_;
    EventLoop::Watch timer_;
};

}  // namespace

Result<> KayentaServerSource::check(const json::Object& config) const {
    SERIN_TRY_DO(check_fields(
        config,
        {"address",
         "application",
         "canaryConfigName",
         "metricsAccountName",
         "configurationAccountName",
         "storageAccountName",
         "threshold",
         "scopes",
         "lookback"}));
    SERIN_TRY_DO(check_url("address", text_field(config, "address")));
    for (const char* field :
         {"application",
          "canaryConfigName",
          "metricsAccountName",
          "configurationAccountName",
          "storageAccountName"}) {
        if (text_field(config, field).empty()) return refuse(std::string(field) + ": missing");
    }
    for (const char* level : {"/threshold/pass", "/threshold/marginal"}) {
        if (!json::integer(json::find(config, level)))
            return refuse("threshold: needs pass and marginal");
    }
    const json::Array* scopes = json::array(config.if_contains("scopes"));
    if (scopes == nullptr || scopes->empty()) return refuse("scopes: missing");
    for (const json::Value& scope : *scopes) {
        const json::Object* fields = json::object(&scope);
        if (fields == nullptr || text_field(*fields, "name").empty())
            return refuse("scopes: each needs a name");
        SERIN_TRY_DO(check_scope(*fields, "controlScope"));
        SERIN_TRY_DO(check_scope(*fields, "experimentScope"));
    }
    return {};
}

std::unique_ptr<MetricSource::Measurement> KayentaServerSource::measure(
    MetricQuery query, Done done) {
    if (auto checked = check(query.config); !checked) {
        done(std::unexpected(std::move(checked).error()));
        return nullptr;
    }
    return std::make_unique<Execution>(loop_, client_, std::move(query), std::move(done));
}

HttpRequest kayenta_config_request(const json::Object& config) {
    // The storage account, as Argo Rollouts asks: where that is not the account of configurations,
    // manifests that work there rely on it.
    return request_to(
        config,
        fmt::format(
            "/canaryConfig?application={}&configurationAccountName={}",
            escape_form(text_field(config, "application")),
            escape_form(text_field(config, "storageAccountName"))));
}

Result<HttpRequest> kayenta_start_request(
    const json::Object& config, const std::string& config_id, const MetricQuery& query) {
    json::Object scopes;
    for (const json::Value& one : config.at("scopes").as_array()) {
        const json::Object& scope = one.as_object();
        SERIN_TRY(json::Object control, dated(scope.at("controlScope").as_object(), config, query));
        SERIN_TRY(
            json::Object experiment, dated(scope.at("experimentScope").as_object(), config, query));
        scopes[text_field(scope, "name")] = json::Object{
            {"controlScope", std::move(control)}, {"experimentScope", std::move(experiment)}};
    }
    HttpRequest request = request_to(
        config,
        fmt::format(
            "/canary/{}?application={}&metricsAccountName={}&configurationAccountName={}&"
            "storageAccountName={}",
            escape_form(config_id),
            escape_form(text_field(config, "application")),
            escape_form(text_field(config, "metricsAccountName")),
            escape_form(text_field(config, "configurationAccountName")),
            escape_form(text_field(config, "storageAccountName"))));
    request.method = "POST";
    request.headers = {{"Content-Type", "application/json"}};
    request.body = json::print(json::Object{
        {"scopes", std::move(scopes)},
        {"thresholds",
         json::Object{
             {"pass", *json::find(config, "/threshold/pass")},
             {"marginal", *json::find(config, "/threshold/marginal")}}}});
    return request;
}

HttpRequest kayenta_score_request(const json::Object& config, const std::string& execution_id) {
    return request_to(config, "/canary/" + escape_form(execution_id));
}

Result<std::string> read_kayenta_config(const HttpResponse& response, std::string_view name) {
    SERIN_TRY(const json::Value body, read_json(response));
    const json::Array* configs = json::array(&body);
    if (configs == nullptr) return refuse("Kayenta: the answer is not a list of canary configs");
    for (const json::Value& config : *configs) {
        const auto id = json::text(json::find(config, "/id"));
        if (json::text(json::find(config, "/name")) == name && id && !id->empty())
            return std::string(*id);
    }
    return fail(ErrorKind::not_found, fmt::format("Kayenta has no canary config \"{}\"", name));
}

Result<std::string> read_kayenta_execution(const HttpResponse& response) {
    SERIN_TRY(const json::Value body, read_json(response));
    const auto id = json::text(json::find(body, "/canaryExecutionId"));
    if (!id || id->empty()) return refuse("Kayenta: Invalid canaryExecutionId");
    return std::string(*id);
}

Result<std::optional<MetricSample>> read_kayenta_score(
    const HttpResponse& response, const json::Object& config) {
    SERIN_TRY(const json::Value body, read_json(response));
    const auto is_complete = json::boolean(json::find(body, "/complete"));
    if (!is_complete) return refuse("Kayenta: Missing Complete Status");
    if (!*is_complete) return std::nullopt;
    const auto exact = json::number(json::find(body, "/result/judgeResult/score/score"));
    if (!exact) {
        const auto status = json::text(json::find(body, "/status")).value_or("");
        return refuse(fmt::format(
            "Kayenta: Missing Score{}",
            status.empty() ? "" : fmt::format(": the execution is {}", excerpt(status))));
    }
    const auto pass = json::integer(json::find(config, "/threshold/pass")).value_or(0);
    const auto marginal = json::integer(json::find(config, "/threshold/marginal")).value_or(0);
    const bool is_score = *exact >= -1e6 && *exact <= 1e6;
    if (!is_score) return refuse("Kayenta: the score is not one");
    const auto score = static_cast<std::int64_t>(*exact);  // Argo cuts it.
    using enum MetricSample::Judgement;
    return MetricSample{
        .value = std::to_string(score),
        .judgement = score >= pass       ? successful
                     : score >= marginal ? inconclusive
                                         : failed,
        .summary = fmt::format("score {} (passes at {}, fails below {})", score, pass, marginal)};
}

}  // namespace serin::metrics
