#pragma once

#include "base/json.h"
#include "base/result.h"
#include "ports/http_client.h"
#include "ports/metric_source.h"

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What providers that are asked over HTTP have in common.

namespace serin::metrics {

// A request, and what becomes of its answer.
struct Question {
    HttpRequest request;
    // Reads the answer, whatever its status.
    std::function<Result<MetricSample>(const HttpResponse&)> read;
    // Instead of `read`: the answer is needed to ask what is really asked, as a token is.
    std::function<Result<Question>(const HttpResponse&)> then;
    // Before both, for a server that wants to be asked in another way: empty when this one was
    // well.
    std::function<std::optional<Question>(const HttpResponse&)> instead;
    // Never to be seen: replaced by "*****" in whatever the answer or a failure says, of this
    // question and those that follow.
    std::vector<std::string> secrets;
    std::string attempt;  // What it is about when nobody answers: "could not get a token".
};

// A source whose measurement is one question, or a short chain of them. Nothing is repeated here: a
// measurement that failed is measured again by whoever asked for it. Redirects are followed as
// metrics/redirect.h has it.
class HttpProvider : public MetricSource {
public:
    // The client outlives the source.
    explicit HttpProvider(HttpClient& client) : client_(client) {}

    [[nodiscard]] std::unique_ptr<Measurement> measure(MetricQuery query, Done done) final;

protected:
    virtual Result<Question> ask(const MetricQuery& query) const = 0;

private:
    HttpClient& client_;
};

// A larger answer is an error: what a condition can judge is far smaller.
inline constexpr std::int64_t answer_bytes_max = 4 << 20;

// The beginning of a body as a message may show it: one line, at most 300 bytes.
std::string excerpt(std::string_view body);

// What a server says beside its status: " (retry after 30 s) {...}".
std::string words_of(const HttpResponse& response);

// "received non 2xx response code: 429 (retry after 30 s) {...}"
Error status_error(const HttpResponse& response);

// `invalid` names the first field that is not one of these.
Result<> check_fields(const json::Object& config, std::initializer_list<std::string_view> known);

std::string text_field(const json::Object& config, std::string_view field);

// A Go duration; `otherwise` when absent or empty. `invalid` also for one that is not positive.
Result<Duration> read_window(
    const json::Object& config, std::string_view field, Duration otherwise);

// A URL without the slashes at its end.
std::string without_slash(std::string url);

// Seconds and milliseconds since 1970.
std::int64_t unix_seconds(Instant at);
std::int64_t unix_milliseconds(Instant at);

}  // namespace serin::metrics
