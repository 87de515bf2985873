#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

// Signatures of requests to strangers' services.

namespace serin {

// 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view text);

// RSASSA-PKCS1-v1_5 with SHA-256 ("RS256") by a private key in PEM. `invalid` for a key that cannot
// be read; no message holds any of it.
Result<std::string> sign_rs256(const std::string& private_key_pem, std::string_view text);

}  // namespace serin
