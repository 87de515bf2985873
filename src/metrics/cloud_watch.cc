#include "metrics/cloud_watch.h"

#include "metrics/aws_identity.h"
#include "metrics/go_numbers.h"
#include "metrics/http_fields.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <utility>

namespace serin::metrics {

namespace {

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorKind::invalid, std::move(message));
}

// Periods may be written as text, since arguments fill in text.
Result<> put_period(json::Object& out, const json::Object& given, const std::string& at) {
    const json::Value* value = given.if_contains("period");
    if (value == nullptr) return {};
    auto period = json::integer(value);
    if (const auto text = json::text(value)) {
        std::int64_t number = 0;
        const char* end = text->data() + text->size();
        const auto [stopped, problem] = std::from_chars(text->data(), end, number);
        if (problem == std::errc() && stopped == end) period = number;
    }
    if (!period || *period <= 0) return refuse(at + ".period: expected seconds");
    out["Period"] = *period;
    return {};
}

void put_text(
    json::Object& out, std::string_view name, const json::Object& given, std::string_view field) {
    const auto text = json::text(given.if_contains(field));
    if (text && !text->empty()) out[name] = json::string(*text);
}

Result<json::Object> metric_stat(const json::Object& given, const std::string& at) {
    SERIN_TRY_DO(check_fields(given, {"metric", "period", "stat", "unit"}));
    const json::Object* metric = json::object(given.if_contains("metric"));
    if (metric == nullptr) return refuse(at + ".metric: missing");
    SERIN_TRY_DO(check_fields(*metric, {"dimensions", "metricName", "namespace"}));
    json::Object out_metric;
    put_text(out_metric, "Namespace", *metric, "namespace");
    put_text(out_metric, "MetricName", *metric, "metricName");
    if (const json::Array* dimensions = json::array(metric->if_contains("dimensions"))) {
        json::Array out;
        for (const json::Value& dimension : *dimensions) {
            const auto name = json::text(json::find(dimension, "/name"));
            const auto value = json::text(json::find(dimension, "/value"));
            if (!name || !value)
                return refuse(at + ".metric.dimensions: each needs name and value");
            out.push_back(
                json::Object{{"Name", json::string(*name)}, {"Value", json::string(*value)}});
        }
        out_metric["Dimensions"] = std::move(out);
    }
    json::Object out{{"Metric", std::move(out_metric)}};
    SERIN_TRY_DO(put_period(out, given, at));
    if (!out.contains("Period")) return refuse(at + ".period: missing");
    put_text(out, "Stat", given, "stat");
    put_text(out, "Unit", given, "unit");
    return out;
}

Result<json::Object> data_query(const json::Value& value, const std::string& at) {
    const json::Object* given = json::object(&value);
    if (given == nullptr) return refuse(at + ": is not an object");
    if (auto known = check_fields(
            *given, {"id", "expression", "label", "metricStat", "period", "returnData"});
        !known)
        return std::unexpected(std::move(known).error().within(at));
    json::Object out;
    put_text(out, "Id", *given, "id");
    if (!out.contains("Id")) return refuse(at + ".id: missing");
    put_text(out, "Expression", *given, "expression");
    put_text(out, "Label", *given, "label");
    if (const json::Object* stat = json::object(given->if_contains("metricStat"))) {
        SERIN_TRY(json::Object read, metric_stat(*stat, at + ".metricStat"));
        out["MetricStat"] = std::move(read);
    }
    if (out.contains("Expression") == out.contains("MetricStat"))
        return refuse(at + ": needs expression or metricStat, and not both");
    SERIN_TRY_DO(put_period(out, *given, at));
    if (const auto returned = json::boolean(given->if_contains("returnData")))
        out["ReturnData"] = *returned;
    return out;
}

Result<json::Array> data_queries(const json::Object& config) {
    const json::Array* given = json::array(config.if_contains("metricDataQueries"));
    if (given == nullptr || given->empty()) return refuse("metricDataQueries: missing");
    json::Array out;
    for (std::size_t i = 0; i < given->size(); ++i) {
        SERIN_TRY(
            json::Object query, data_query((*given)[i], fmt::format("metricDataQueries[{}]", i)));
        out.push_back(std::move(query));
    }
    return out;
}

