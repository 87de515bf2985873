#pragma once

#include "ports/event_loop.h"
#include "ports/metric_source.h"
#include "ports/object_store.h"
#include "ports/request_stream.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace serin::metrics {

// The provider `serin/ab`: an experiment of two or more arms on the requests that the data plane
// reports; see docs/reference/judges.md. One measurement, which lasts until an arm has won. What an
// experiment knows is kept in a ConfigMap that its run owns. Passes every outcome on.
//
// Outcomes may come in on another thread; all else is used on the event loop.
class AbSource : public MetricSource, public OutcomeSink {
public:
    static constexpr std::string_view provider = "serin/ab";

    // All outlive this, and this its measurements.
    AbSource(EventLoop& loop, ObjectStore& store, OutcomeSink& next);
    ~AbSource() override;
    AbSource(const AbSource&) = delete;
    AbSource& operator=(const AbSource&) = delete;

    Result<> check(const json::Object& config) const override;
    [[nodiscard]] std::unique_ptr<Measurement> measure(MetricQuery query, Done done) override;

    void take(std::span<const RequestOutcome> outcomes) override;
    void take_gap(const StreamGap& gap) override { next_.take_gap(gap); }

    // Writes what has not been written yet.
    void flush();

private:
    struct Trial;
    class Running;
    struct Place {
        std::shared_ptr<Trial> trial;
        std::size_t arm = 0;
    };

    void enter(const std::shared_ptr<Trial>& trial);
    void leave(const std::shared_ptr<Trial>& trial);
    void count(std::string_view kind, std::string_view name, const RequestOutcome& outcome);
    void recall(Trial& trial) const;
    void save(Trial& trial);
    void tick();

    EventLoop& loop_;
    ObjectStore& store_;
    OutcomeSink& next_;
    std::mutex mutex_;  // Over the trials' states and places.
    std::unordered_map<std::string, std::vector<Place>> places_;  // By kind, namespace and name.
    std::string place_;  // The key at hand; kept for its memory.
    std::vector<std::shared_ptr<Trial>> trials_;
    EventLoop::Watch timer_;
};

}  // namespace serin::metrics
