#pragma once

#include "metrics/credentials.h"
#include "metrics/http_provider.h"

#include <string>
#include <string_view>

namespace serin::metrics {

// The provider `serin/googleCloudMonitoring`: query (in the Monitoring Query Language), project and
// secretRef. Of each time series the newest point counts; see series_result.
//
// Keys of the Secret (`google-cloud-monitoring`), all of them optional: serviceAccountKey, the JSON
// that Google gives out, and project, as Flagger's users have them; address. Without a key the
// metadata server of the machine says who we are.
class GoogleMonitoringSource : public HttpProvider {
public:
    static constexpr std::string_view provider = "serin/googleCloudMonitoring";

    // Both outlive the source.
    GoogleMonitoringSource(HttpClient& client, const Credentials& credentials)
        : HttpProvider(client), credentials_(credentials) {}

    Result<> check(const json::Object& config) const override;

private:
    Result<Question> ask(const MetricQuery& query) const override;

    const Credentials& credentials_;
};

// Asks for a token: a signed claim of who we are, good for an hour. `invalid` for a key that is not
// one; no message holds any of it.
Result<HttpRequest> google_token_request(const std::string& service_account_key, Instant now);

struct GoogleTarget {
    std::string address;
    std::string project;
    std::string query;
};
HttpRequest google_monitoring_request(const GoogleTarget& target, const std::string& token);

Result<MetricSample> read_google_monitoring_answer(const HttpResponse& response);

}  // namespace serin::metrics
