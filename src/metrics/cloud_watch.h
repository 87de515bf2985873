#pragma once

#include "metrics/credentials.h"
#include "metrics/http_provider.h"
#include "metrics/sigv4.h"

#include <string>
#include <string_view>

namespace serin::metrics {

// The provider `cloudWatch`, with Argo's fields: interval and metricDataQueries. The result is the
// list of series that CloudWatch returns, each {Id, Label, StatusCode, Timestamps, Values}, newest
// value first: `result[0].Values[0] < 0.01`.
//
// Who asks, and where, is said by the environment as AWS' tools read it (AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; AWS_REGION or AWS_DEFAULT_REGION;
// AWS_ENDPOINT_URL_CLOUDWATCH or AWS_ENDPOINT_URL), else by the Secret `cloudwatch`, else as
// aws_identity.h has it.
class CloudWatchSource : public HttpProvider {
public:
    static constexpr std::string_view provider = "cloudWatch";

    // Both outlive the source.
    CloudWatchSource(HttpClient& client, const Credentials& credentials)
        : HttpProvider(client), credentials_(credentials) {}

    Result<> check(const json::Object& config) const override;

private:
    Result<Question> ask(const MetricQuery& query) const override;

    const Credentials& credentials_;
};

struct AwsAccount {
    AwsKeys keys;
    std::string region;
    std::string endpoint;  // Empty: the region's own.
};

// GetMetricData in the protocol of AWS' JSON 1.0. REQUIRES: the config was checked.
Result<HttpRequest> cloud_watch_request(
    const json::Object& config, const AwsAccount& account, Instant now);

Result<MetricSample> read_cloud_watch_answer(const HttpResponse& response);

}  // namespace serin::metrics
