#pragma once

#include "metrics/credentials.h"
#include "metrics/datadog.h"
#include "metrics/new_relic.h"

#include <functional>
#include <map>
#include <string>

namespace serin::metrics {

// The sources that are services of others and need credentials of ours.
class RemoteSources {
public:
    // By the name a metric's provider has.
    using ByName = std::map<std::string, MetricSource*, std::less<>>;

    // The client outlives this, and so does what the credentials are read from.
    RemoteSources(HttpClient& client, Credentials credentials);
    RemoteSources(const RemoteSources&) = delete;
    RemoteSources& operator=(const RemoteSources&) = delete;

    // These sources, and `others`.
    ByName with(ByName others);

private:
    const Credentials credentials_;
    DatadogSource datadog_;
    NewRelicSource new_relic_;
};

}  // namespace serin::metrics
