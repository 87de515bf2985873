#pragma once

#include "base/time.h"
#include "ports/http_client.h"

#include <string>

namespace serin::metrics {

struct AwsKeys {
    std::string access_key_id;
    std::string secret_access_key;
    std::string session_token;  // Of temporary credentials; empty for others.
};

struct AwsScope {
    std::string region;   // "eu-central-1"
    std::string service;  // "monitoring"
};

// Signs a request by AWS Signature Version 4: adds X-Amz-Date, X-Amz-Security-Token where there is
// a token, and Authorization. The path is taken as it is written, without a second encoding, and
// must be normal. Every header that the request has is signed.
void sign_v4(HttpRequest& request, const AwsKeys& keys, const AwsScope& scope, Instant now);

}  // namespace serin::metrics
