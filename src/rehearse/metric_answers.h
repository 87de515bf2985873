#pragma once

#include "metrics/budget_source.h"
#include "metrics/requests_source.h"
#include "metrics/sequential_source.h"
#include "ports/metric_source.h"
#include "rehearse/crowd.h"
#include "rehearse/request_series.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace serin::rehearse {

// How a metric of the manifest was answered.
struct MetricNote {
    std::string provider;
    std::string words;
    bool is_understood = true;
};

// Every metric provider of a rehearsal. Those of ours are the real ones over the simulated
// requests, Prometheus queries are answered from them too where they are understood, and a value
// that the user states for a metric goes before both. Anything else has no data.
class MetricAnswers : public MetricSource {
public:
    MetricAnswers(
        Scene& scene,
        Crowd& crowd,
        metrics::RequestWindows& windows,
        metrics::ReleaseRequests& examined);

    Result<> check(const json::Object& config) const override;
    std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;
    std::unique_ptr<Measurement> watch(
        const MetricQuery& query, std::function<void()> on_news) override;

    // Measurements that gave a value, early ones left out.
    std::int64_t values_given() const { return values_given_; }
    const std::map<std::string, MetricNote>& notes() const { return notes_; }

private:
    class News;
    class Examining;

    // `counts`: a value is a measurement, not an early look.
    std::unique_ptr<Measurement> answer(MetricQuery query, Done done, bool counts);
    Result<MetricSample> ask_prometheus(const MetricQuery& query);
    void note(const MetricQuery& query, const std::string& words, bool is_understood = true);
    void set_pace();

    Scene& scene_;
    Crowd& crowd_;
    metrics::RequestsSource requests_;
    metrics::SequentialSource sequential_;
    metrics::BudgetSource budget_;
    RequestSeries series_;
    Chance chance_;
    std::int64_t values_given_ = 0;
    std::map<std::string, MetricNote> notes_;
    std::multimap<std::uint64_t, const Measurement*> awaited_;  // By how many requests they are.
};

// Providers that an AnalysisTemplate may name, besides plugins.
const std::vector<std::string>& known_providers();

}  // namespace serin::rehearse
