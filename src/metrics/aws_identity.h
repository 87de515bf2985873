#pragma once

#include "base/result.h"
#include "metrics/credentials.h"
#include "metrics/sigv4.h"
#include "ports/http_client.h"

#include <optional>
#include <string>
#include <vector>

// Keys of AWS for those who were given none: a pod of EKS says who it is by a token that the
// cluster wrote, and gets keys that end by themselves. Which way is said by the environment, as EKS
// and ECS set it.

namespace serin::metrics {

struct AwsKeysQuestion {
    HttpRequest request;
    std::vector<std::string> secrets;  // The token.
};

// AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE: the role is assumed at the region's STS
// (AWS_ENDPOINT_URL_STS). Else AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI, with
// AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or _TOKEN: that address is asked. Empty when neither is
// set; `not_found` for a file that cannot be read.
Result<std::optional<AwsKeysQuestion>> aws_keys_question(
    const Credentials& credentials, const std::string& region);

// Reads the answer of either.
Result<AwsKeys> read_aws_keys(const HttpResponse& response);

}  // namespace serin::metrics
