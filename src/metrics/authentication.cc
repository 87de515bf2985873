#include "metrics/authentication.h"

#include "base/base64.h"
#include "metrics/http_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace serin::metrics {

namespace {

constexpr std::string_view no_token = "could not get an OAuth2 token";

std::unexpected<Error> refuse(std::string_view field, std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("authentication.{}: {}", field, why));
}

std::string text_at(const json::Object& config, std::string_view pointer) {
    return std::string(json::text(json::find(config, pointer)).value_or(""));
}

std::string encoded(std::string_view user, std::string_view password) {
    return encode_base64(fmt::format("{}:{}", user, password));
}

std::string basic(std::string_view user, std::string_view password) {
    return "Basic " + encoded(user, password);
}

Result<> read_basic(const json::Object& config, Authentication& read) {
    const json::Object* given = json::object(json::find(config, "/authentication/basicAuth"));
    if (given == nullptr) return {};
    const std::string user = text_at(*given, "/username");
    const std::string password = text_at(*given, "/password");
    if (user.empty() && password.empty()) return {};
    if (user.empty() || password.empty()) return refuse("basicAuth", "needs username and password");
    read.header = basic(user, password);
    read.secrets = {password, encoded(user, password)};
    return {};
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

enum class SecretPlace { header, form };

// `like` has the time, and how much a certificate counts.
HttpRequest token_request(const OAuth2& credentials, SecretPlace place, const HttpRequest& like) {
    HttpRequest ask{.method = "POST", .url = credentials.token_url};
    ask.timeout = like.timeout;
    ask.verify_peer = like.verify_peer;
    ask.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    ask.body = "grant_type=client_credentials";
    if (!credentials.scopes.empty())
        ask.body += "&scope=" + escape_form(fmt::format("{}", fmt::join(credentials.scopes, " ")));
    const std::string id = escape_form(credentials.client_id);
    const std::string secret = escape_form(credentials.client_secret);
    if (place == SecretPlace::form) {
        ask.body += fmt::format("&client_id={}&client_secret={}", id, secret);
    } else {
        ask.headers.emplace_back("Authorization", basic(id, secret));
    }
    return ask;
}

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
    Authentication read;
    SERIN_TRY_DO(read_basic(config, read));
    SERIN_TRY(read.oauth2, read_oauth2(config));
    if (!read.oauth2) return read;
    if (!read.header.empty()) return refuse("oauth2", "use either basicAuth or oauth2");
    const std::string id = escape_form(read.oauth2->client_id);
    const std::string& secret = read.oauth2->client_secret;
    read.secrets = {secret, encoded(id, escape_form(secret))};
    return read;
}

Question authorized(
    const Authentication& authentication,
    const std::function<Question(const std::string& header)>& make) {
    if (!authentication.oauth2) {
        Question question = make(authentication.header);
        std::ranges::copy(authentication.secrets, std::back_inserter(question.secrets));
        return question;
    }
    const HttpRequest like = make("").request;
    Question ask_in_header{
        .request = token_request(*authentication.oauth2, SecretPlace::header, like),
        .then = [make](const HttpResponse& response) -> Result<Question> {
            const auto token = read_token(response);
            if (!token) return std::unexpected(Error(token.error()).within(no_token));
            Question question = make("Bearer " + *token);
            question.secrets.push_back(*token);
            return question;
        },
        .secrets = authentication.secrets,
        .attempt = std::string(no_token)};
    Question ask_in_form = ask_in_header;
    ask_in_form.request = token_request(*authentication.oauth2, SecretPlace::form, like);
    ask_in_header.instead = [ask_in_form](const HttpResponse& response) -> std::optional<Question> {
        if (response.status != 400 && response.status != 401) return std::nullopt;
        return ask_in_form;
    };
    return ask_in_header;
}

}  // namespace serin::metrics
