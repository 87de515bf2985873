#pragma once

#include "base/result.h"
#include "base/time.h"
#include "metrics/credentials.h"
#include "metrics/http_provider.h"
#include "metrics/sigv4.h"

#include <functional>
#include <string>

// Who we are at AWS. Keys that were given come first; then those that the place gives we run in,
// which have to be asked for and end by themselves.

namespace serin::metrics {

struct AwsIdentity {
    AwsKeys keys;          // Empty: they are to be asked for.
    std::string region;    // "" where nothing says it.
    std::string endpoint;  // Of CloudWatch; "" for the region's own.
};

// What is known without asking anybody: of `profile` in the files of AWS' tools, if it is named;
// else AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; else the Secret
// `cloudwatch`; else, where nothing says that a pod has a role, AWS_PROFILE or the default profile
// of the files. Beside any of them AWS_REGION or AWS_DEFAULT_REGION, and
// AWS_ENDPOINT_URL_CLOUDWATCH or AWS_ENDPOINT_URL. `not_found` for a profile that is named, and for
// a Secret without its keys.
Result<AwsIdentity> aws_identity(const Credentials& credentials, const std::string& profile);

// Asks `next` with the keys of the identity. Where it has none, they are asked for first:
// - AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE: the role is assumed at the region's STS
//   (AWS_ENDPOINT_URL_STS), as pods of EKS do it;
// - AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI, with
// AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
//   or _TOKEN: that address is asked (EKS Pod Identity, ECS);
// - the machine's metadata service (AWS_EC2_METADATA_SERVICE_ENDPOINT), unless
//   AWS_EC2_METADATA_DISABLED is true.
// `role_arn`, if not empty, is assumed with them before `next`. `not_found` when there is no way.
Result<Question> with_aws_keys(
    const Credentials& credentials,
    const AwsIdentity& identity,
    const std::string& role_arn,
    Instant now,
    std::function<Result<Question>(const AwsKeys& keys)> next);

}  // namespace serin::metrics
