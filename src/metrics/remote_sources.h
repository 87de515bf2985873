#pragma once

#include "metrics/cloud_watch.h"
#include "metrics/credentials.h"
#include "metrics/datadog.h"
#include "metrics/dynatrace.h"
#include "metrics/google_monitoring.h"
#include "metrics/graphite.h"
#include "metrics/influxdb.h"
#include "metrics/kayenta_server.h"
#include "metrics/new_relic.h"
#include "metrics/skywalking.h"
#include "metrics/splunk.h"
#include "metrics/wavefront.h"

#include <functional>
#include <map>
#include <string>

namespace serin::metrics {

// The sources that are services of others, most of them with credentials of ours.
class RemoteSources {
public:
    // By the name a metric's provider has.
    using ByName = std::map<std::string, MetricSource*, std::less<>>;

    // Loop and client outlive this, and so does what the credentials are read from.
    RemoteSources(EventLoop& loop, HttpClient& client, Credentials credentials);
    RemoteSources(const RemoteSources&) = delete;
    RemoteSources& operator=(const RemoteSources&) = delete;

    // These sources, and `others`.
    ByName with(ByName others);

private:
    const Credentials credentials_;
    DatadogSource datadog_;
    NewRelicSource new_relic_;
    CloudWatchSource cloud_watch_;
    GraphiteSource graphite_;
    InfluxdbSource influxdb_;
    WavefrontSource wavefront_;
    SkywalkingSource skywalking_;
    KayentaServerSource kayenta_;
    DynatraceSource dynatrace_;
    GoogleMonitoringSource google_monitoring_;
    SplunkSource splunk_;
};

}  // namespace serin::metrics
