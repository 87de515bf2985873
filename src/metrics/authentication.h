#pragma once

#include "base/json.h"
#include "base/result.h"
#include "metrics/http_provider.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// How a provider over HTTP says who asks: the field `authentication` with basicAuth {username,
// password} or oauth2 {tokenUrl, clientId, clientSecret, scopes} (client credentials). What it has
// of sigv4 is left to who knows it.

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
    std::vector<std::string> secrets;  // All that must not be seen.
};

// `invalid` names the field.
Result<Authentication> read_authentication(const json::Object& config);

// The question with the authorization: `make` gets the value of the header, empty for none. For
// OAuth2 a token is asked for first, with the client's id and secret in the header, and in the form
// where the server does not take that. No message tells what the server of tokens says.
Question authorized(
    const Authentication& authentication,
    const std::function<Question(const std::string& header)>& make);

// For forms and queries alike.
std::string escape_form(std::string_view text);

}  // namespace serin::metrics
