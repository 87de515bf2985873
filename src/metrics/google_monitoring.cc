#include "metrics/google_monitoring.h"

#include "base/base64.h"
#include "base/signing.h"
#include "metrics/authentication.h"
#include "metrics/http_fields.h"
#include "metrics/series_result.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace serin::metrics {

namespace {

constexpr std::string_view secret_name = "google-cloud-monitoring";
constexpr Duration timeout = std::chrono::seconds(15);

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorKind::invalid, std::move(message));
}

Result<std::string> read_token(const HttpResponse& response) {
    if (response.status != 200)
        return std::unexpected(status_error(response).within("could not get a token of Google"));
    const auto body = json::parse(response.body);
    const auto token = body ? json::text(json::find(*body, "/access_token")) : std::nullopt;
    if (!token || token->empty() || token->find_first_of("\r\n") != token->npos)
        return refuse("could not get a token of Google: the answer holds no access_token");
    return std::string(*token);
}

HttpRequest metadata_request(const std::string& host) {
    HttpRequest request{
        .url = fmt::format(
            "http://{}/computeMetadata/v1/instance/service-accounts/default/token",
            host.empty() ? "metadata.google.internal" : host)};
    request.headers = {{"Metadata-Flavor", "Google"}};
    request.timeout = timeout;
    return request;
}

Result<double> read_point(const json::Value& value) {
    if (const auto number = json::number(json::find(value, "/doubleValue"))) return *number;
    if (const auto flag = json::boolean(json::find(value, "/boolValue"))) return *flag ? 1 : 0;
    if (const auto text = json::text(json::find(value, "/int64Value"))) {
        double number = 0;
        const char* end = text->data() + text->size();
        const auto [stopped, problem] = std::from_chars(text->data(), end, number);
        if (problem == std::errc() && stopped == end) return number;
    }
    return refuse("Google: a value is not a number: aggregate it in the query");
}

std::string name_of(const json::Value& series) {
    std::string name;
    const json::Array* labels = json::array(json::find(series, "/labelValues"));
    if (labels == nullptr) return name;
    for (const json::Value& label : *labels) {
        if (!name.empty()) name += ",";
        name += json::text(json::find(label, "/stringValue")).value_or("");
    }
    return name;
}

// What a key file says, without the key.
std::string project_of_key(const std::string& key) {
    const auto read = json::parse(key);
    return read ? std::string(json::text(json::find(*read, "/project_id")).value_or("")) : "";
}

// The parts of a key file that must not be seen.
std::vector<std::string> confidential(const std::string& key) {
    std::vector<std::string> secrets;
    if (const auto read = json::parse(key)) {
        if (const auto pem = json::text(json::find(*read, "/private_key")))
            secrets.emplace_back(*pem);
    }
    return secrets;
}

}  // namespace

Result<> GoogleMonitoringSource::check(const json::Object& config) const {
    SERIN_TRY_DO(check_fields(config, {"query", "project", "secretRef"}));
    if (text_field(config, "query").empty()) return refuse("query: missing");
    return check_secret_ref(config);
}

Result<Question> GoogleMonitoringSource::ask(const MetricQuery& query) const {
    SERIN_TRY_DO(check(query.config));
    SecretValues secret;
    auto read = credentials_.secret_of(query.config, query.ns, secret_name);
    if (read) {
        secret = *std::move(read);
    } else if (read.error().kind != ErrorKind::not_found || query.config.contains("secretRef")) {
        return std::unexpected(std::move(read).error());
    }
    const std::string key = value_at(secret, "serviceAccountKey");
    GoogleTarget target{
        .address = without_slash(value_at(secret, "address")),
        .project = text_field(query.config, "project"),
        .query = text_field(query.config, "query")};
    if (target.address.empty()) target.address = "https://monitoring.googleapis.com";
    SERIN_TRY_DO(check_url("address", target.address));
    if (target.project.empty()) target.project = value_at(secret, "project");
    if (target.project.empty()) target.project = project_of_key(key);
    if (target.project.empty()) return refuse("project: missing, here and as a key of the secret");

    Question question{.secrets = confidential(key)};
    if (key.empty()) {
        question.request =
            metadata_request(credentials_.variable("GCE_METADATA_HOST").value_or(""));
    } else {
        SERIN_TRY(question.request, google_token_request(key, query.now));
        const std::string& form = question.request.body;
        question.secrets.push_back(form.substr(form.rfind('=') + 1));
    }
    question.then = [target](const HttpResponse& response) -> Result<Question> {
        SERIN_TRY(const std::string token, read_token(response));
        return Question{
            .request = google_monitoring_request(target, token),
            .read = read_google_monitoring_answer,
            .secrets = {token}};
    };
    return question;
}

