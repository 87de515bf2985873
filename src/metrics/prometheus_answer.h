#pragma once

#include "base/result.h"
#include "ports/http_client.h"
#include "ports/metric_source.h"

namespace serin::metrics {

// Reads the answer to /api/v1/query or /api/v1/query_range. A vector or matrix becomes the list of
// all its values, a scalar a number. Fails with `invalid` in the words of Prometheus' own client:
// "bad_data: ...", "server_error: server error: 503".
Result<MetricSample> read_prometheus_answer(const HttpResponse& response);

}  // namespace serin::metrics
