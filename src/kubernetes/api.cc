#include "kubernetes/api.h"

#include "net/monotonic.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

namespace serin::kubernetes {

namespace {

constexpr Duration token_lasts{60'000};
constexpr Duration patience_most{30'000};
constexpr std::int64_t list_bytes_max = std::int64_t{1} << 30;

std::optional<std::string_view> header_of(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
        if (key == name) return value;
    }
    return std::nullopt;
}

ErrorKind kind_of(int status, std::string_view reason) {
    switch (status) {
        case 401:
        case 403:
            return ErrorKind::denied;
        case 404:
            return ErrorKind::not_found;
        case 409:
            return reason == "AlreadyExists" ? ErrorKind::exists : ErrorKind::conflict;
        case 410:
            return ErrorKind::gone;
        case 408:
        case 429:
            return ErrorKind::unavailable;
        default:
            return status >= 500 ? ErrorKind::unavailable : ErrorKind::invalid;
    }
}

// Hands over whole lines; a line may come in pieces.
class Lines {
public:
    explicit Lines(Api::OnLine on_line) : on_line_(std::move(on_line)) {}

    void take(std::string_view piece) {
        while (true) {
            const auto end = piece.find('\n');
            rest_ += piece.substr(0, end);
            if (end == piece.npos) return;
            piece.remove_prefix(end + 1);
            const std::string line = std::exchange(rest_, "");
            if (!line.empty()) on_line_(line);
        }
    }

private:
    Api::OnLine on_line_;
    std::string rest_;
};

}  // namespace

Error error_of(const HttpResponse& response) {
    std::string message = fmt::format("the API answered with status {}", response.status);
    std::string_view reason;
    const auto body = json::parse(response.body);
    if (body) {
        reason = json::text(json::find(*body, "/reason")).value_or("");
        if (const auto said = json::text(json::find(*body, "/message")); said && !said->empty()) {
            message = *said;
        }
    }
    return {kind_of(response.status, reason), std::move(message)};
}

Api::Api(EventLoop& loop, HttpClient& http, ClusterConfig config)
    : loop_(loop), http_(http), config_(std::move(config)) {}

std::string Api::token() {
    if (config_.token_file.empty()) return config_.token;
    const Duration now = net::monotonic_now();
    if (token_read_.count() >= 0 && now - token_read_ < token_lasts) return config_.token;
    std::ifstream file(config_.token_file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    // One that cannot be read now is not forgotten: it may be in the middle of being replaced.
    if (!text.empty()) config_.token = std::move(text);
    token_read_ = now;
    return config_.token;
}

HttpRequest Api::request(std::string_view method, const std::string& path) {
    HttpRequest request;
    request.method = method;
    request.url = config_.server + path;
    request.verify_peer = config_.verify_peer;
    request.ca_pem = config_.ca_pem;
    request.certificate_pem = config_.certificate_pem;
    request.key_pem = config_.key_pem;
    request.headers = {{"Accept", "application/json"}, {"User-Agent", "serin"}};
    if (const std::string bearer = token(); !bearer.empty()) {
        request.headers.emplace_back("Authorization", "Bearer " + bearer);
    }
    return request;
}

void Api::note_patience(const HttpResponse& response) {
    if (response.status != 429 && response.status != 503) return;
    const auto asked = header_of(response, "retry-after");
    if (!asked) return;
    std::int64_t seconds = 0;
    std::from_chars(asked->data(), asked->data() + asked->size(), seconds);
    const Duration wait =
        std::min(patience_most, Duration(std::max<std::int64_t>(seconds, 0) * 1000));
    patience_until_ = net::monotonic_now() + wait;
}

Duration Api::patience() const {
    return std::max(patience_until_ - net::monotonic_now(), Duration(0));
}

Result<json::Value> Api::call(const Call& call) {
    if (const Duration left = patience(); left > Duration(0) && !call.is_urgent) {
        return fail(
            ErrorKind::unavailable,
            fmt::format("the API has asked to be left alone for {} more", format_duration(left)));
    }
    HttpRequest wanted = request(call.method, call.path);
    wanted.timeout = call.timeout;
    wanted.body_bytes_max = list_bytes_max;
    if (!call.body.is_null()) {
        wanted.headers.emplace_back("Content-Type", call.content_type);
        wanted.body = json::print(call.body);
    }
    SERIN_TRY(const HttpResponse response, blocking_.exchange(std::move(wanted)));
    if (response.status >= 300) {
        note_patience(response);
        return std::unexpected(error_of(response));
    }
    return json::parse(response.body);
}

std::unique_ptr<HttpClient::Call> Api::stream(
    const std::string& path, Duration timeout, OnLine on_line, Done done) {
    HttpRequest wanted = request("GET", path);
    wanted.timeout = timeout;
    wanted.body_bytes_max = list_bytes_max;
    if (on_line) {
        wanted.on_body = [lines = std::make_shared<Lines>(std::move(on_line))](
                             std::string_view piece) { lines->take(piece); };
    }
    return http_.send(
        std::move(wanted), [this, done = std::move(done)](Result<HttpResponse> answer) {
            if (answer && answer->status >= 300) {
                note_patience(*answer);
                return done(std::unexpected(error_of(*answer)));
            }
            done(std::move(answer));
        });
}

}  // namespace serin::kubernetes
