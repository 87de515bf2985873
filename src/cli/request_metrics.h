#pragma once

namespace serin::metrics {
class RequestTotals;
}
namespace serin::server {
class Exposition;
}

namespace serin::cli {

// What the gateway has served, for Prometheus: the numbers `serin/requests` judges, as counters.
void add_request_metrics(const metrics::RequestTotals& totals, server::Exposition& out);

}  // namespace serin::cli