Result<HttpRequest> google_token_request(const std::string& service_account_key, Instant now) {
    const auto key = json::parse(service_account_key);
    if (!key) return refuse("serviceAccountKey: is not JSON");
    const auto field = [&key](const char* at) {
        return std::string(json::text(json::find(*key, at)).value_or(""));
    };
    const std::string who = field("/client_email");
    const std::string pem = field("/private_key");
    std::string address = field("/token_uri");
    if (address.empty()) address = "https://oauth2.googleapis.com/token";
    if (who.empty() || pem.empty())
        return refuse("serviceAccountKey: lacks client_email or private_key");
    SERIN_TRY_DO(check_url("serviceAccountKey: token_uri", address));
    json::Object header{{"alg", "RS256"}, {"typ", "JWT"}};
    if (const std::string id = field("/private_key_id"); !id.empty())
        header["kid"] = json::string(id);
    const std::int64_t issued = unix_seconds(now);
    const json::Object claims{
        {"iss", json::string(who)},
        {"scope", "https://www.googleapis.com/auth/monitoring.read"},
        {"aud", json::string(address)},
        {"iat", issued},
        {"exp", issued + 3600}};
    const std::string text =
        encode_base64_url(json::print(header)) + "." + encode_base64_url(json::print(claims));
    auto signature = sign_rs256(pem, text);
    if (!signature)
        return std::unexpected(std::move(signature).error().within("serviceAccountKey"));
    HttpRequest request{.method = "POST", .url = address};
    request.timeout = timeout;
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    request.body = fmt::format(
        "grant_type={}&assertion={}.{}",
        escape_form("urn:ietf:params:oauth:grant-type:jwt-bearer"),
        text,
        encode_base64_url(*signature));
    return request;
}

HttpRequest google_monitoring_request(const GoogleTarget& target, const std::string& token) {
    HttpRequest request{
        .method = "POST",
        .url = fmt::format(
            "{}/v3/projects/{}/timeSeries:query", target.address, escape_form(target.project))};
    request.timeout = timeout;
    request.headers = {{"Authorization", "Bearer " + token}, {"Content-Type", "application/json"}};
    request.body = json::print(json::Object{{"query", json::string(target.query)}});
    return request;
}

Result<MetricSample> read_google_monitoring_answer(const HttpResponse& response) {
    if (response.status != 200) return std::unexpected(status_error(response));
    const auto body = json::parse(response.body);
    if (!body) return refuse(fmt::format("Google: {}", body.error().message));
    if (!body->is_object()) return refuse("Google: the answer is not an object");
    const json::Array* errors = json::array(json::find(*body, "/partialErrors"));
    if (errors != nullptr && !errors->empty()) {
        const auto words = json::text(json::find(errors->front(), "/message"));
        return refuse(fmt::format(
            "Google: the answer is not complete: {}", excerpt(words.value_or("no reason given"))));
    }
    std::vector<NamedNumber> series;
    const json::Value* listed = json::find(*body, "/timeSeriesData");
    if (listed != nullptr && !listed->is_array())
        return refuse("Google: timeSeriesData is not a list");
    for (const json::Value& one : listed == nullptr ? json::Array() : listed->get_array()) {
        const json::Value* points = json::find(one, "/pointData");
        if (points != nullptr && !points->is_array())
            return refuse("Google: pointData is not a list");
        if (points == nullptr || points->get_array().empty()) continue;
        const json::Value* value = json::find(points->get_array().front(), "/values/0");
        if (value == nullptr) return refuse("Google: a point without values");
        SERIN_TRY(const double number, read_point(*value));
        series.push_back({.name = name_of(one), .value = number});
    }
    return series_result(std::move(series));
}

}  // namespace serin::metrics
