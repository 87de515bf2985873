#pragma once

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "ports/metric_source.h"

#include <cstdint>
#include <optional>
#include <string>

namespace serin::metrics {

// The provider `serin/requests` as a metric asks for it; docs/reference/requests-provider.md is the
// manual of its fields. Numbers may be written as text, since arguments fill in text.
struct RequestsConfig {
    enum class Quantity { success_rate, error_rate, latency, count, rate };
    enum class Comparison { none, difference, ratio };

    Quantity quantity = Quantity::success_rate;
    double quantile = 0.95;
    std::optional<Duration> window;  // Empty: since the run began.
    std::string revision = "canary";
    std::string route;
    std::string service;
    int status_class = 0;  // 2 for "2xx"; 0: not given.
    Comparison comparison = Comparison::none;
    std::uint64_t requests_min = 30;
    Duration timeout{60'000};  // How long a measurement waits for so many requests.

    // `invalid` names the field.
    static Result<RequestsConfig> read(const json::Object& config);

    // Whose requests are asked for.
    Result<MetricArm> arm(const MetricQuery& query) const;
};

}  // namespace serin::metrics
