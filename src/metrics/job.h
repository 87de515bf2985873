#pragma once

#include "ports/event_loop.h"
#include "ports/metric_source.h"
#include "ports/object_store.h"

#include <string_view>

namespace serin::metrics {

// The provider `job`: {metadata: {labels, annotations}, spec: JobSpec}. A measurement is a Job of
// batch/v1 that the run owns; whoever runs Jobs (the node on one machine) says how it ended, and
// that is the verdict: complete is Successful, failed is Failed, and one whose image is not there
// is Inconclusive, since nothing was tried. Jobs are named by run, metric and measurement, so a
// measurement that is asked for again is the same Job.
class JobSource : public MetricSource {
public:
    static constexpr std::string_view provider = "job";

    // Both outlive the source.
    JobSource(EventLoop& loop, ObjectStore& store) : loop_(loop), store_(store) {}

    Result<> check(const json::Object& config) const override;
    [[nodiscard]] std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;
    // Removes the Job.
    void forget(std::string_view ns, const std::map<std::string, std::string>& metadata) override;

private:
    EventLoop& loop_;
    ObjectStore& store_;
};

}  // namespace serin::metrics
