#include "metrics/http_provider.h"

#include "base/redaction.h"
#include "base/utf8.h"
#include "metrics/redirect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <utility>

namespace serin::metrics {

namespace {

// A chain that does not end is a mistake of ours; no provider needs more.
constexpr std::size_t questions_max = 8;

// As Go's client, which Argo Rollouts asks with.
constexpr int redirects_max = 10;

void hide_in(std::map<std::string, std::string>& texts, const Redaction& redaction) {
    for (auto& [name, text] : texts) text = redaction.hide(std::move(text));
}

// Strings of a result reach conditions, and from there messages.
void hide_in(json::Value& value, const Redaction& redaction) {
    if (value.is_object()) {
        for (auto& member : value.get_object()) hide_in(member.value(), redaction);
    } else if (value.is_array()) {
        for (json::Value& item : value.get_array()) hide_in(item, redaction);
    } else if (const auto text = json::text(&value)) {
        value = json::string(redaction.hide(std::string(*text)));
    }
}

void hide_in(Result<MetricSample>& sample, const Redaction& redaction) {
    if (redaction.is_empty()) return;
    if (!sample) {
        sample.error().message = redaction.hide(std::move(sample.error().message));
        return;
    }
    sample->value = redaction.hide(std::move(sample->value));
    sample->summary = redaction.hide(std::move(sample->summary));
    sample->no_data_reason = redaction.hide(std::move(sample->no_data_reason));
    hide_in(sample->metadata, redaction);
    hide_in(sample->metric_metadata, redaction);
    hide_in(sample->result, redaction);
    for (MetricSeries& series : sample->series) hide_in(series.labels, redaction);
}

class Asking : public MetricSource::Measurement {
public:
    Asking(HttpClient& client, Question question, MetricSource::Done done)
        : client_(client), done_(std::move(done)) {
        ask(std::move(question));
    }

private:
    void ask(Question question) {
        question_ = std::move(question);
        std::ranges::copy(question_.secrets, std::back_inserter(secrets_));
        ++questions_;
        redirects_ = 0;
        question_.request.body_bytes_max = answer_bytes_max;
        send();
    }

    void send() {
        // Those that have answered stay: one may be what is calling.
        calls_.push_back(
            client_.send(question_.request, [this](const Result<HttpResponse>& answer) {
                if (!answer) return end(std::unexpected(told(answer.error())));
                take(*answer);
            }));
    }

    Error told(Error error) const {
        if (question_.attempt.empty()) return error;
        return std::move(error).within(question_.attempt);
    }

    void take(const HttpResponse& answer) {
        auto redirected = redirect_of(question_.request, answer);
        if (!redirected) return end(std::unexpected(told(std::move(redirected).error())));
        if (*redirected) {
            if (++redirects_ > redirects_max)
                return end(fail(ErrorKind::invalid, "the server redirects for ever"));
            question_.request.url = **std::move(redirected);
            return send();
        }
        if (question_.instead) {
            if (auto other = question_.instead(answer)) return go_on(*std::move(other));
        }
        if (question_.read) return end(question_.read(answer));
        go_on(question_.then(answer));
    }

    void go_on(Result<Question> next) {
        if (!next) return end(std::unexpected(std::move(next).error()));
        if (questions_ >= questions_max)
            return end(fail(ErrorKind::internal, "the provider asks for ever"));
        ask(*std::move(next));
    }

    // May end this object, so nothing follows the call of done.
    void end(Result<MetricSample> sample) {
        hide_in(sample, Redaction(secrets_));
        const MetricSource::Done done = std::move(done_);
        done(std::move(sample));
    }

    HttpClient& client_;
    Question question_;
    MetricSource::Done done_;
    std::vector<std::string> secrets_;  // Of all questions so far.
    std::size_t questions_ = 0;
    int redirects_ = 0;
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

std::string words_of(const HttpResponse& response) {
    std::string words;
    for (const auto& [name, value] : response.headers) {
        const bool is_number = !value.empty() && value.size() < 8 &&
                               value.find_first_not_of("0123456789") == std::string::npos;
        if (name == "retry-after" && is_number) words += fmt::format(" (retry after {} s)", value);
    }
    if (const std::string body = excerpt(response.body); !body.empty()) words += " " + body;
    return words;
}

Error status_error(const HttpResponse& response) {
    const bool may_pass = response.status == 429 || response.status / 100 == 5;
    return {
        may_pass ? ErrorKind::unavailable : ErrorKind::invalid,
        fmt::format("received non 2xx response code: {}{}", response.status, words_of(response))};
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
