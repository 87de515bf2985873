#pragma once

#include <optional>
#include <string>
#include <string_view>

// Base64 (RFC 4648), as Secrets hold their values and HTTP its credentials.

namespace serin {

// With padding, in one line.
std::string encode_base64(std::string_view bytes);

// The alphabet of URLs ('-' and '_'), without padding, as JSON Web Tokens are written.
std::string encode_base64_url(std::string_view bytes);

// Passes over padding and line breaks; empty for anything else that is no digit.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace serin
