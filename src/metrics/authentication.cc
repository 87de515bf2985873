#include "metrics/authentication.h"

#include "base/base64.h"
#include "metrics/http_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace serin::metrics {

namespace {

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("authentication.{}: {}", field, why));
}

std::string text_at(const json::Object& config, std::string_view pointer) {
    return std::string(json::text(json::find(config, pointer)).value_or(""));
}

std::string basic(std::string_view user, std::string_view password) {
    return "Basic " + encode_base64(fmt::format("{}:{}", user, password));
}

Result<std::string> read_basic(const json::Object& config) {
    const json::Object* given = json::object(json::find(config, "/authentication/basicAuth"));
    if (given == nullptr) return std::string();
    const std::string user = text_at(*given, "/username");
    const std::string password = text_at(*given, "/password");
    if (user.empty() && password.empty()) return std::string();
    if (user.empty() || password.empty()) return refuse("basicAuth", "needs username and password");
    return basic(user, password);
}

Result<std::optional<OAuth2>> read_oauth2(const json::Object& config) {
    const json::Object* given = json::object(json::find(config, "/authentication/oauth2"));
    if (given == nullptr || given->empty()) return std::nullopt;
    OAuth2 read{
        .token_url = text_at(*given, "/tokenUrl"),
        .client_id = text_at(*given, "/clientId"),
        .client_secret = text_at(*given, "/clientSecret")};
    SERIN_TRY_DO(check_url("authentication.oauth2.tokenUrl", read.token_url));
    if (read.client_id.empty()) return refuse("oauth2.clientId", "missing");
    if (read.client_secret.empty()) return refuse("oauth2.clientSecret", "missing");
    if (const json::Array* scopes = json::array(given->if_contains("scopes"))) {
        for (const json::Value& scope : *scopes)
            read.scopes.emplace_back(json::text(&scope).value_or(""));
    }
    return read;
}

Result<std::string> read_token(const HttpResponse& response) {
    if (response.status / 100 != 2) {
        return fail(
            ErrorKind::invalid, fmt::format("received non 2xx response code: {}", response.status));
    }
    const auto body = json::parse(response.body);
    const auto token = body ? json::text(json::find(*body, "/access_token")) : std::nullopt;
    if (!token || token->empty())
        return fail(ErrorKind::invalid, "the answer holds no access_token");
    if (token->find_first_of("\r\n") != token->npos)
        return fail(ErrorKind::invalid, "the token has a line break");
    return std::string(*token);
}

// Asks for a token, then what is really asked.
class AuthorizedCall : public HttpClient::Call {
public:
    AuthorizedCall(
        HttpClient& client, OAuth2 credentials, HttpRequest request, HttpClient::Done done)
        : client_(client),
          credentials_(std::move(credentials)),
          request_(std::move(request)),
          done_(std::move(done)) {
        calls_.push_back(
            client_.send(token_request(false), [this](const Result<HttpResponse>& response) {
                const bool is_refused =
                    response && (response->status == 400 || response->status == 401);
                if (!is_refused) return take_token(response);
                calls_.push_back(client_.send(
                    token_request(true),
                    [this](const Result<HttpResponse>& second) { take_token(second); }));
            }));
    }

private:
    HttpRequest token_request(bool has_secret_in_form) const {
        HttpRequest ask{.method = "POST", .url = credentials_.token_url};
        ask.timeout = request_.timeout;
        ask.verify_peer = request_.verify_peer;
        ask.ca_file = request_.ca_file;
        ask.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
        ask.body = "grant_type=client_credentials";
        if (!credentials_.scopes.empty())
            ask.body +=
                "&scope=" + escape_form(fmt::format("{}", fmt::join(credentials_.scopes, " ")));
        const std::string id = escape_form(credentials_.client_id);
        const std::string secret = escape_form(credentials_.client_secret);
        if (has_secret_in_form) {
            ask.body += fmt::format("&client_id={}&client_secret={}", id, secret);
        } else {
            ask.headers.emplace_back("Authorization", basic(id, secret));
        }
        return ask;
    }

    // May end this object, so nothing follows the call of done.
    void take_token(const Result<HttpResponse>& response) {
        auto token = response ? read_token(*response) : std::unexpected(response.error());
        if (!token) {
            const HttpClient::Done call = std::move(done_);
            return call(
                std::unexpected(std::move(token).error().within("could not get an OAuth2 token")));
        }
        request_.headers.emplace_back("Authorization", "Bearer " + *token);
        calls_.push_back(client_.send(std::move(request_), [this](Result<HttpResponse> answer) {
            const HttpClient::Done call = std::move(done_);
            call(std::move(answer));
        }));
    }

    HttpClient& client_;
    const OAuth2 credentials_;
    HttpRequest request_;
    HttpClient::Done done_;
    // Those that have answered stay: one may be what is calling.
    std::vector<std::unique_ptr<HttpClient::Call>> calls_;
};

}  // namespace

std::string escape_form(std::string_view text) {
    std::string escaped;
    for (const char letter : text) {
        const bool is_plain = (letter >= 'a' && letter <= 'z') ||
                              (letter >= 'A' && letter <= 'Z') ||
                              (letter >= '0' && letter <= '9') || letter == '-' || letter == '_' ||
                              letter == '.' || letter == '~';
        if (is_plain)
            escaped.push_back(letter);
        else
            escaped += fmt::format("%{:02X}", static_cast<unsigned char>(letter));
    }
    return escaped;
}

Result<Authentication> read_authentication(const json::Object& config) {
    SERIN_TRY_DO(refuse_authentication(config, "sigv4"));
    Authentication read;
    SERIN_TRY(read.header, read_basic(config));
    SERIN_TRY(read.oauth2, read_oauth2(config));
    if (read.oauth2 && !read.header.empty())
        return refuse("oauth2", "use either basicAuth or oauth2");
    return read;
}

std::unique_ptr<HttpClient::Call> send_authorized(
    HttpClient& client,
    const Authentication& authentication,
    HttpRequest request,
    HttpClient::Done done) {
    if (authentication.oauth2) {
        return std::make_unique<AuthorizedCall>(
            client, *authentication.oauth2, std::move(request), std::move(done));
    }
    if (!authentication.header.empty())
        request.headers.emplace_back("Authorization", authentication.header);
    return client.send(std::move(request), std::move(done));
}

}  // namespace serin::metrics