// "https://monitoring.eu-central-1.amazonaws.com"
Result<std::string> endpoint_of(const AwsIdentity& account) {
    if (!account.endpoint.empty()) {
        SERIN_TRY_DO(check_url("endpoint", account.endpoint));
        return without_slash(account.endpoint);
    }
    const bool is_region = !account.region.empty() &&
                           account.region.find_first_not_of(
                               "abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
    if (!is_region)
        return refuse("the AWS region is not known: set AWS_REGION, or region in the secret");
    const bool is_china = account.region.starts_with("cn-");
    return fmt::format(
        "https://monitoring.{}.amazonaws.com{}", account.region, is_china ? ".cn" : "");
}

// {"__type": "com.amazonaws...#Throttling", "message": "Rate exceeded"}
Error read_refusal(const HttpResponse& response) {
    const auto body = json::parse(response.body);
    if (!body) return status_error(response);
    std::string_view type = json::text(json::find(*body, "/__type")).value_or("");
    if (const auto mark = type.rfind('#'); mark != std::string_view::npos)
        type.remove_prefix(mark + 1);
    auto words = json::text(json::find(*body, "/message"));
    if (!words) words = json::text(json::find(*body, "/Message"));
    if (type.empty()) return status_error(response);
    const bool may_pass =
        response.status / 100 == 5 || response.status == 429 || type.contains("Throttl");
    return {
        may_pass ? ErrorKind::unavailable : ErrorKind::invalid,
        fmt::format(
            "CloudWatch refused ({}): {}: {}",
            response.status,
            type,
            excerpt(words.value_or("no reason given")))};
}

Result<json::Value> read_times(const json::Value& series) {
    json::Array times;
    const json::Value* given = json::find(series, "/Timestamps");
    if (given == nullptr || given->is_null()) return json::Value(std::move(times));
    if (!given->is_array()) return refuse("CloudWatch: Timestamps is not a list");
    for (const json::Value& time : given->get_array()) {
        const auto seconds = json::number(&time);
        const bool is_time = seconds && std::abs(*seconds) < 1e11;
        if (!is_time) return refuse("CloudWatch: a timestamp is not a number of seconds");
        times.push_back(
            json::string(format_time(Instant(Duration(std::llround(*seconds * 1000))))));
    }
    return json::Value(std::move(times));
}

Result<json::Object> read_series(const json::Value& series) {
    if (!series.is_object()) return refuse("CloudWatch: a result is not an object");
    SERIN_TRY(json::Value times, read_times(series));
    json::Array numbers;
    const json::Value* values = json::find(series, "/Values");
    if (values != nullptr && !values->is_null()) {
        if (!values->is_array()) return refuse("CloudWatch: Values is not a list");
        for (const json::Value& value : values->get_array()) {
            const auto number = json::number(&value);
            if (!number) return refuse("CloudWatch: a value is not a number");
            numbers.emplace_back(*number);
        }
    }
    json::Object out;
    for (const char* name : {"Id", "Label", "StatusCode"})
        out[name] =
            json::string(json::text(json::find(series, std::string("/") + name)).value_or(""));
    out["Timestamps"] = std::move(times);
    out["Values"] = std::move(numbers);
    return out;
}

Result<Question> cloud_watch_question(
    const MetricQuery& query, AwsIdentity identity, const AwsKeys& keys) {
    identity.keys = keys;
    SERIN_TRY(HttpRequest request, cloud_watch_request(query.config, identity, query.now));
    return Question{.request = std::move(request), .read = read_cloud_watch_answer};
}

void tell_messages(const json::Value& body, std::map<std::string, std::string>& metadata) {
    const json::Array* messages = json::array(json::find(body, "/Messages"));
    if (messages == nullptr || messages->empty()) return;
    std::string& told = metadata["messages"];
    for (const json::Value& message : *messages) {
        if (!told.empty()) told += "; ";
        told += fmt::format(
            "{}: {}",
            json::text(json::find(message, "/Code")).value_or(""),
            json::text(json::find(message, "/Value")).value_or(""));
    }
    told = excerpt(told);
}

}  // namespace

Result<> CloudWatchSource::check(const json::Object& config) const {
    SERIN_TRY_DO(check_fields(config, {"interval", "metricDataQueries"}));
    SERIN_TRY_DO(read_window(config, "interval", {}));
    SERIN_TRY_DO(data_queries(config));
    return {};
}

Result<Question> CloudWatchSource::ask(const MetricQuery& query) const {
    SERIN_TRY_DO(check(query.config));
    SERIN_TRY(const AwsIdentity identity, aws_identity(credentials_, ""));
    return with_aws_keys(
        credentials_, identity, "", query.now, [query, identity](const AwsKeys& keys) {
            return cloud_watch_question(query, identity, keys);
        });
}

Result<HttpRequest> cloud_watch_request(
    const json::Object& config, const AwsIdentity& account, Instant now) {
    SERIN_TRY(const std::string endpoint, endpoint_of(account));
    SERIN_TRY(const Duration window, read_window(config, "interval", std::chrono::minutes(5)));
    SERIN_TRY(json::Array queries, data_queries(config));
    HttpRequest request{.method = "POST", .url = endpoint + "/"};
    request.timeout = std::chrono::seconds(30);
    request.headers = {
        {"Content-Type", "application/x-amz-json-1.0"},
        {"X-Amz-Target", "GraniteServiceVersion20100801.GetMetricData"}};
    request.body = json::print(json::Object{
        {"StartTime", unix_seconds(now - window)},
        {"EndTime", unix_seconds(now)},
        {"MetricDataQueries", std::move(queries)}});
    const std::string region = account.region.empty() ? "us-east-1" : account.region;
    sign_v4(request, account.keys, {.region = region, .service = "monitoring"}, now);
    return request;
}

Result<MetricSample> read_cloud_watch_answer(const HttpResponse& response) {
    if (response.status != 200) return std::unexpected(read_refusal(response));
    const auto body = json::parse(response.body);
    if (!body) return refuse(fmt::format("CloudWatch: {}", body.error().message));
    const json::Array* results = json::array(json::find(*body, "/MetricDataResults"));
    if (results == nullptr) return refuse("CloudWatch: the answer has no MetricDataResults");
    MetricSample sample;
    json::Array all;
    for (const json::Value& result : *results) {
        SERIN_TRY(json::Object series, read_series(result));
        std::string values;
        for (const json::Value& value : series["Values"].get_array())
            values += (values.empty() ? "" : " ") + short_number(value.get_double());
        sample.value += (sample.value.empty() ? "[" : " [") + values + "]";
        all.push_back(std::move(series));
    }
    sample.value = "[" + sample.value + "]";
    sample.result = std::move(all);
    tell_messages(*body, sample.metadata);
    return sample;
}

}  // namespace serin::metrics
