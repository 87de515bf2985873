#include "metrics/remote_sources.h"

#include <utility>

namespace serin::metrics {

RemoteSources::RemoteSources(EventLoop& loop, HttpClient& client, Credentials credentials)
    : credentials_(std::move(credentials)),
      datadog_(client, credentials_),
      new_relic_(client, credentials_),
      cloud_watch_(client, credentials_),
      graphite_(client),
      influxdb_(client, credentials_),
      wavefront_(client, credentials_),
      skywalking_(client),
      kayenta_(loop, client),
      dynatrace_(client, credentials_),
      google_monitoring_(client, credentials_),
      splunk_(client, credentials_) {}

RemoteSources::ByName RemoteSources::with(ByName others) {
    others.emplace(DatadogSource::provider, &datadog_);
    others.emplace(NewRelicSource::provider, &new_relic_);
    others.emplace(CloudWatchSource::provider, &cloud_watch_);
    others.emplace(GraphiteSource::provider, &graphite_);
    others.emplace(InfluxdbSource::provider, &influxdb_);
    others.emplace(WavefrontSource::provider, &wavefront_);
    others.emplace(SkywalkingSource::provider, &skywalking_);
    others.emplace(KayentaServerSource::provider, &kayenta_);
    others.emplace(DynatraceSource::provider, &dynatrace_);
    others.emplace(GoogleMonitoringSource::provider, &google_monitoring_);
    others.emplace(SplunkSource::provider, &splunk_);
    return others;
}

}  // namespace serin::metrics
