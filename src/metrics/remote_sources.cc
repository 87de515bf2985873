#include "metrics/remote_sources.h"

#include <utility>

namespace serin::metrics {

RemoteSources::RemoteSources(HttpClient& client, Credentials credentials)
    : credentials_(std::move(credentials)),
      datadog_(client, credentials_),
      new_relic_(client, credentials_) {}

RemoteSources::ByName RemoteSources::with(ByName others) {
    others.emplace(DatadogSource::provider, &datadog_);
    others.emplace(NewRelicSource::provider, &new_relic_);
    return others;
}

}  // namespace serin::metrics
