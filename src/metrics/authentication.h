#pragma once

#include "base/json.h"
#include "base/result.h"
#include "ports/http_client.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// How a provider over HTTP says who asks: the field `authentication` with basicAuth {username,
// password} or oauth2 {tokenUrl, clientId, clientSecret, scopes} (client credentials). SigV4 is
// refused.

namespace serin::metrics {

struct OAuth2 {
    std::string token_url;
    std::string client_id;
    std::string client_secret;
    std::vector<std::string> scopes;
};

struct Authentication {
    std::string header;  // Value of Authorization; empty for none.
    std::optional<OAuth2> oauth2;
};

// `invalid` names the field.
Result<Authentication> read_authentication(const json::Object& config);

// Sends the request with the authorization. For OAuth2 a token is asked for first, with the
// client's id and secret in the header, and in the form where the server does not take that. No
// message tells the token or the secret.
[[nodiscard]] std::unique_ptr<HttpClient::Call> send_authorized(
    HttpClient& client,
    const Authentication& authentication,
    HttpRequest request,
    HttpClient::Done done);

// For forms and queries alike.
std::string escape_form(std::string_view text);

}  // namespace serin::metrics
