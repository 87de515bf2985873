#include "metrics/splunk.h"

#include "metrics/http_fields.h"
#include "metrics/series_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace serin::metrics {

namespace {

std::unexpected<Error> refuse(std::string message) {
    return fail(ErrorKind::invalid, std::move(message));
}

// Users have the address of the API, or that of the stream, of web sockets too:
// "wss://stream.eu0.signalfx.com" -> "https://stream.eu0.signalfx.com".
std::string stream_address(std::string address) {
    address = without_slash(std::move(address));
    if (address.starts_with("wss://")) address.replace(0, 3, "https");
    if (address.starts_with("ws://")) address.replace(0, 2, "http");
    constexpr std::string_view api = "://api.";
    if (const auto at = address.find(api); at != std::string::npos)
        address.replace(at, api.size(), "://stream.");
    return address;
}

struct Event {
    std::string kind;
    std::string data;
};

// Server-sent events, as far as SignalFlow uses them.
std::vector<Event> events_of(std::string_view text) {
    std::vector<Event> events;
    Event event;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) {
            if (!event.data.empty()) events.push_back(std::exchange(event, {}));
            continue;
        }
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        std::string_view value = line.substr(colon + 1);
        if (value.starts_with(' ')) value.remove_prefix(1);
        if (line.substr(0, colon) == "event") event.kind = value;
        if (line.substr(0, colon) == "data") {
            event.data += value;
            event.data += '\n';
        }
    }
    if (!event.data.empty()) events.push_back(std::move(event));
    return events;
}

std::string words_of(const json::Value& data) {
    for (const char* at : {"/message", "/abortInfo/sf_job_abortReason", "/errors/0/code"}) {
        const auto text = json::text(json::find(data, at));
        if (text && !text->empty()) return excerpt(*text);
    }
    return excerpt(json::print(data));
}

// The last values by time series, in the order in which these were first seen.
class Computation {
public:
    Result<> take(const Event& event) {
        const auto data = json::parse(event.data);
        if (!data) return refuse(fmt::format("Splunk: {}", data.error().message));
        if (event.kind == "error") return refuse("Splunk: " + words_of(*data));
        const bool is_aborted = json::text(json::find(*data, "/event")) == "CHANNEL_ABORT";
        if (is_aborted) return refuse("Splunk: the computation was aborted: " + words_of(*data));
        if (event.kind != "data") return {};
        const json::Array* points = json::array(json::find(*data, "/data"));
        if (points == nullptr) return refuse("Splunk: a data message without data");
        for (const json::Value& point : *points) {
            const auto id = json::text(json::find(point, "/tsId"));
            const json::Value* value = json::find(point, "/value");
            if (!id) return refuse("Splunk: a value without its time series");
            if (value == nullptr || value->is_null()) continue;
            const auto number = json::number(value);
            if (!number) return refuse("Splunk: a value is not a number");
            const auto [at, is_new] = places_.try_emplace(std::string(*id), series_.size());
            if (is_new) series_.push_back({.name = std::string(*id), .value = 0});
            series_[at->second].value = *number;
        }
        return {};
    }
    std::vector<NamedNumber> series() && { return std::move(series_); }

private:
    std::map<std::string, std::size_t> places_;
    std::vector<NamedNumber> series_;
};

}  // namespace

Result<> SplunkSource::check(const json::Object& config) const {
    SERIN_TRY_DO(check_fields(config, {"query", "interval", "secretRef"}));
    if (text_field(config, "query").empty()) return refuse("query: missing");
    SERIN_TRY_DO(read_window(config, "interval", {}));
    return check_secret_ref(config);
}

Result<Question> SplunkSource::ask(const MetricQuery& query) const {
    SERIN_TRY_DO(check(query.config));
    SERIN_TRY(const SecretValues secret, credentials_.secret_of(query.config, query.ns, "splunk"));
    SERIN_TRY(HttpRequest request, splunk_request(query.config, secret, query.now));
    return Question{
        .request = std::move(request),
        .read = read_splunk_answer,
        .secrets = {value_at(secret, "sf_token_key")}};
}

Result<HttpRequest> splunk_request(
    const json::Object& config, const SecretValues& secret, Instant now) {
    const std::string token = value_at(secret, "sf_token_key");
    const std::string address = stream_address(value_at(secret, "address"));
    if (token.empty() || address.empty())
        return refuse("the secret of Splunk needs the keys sf_token_key and address");
    SERIN_TRY_DO(check_url("address", address));
    SERIN_TRY(const Duration window, read_window(config, "interval", std::chrono::minutes(5)));
    // With an end that is past, and at once, the computation ends by itself.
    HttpRequest request{
        .method = "POST",
        .url = fmt::format(
            "{}/v2/signalflow/execute?immediate=true&start={}&stop={}",
            address,
            unix_milliseconds(now - window),
            unix_milliseconds(now))};
    request.timeout = std::chrono::seconds(15);
    request.headers = {
        {"X-SF-Token", token}, {"Content-Type", "text/plain"}, {"Accept", "text/event-stream"}};
    request.body = text_field(config, "query");
    return request;
}

Result<MetricSample> read_splunk_answer(const HttpResponse& response) {
    if (response.status != 200) return std::unexpected(status_error(response));
    const std::vector<Event> events = events_of(response.body);
    if (events.empty()) return refuse("Splunk: the answer is not a stream of events");
    Computation computation;
    for (const Event& event : events) SERIN_TRY_DO(computation.take(event));
    return series_result(std::move(computation).series());
}

}  // namespace serin::metrics
