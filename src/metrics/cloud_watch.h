#pragma once

#include "metrics/aws_identity.h"
#include "metrics/credentials.h"
#include "metrics/http_provider.h"

#include <string>
#include <string_view>

namespace serin::metrics {

// The provider `cloudWatch`, with Argo's fields: interval and metricDataQueries. The result is the
// list of series that CloudWatch returns, each {Id, Label, StatusCode, Timestamps, Values}, newest
// value first: `result[0].Values[0] < 0.01`.
//
// Who asks, and where, is said as aws_identity.h has it.
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

// GetMetricData in the protocol of AWS' JSON 1.0. REQUIRES: the config was checked.
Result<HttpRequest> cloud_watch_request(
    const json::Object& config, const AwsIdentity& account, Instant now);

Result<MetricSample> read_cloud_watch_answer(const HttpResponse& response);

}  // namespace serin::metrics
