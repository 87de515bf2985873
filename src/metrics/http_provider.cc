#include "metrics/http_provider.h"

#include "base/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace serin::metrics {

namespace {

constexpr std::string_view hidden = "*****";

// A chain that does not end is a mistake of ours; no provider needs more.
constexpr std::size_t questions_max = 4;

void hide_in(std::map<std::string, std::string>& texts, const std::vector<std::string>& secrets) {
    for (auto& [name, text] : texts) text = hide(std::move(text), secrets);
}

// Strings of a result reach conditions, and from there messages.
void hide_in(json::Value& value, const std::vector<std::string>& secrets) {
    if (value.is_object()) {
        for (auto& member : value.get_object()) hide_in(member.value(), secrets);
    } else if (value.is_array()) {
        for (json::Value& item : value.get_array()) hide_in(item, secrets);
    } else if (const auto text = json::text(&value)) {
        value = json::string(hide(std::string(*text), secrets));
    }
}

class Asking : public MetricSource::Measurement {
public:
    Asking(HttpClient& client, Question question, MetricSource::Done done)
        : client_(client), question_(std::move(question)), done_(std::move(done)) {
        send();
    }

private:
    void send() {
        question_.request.body_bytes_max = answer_bytes_max;
        // Those that have answered stay: one may be what is calling.
        calls_.push_back(client_.send(
            std::move(question_.request),
            [this](const Result<HttpResponse>& answer) { take(answer); }));
    }

    void take(const Result<HttpResponse>& answer) {
        if (!answer) return end(std::unexpected(answer.error()));
        if (question_.read) return end(question_.read(*answer));
        auto next = question_.then(*answer);
        if (!next) return end(std::unexpected(std::move(next).error()));
        if (calls_.size() >= questions_max)
            return end(fail(ErrorKind::internal, "the provider asks for ever"));
        std::vector<std::string> secrets = std::move(question_.secrets);
        question_ = *std::move(next);
        std::ranges::move(secrets, std::back_inserter(question_.secrets));
        send();
    }

    // May end this object, so nothing follows the call of done.
    void end(Result<MetricSample> sample) {
        const std::vector<std::string>& secrets = question_.secrets;
        if (!sample) {
            sample.error().message = hide(std::move(sample.error().message), secrets);
        } else if (!secrets.empty()) {
            sample->value = hide(std::move(sample->value), secrets);
            sample->summary = hide(std::move(sample->summary), secrets);
            hide_in(sample->metadata, secrets);
            hide_in(sample->metric_metadata, secrets);
            hide_in(sample->result, secrets);
        }
        const MetricSource::Done done = std::move(done_);
        done(std::move(sample));
    }

    HttpClient& client_;
    Question question_;
    MetricSource::Done done_;
    std::vector<std::unique_ptr<HttpClient::Call>> calls_;
};

}  // namespace

std::unique_ptr<MetricSource::Measurement> HttpProvider::measure(MetricQuery query, Done done) {
    auto question = ask(query);
    if (!question) {
        done(std::unexpected(std::move(question).error()));
        return nullptr;
    }
    return std::make_unique<Asking>(client_, *std::move(question), std::move(done));
}

std::string hide(std::string text, const std::vector<std::string>& secrets) {
    for (const std::string& secret : secrets) {
        if (secret.empty()) continue;
        for (auto at = text.find(secret); at != std::string::npos;
             at = text.find(secret, at + hidden.size())) {
            text.replace(at, secret.size(), hidden);
        }
    }
    return text;
}

std::string excerpt(std::string_view body) {
    constexpr std::size_t bytes_max = 300;
    std::string text = repair_utf8(body.substr(0, bytes_max + 4));
    text = cut_utf8(text, bytes_max);
    for (char& letter : text) {
        if (static_cast<unsigned char>(letter) < ' ') letter = ' ';
    }
    while (text.ends_with(' ')) text.pop_back();
    return body.size() > bytes_max ? text + "..." : text;
}

Error status_error(const HttpResponse& response) {
    std::string message = fmt::format("received non 2xx response code: {}", response.status);
    for (const auto& [name, value] : response.headers) {
        const bool is_number = !value.empty() && value.size() < 8 &&
                               value.find_first_not_of("0123456789") == std::string::npos;
        if (name == "retry-after" && is_number)
            message += fmt::format(" (retry after {} s)", value);
    }
    if (const std::string body = excerpt(response.body); !body.empty()) message += " " + body;
    const bool may_pass = response.status == 429 || response.status / 100 == 5;
    return {may_pass ? ErrorKind::unavailable : ErrorKind::invalid, std::move(message)};
}

Result<> check_fields(const json::Object& config, std::initializer_list<std::string_view> known) {
    for (const auto& member : config) {
        const std::string_view name = member.key();
        if (std::ranges::find(known, name) == known.end())
            return fail(ErrorKind::invalid, fmt::format("{}: unknown field", name));
    }
    return {};
}

std::string text_field(const json::Object& config, std::string_view field) {
    return std::string(json::text(config.if_contains(field)).value_or(""));
}

Result<Duration> read_window(
    const json::Object& config, std::string_view field, Duration otherwise) {
    const std::string text = text_field(config, field);
    if (text.empty()) return otherwise;
    const auto window = parse_duration(text);
    if (!window || *window <= Duration(0)) {
        return fail(ErrorKind::invalid, fmt::format("{}: expected a duration such as 5m", field));
    }
    return *window;
}

std::string without_slash(std::string url) {
    while (url.ends_with('/')) url.pop_back();
    return url;
}

std::int64_t unix_seconds(Instant at) {
    return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

std::int64_t unix_milliseconds(Instant at) {
    return at.time_since_epoch().count();
}

}  // namespace serin::metrics
