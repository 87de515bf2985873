#pragma once

#include "ports/metric_source.h"
#include "sim/stage.h"

#include <map>
#include <memory>
#include <string>

namespace serin::sim {

// The success rate of the candidate's requests, as a provider tells it: at once or late, or not at
// all, with errors, without a value, or with noise.
class Source : public MetricSource {
public:
    explicit Source(Stage& stage) : stage_(stage), random_(stage.random.fork(5)) {}

    Result<> check(const json::Object& config) const override;
    std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;
    std::unique_ptr<Measurement> watch(
        const MetricQuery& query, std::function<void()> on_news) override;

    // How often a value was handed out for this run.
    int values_given(const std::string& run) const;

private:
    Result<MetricSample> answer(const MetricQuery& query);
    double rate_of(const std::string& revision);

    Stage& stage_;
    Random random_;
    std::map<std::string, int> given_;
};

}  // namespace serin::sim
