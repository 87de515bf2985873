#pragma once

#include "base/result.h"
#include "metrics/credentials.h"
#include "metrics/sigv4.h"

#include <optional>
#include <string>

// The files of AWS' tools: ~/.aws/credentials and ~/.aws/config, or what
// AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name.

namespace serin::metrics {

struct AwsProfile {
    AwsKeys keys;
    std::string region;  // "" where the files do not say it.
};

// Empty when neither file has keys for the profile: those that it would get by another profile's
// role, by single sign-on or by a program are not asked for.
std::optional<AwsProfile> aws_profile(const Credentials& credentials, const std::string& profile);

}  // namespace serin::metrics
