#pragma once

#include "metrics/request_windows.h"
#include "rehearse/crowd.h"
#include "rehearse/promql.h"

#include <string>

namespace serin::rehearse {

// What a Prometheus would have recorded of the simulated requests: counters and latency histograms,
// known by their names, with the labels that meshes, ingresses and clients give them. It looks
// every `scrape`, so that answers lag behind and short ranges hold too few samples.
class RequestSeries {
public:
    // All outlive this.
    RequestSeries(Scene& scene, const Crowd& crowd, const metrics::RequestWindows& windows)
        : scene_(scene), crowd_(crowd), windows_(windows) {}

    // `invalid` for a metric that is none of these.
    Result<SeriesReading> read(const Selection& selection) const;

    // "requests of the new version with code 5xx over 5m".
    Result<std::string> describe(const Selection& selection) const;

private:
    struct Meaning;
    Result<Meaning> understand(const Selection& selection) const;
    Result<bool> admits(const LabelMatcher& matcher, Version version, bool is_failure) const;

    Scene& scene_;
    const Crowd& crowd_;
    const metrics::RequestWindows& windows_;
};

}  // namespace serin::rehearse
